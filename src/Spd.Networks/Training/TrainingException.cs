namespace Spd.Networks.Training;

/// <summary>A target's training went wrong; the message is one sentence.</summary>
public sealed class TrainingException(string message) : Exception(message);
