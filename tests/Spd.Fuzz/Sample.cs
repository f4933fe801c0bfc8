namespace Spd.Fuzz;

/// <summary>A file as it is tried: a good one, or a mutant of some.</summary>
/// <param name="Name">Its path below the folder of the trial, with slashes.</param>
/// <param name="Bytes">Its content.</param>
public sealed record Sample(string Name, byte[] Bytes);
