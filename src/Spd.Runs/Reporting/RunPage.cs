namespace Spd.Runs.Reporting;

/// <summary>A page of a run besides its report, which links to it.</summary>
/// <param name="File">Its place in the run's folder, with slashes.</param>
/// <param name="Title">What the link says.</param>
/// <param name="Html">The page.</param>
public sealed record RunPage(string File, string Title, string Html);
