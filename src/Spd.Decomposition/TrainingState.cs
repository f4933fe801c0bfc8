using Spd.Engine.Optimisation;

namespace Spd.Decomposition;

/// <summary>
/// Where a training stands: with the values of the parameters, all that decides how it goes on. Random numbers are drawn by seed, step and purpose, so that
/// their streams have no state of their own.
/// </summary>
/// <param name="Optimiser">The parameters, and the state of their optimiser.</param>
/// <param name="StepsTaken">Steps taken.</param>
/// <param name="EvaluatedBatches">Batches that have been drawn to measure on; each is another.</param>
public sealed record TrainingState(Optimiser Optimiser, int StepsTaken, long EvaluatedBatches);
