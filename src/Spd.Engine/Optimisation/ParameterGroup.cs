namespace Spd.Engine.Optimisation;

/// <summary>Parameters that one rule steps at one rate.</summary>
/// <param name="Name">Its name in messages, and in checkpoints where there are several groups.</param>
/// <param name="Parameters">What is stepped.</param>
/// <param name="Rule">How it is stepped.</param>
/// <param name="Rate">The learning rate of a step, by the step's number.</param>
/// <param name="ClipNorm">
/// The largest Euclidean norm of the gradients of the whole group, above 0: longer ones are multiplied by <c>ClipNorm / (norm + 1e-6)</c>, as in PyTorch.
/// Null leaves gradients as they are.
/// </param>
public sealed record ParameterGroup(string Name, ParameterSet Parameters, IUpdateRule Rule, Func<long, double> Rate, double? ClipNorm = null);
