namespace Spd.Decomposition;

/// <summary>
/// Where a training stands: with the values of the parameters, all that decides how it goes on. Random numbers are drawn by seed, step and purpose, so that
/// their streams have no state of their own.
/// </summary>
/// <param name="Values">The parameters, the state of their optimiser, and what else is kept from step to step, by name; what is written there counts.</param>
/// <param name="StepsTaken">Steps taken.</param>
/// <param name="EvaluatedBatches">Batches that have been drawn to measure on; each is another.</param>
public sealed record TrainingState(IReadOnlyList<(string Name, Memory<float> Values)> Values, int StepsTaken, long EvaluatedBatches);
