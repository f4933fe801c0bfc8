using Spd.Runs.Results;

namespace Spd.Runs.Plans;

/// <summary>A run that lies in its folder.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Config">The text of its <c>config.yaml</c>.</param>
/// <param name="Summary">Its <c>summary.json</c>.</param>
public sealed record StoredRun(string Folder, string Config, RunSummary Summary);
