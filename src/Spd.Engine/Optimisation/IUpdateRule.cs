using Spd.Engine.Execution;
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
    /// <param name="step">The step's number, from 0.</param>
    /// <param name="rate">The learning rate: the larger, the further against the gradient; below zero it goes along it.</param>
    /// <param name="stretch">The part: its values and its state are updated.</param>
    void Step(long step, double rate, Stretch stretch);
}

/// <summary>A part of a parameter, with its gradient and its state: as many values of each, counted row-major.</summary>
public readonly unsafe ref struct Stretch
{
    private readonly AlignedBuffer[] _state;
    private readonly int _first;

    internal Stretch(KernelSet kernels, Parameter parameter, int first, int length, float* gradient, AlignedBuffer[] state)
    {
        (Kernels, Parameter, _first, Length, _state) = (kernels, parameter, first, length, state);
        GradientPointer = gradient;
    }

    /// <summary>The parameter that this is a part of.</summary>
    public Parameter Parameter { get; }

    /// <summary>How many values it has.</summary>
    public int Length { get; }

    /// <summary>The gradient.</summary>
    public ReadOnlySpan<float> Gradient => new(GradientPointer, Length);

    /// <summary>The values.</summary>
    public Span<float> Values => Parameter.Values.Slice(_first, Length);

    internal KernelSet Kernels { get; }

    internal float* GradientPointer { get; }

    internal float* ValuesPointer => Parameter.Pointer + _first;

    /// <summary>One array of the state, by its place in <see cref="IUpdateRule.State"/>.</summary>
    public Span<float> State(int index) => _state[index].Span.Slice(_first, Length);

    internal float* StatePointer(int index) => _state[index].Pointer + _first;
}
