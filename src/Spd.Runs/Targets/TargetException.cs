namespace Spd.Runs.Targets;

/// <summary>No target could be trained, or a network falls short of what is said of it; the message is one sentence.</summary>
public sealed class TargetException(string message) : Exception(message);
