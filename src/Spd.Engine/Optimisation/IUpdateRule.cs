using Spd.Engine.Kernels;

namespace Spd.Engine.Optimisation;

/// <summary>How parameters follow from their gradients.</summary>
public interface IUpdateRule
{
    /// <summary>What the rule keeps for every parameter from step to step, by name: arrays like the parameter, zero before the first step.</summary>
    IReadOnlyList<string> State { get; }

    /// <summary>Whether each parameter is stepped as a whole, where others are cut into stretches.</summary>
    bool NeedsWholeMatrix => false;

    /// <summary>Takes one step of a part of a parameter. Several threads may do so at a time, each on other parts.</summary>
    /// <param name="kernels">What computes.</param>
    /// <param name="step">The step's number, from 0.</param>
    /// <param name="rate">The learning rate: the larger, the further against the gradient; below zero it goes along it.</param>
    /// <param name="stretch">The part: its values and its state are updated.</param>
    void Step(KernelSet kernels, long step, double rate, Stretch stretch);
}

/// <summary>A part of a parameter, with its gradient and its state.</summary>
/// <param name="parameter">The parameter.</param>
/// <param name="first">The first of its values, counted row-major.</param>
/// <param name="gradient">Their gradient, as long as the part is.</param>
/// <param name="state">The arrays of the parameter that <see cref="IUpdateRule.State"/> names.</param>
public readonly ref struct Stretch(Parameter parameter, int first, ReadOnlySpan<float> gradient, Memory<float>[] state)
{
    /// <summary>The parameter that this is a part of.</summary>
    public Parameter Parameter => parameter;

    /// <summary>The gradient.</summary>
    public ReadOnlySpan<float> Gradient { get; } = gradient;

    /// <summary>The values.</summary>
    public Span<float> Values => parameter.Values.Slice(first, Gradient.Length);

    /// <summary>One array of the state, by its place in <see cref="IUpdateRule.State"/>.</summary>
    public Span<float> State(int index) => state[index].Span.Slice(first, Gradient.Length);
}
