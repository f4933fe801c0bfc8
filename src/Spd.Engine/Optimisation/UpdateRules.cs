using Spd.Engine.Kernels;

namespace Spd.Engine.Optimisation;

/// <summary>AdamW (Loshchilov and Hutter, 2019), as in PyTorch.</summary>
/// <param name="WeightDecay">Decoupled: values shrink by <c>rate · decay</c> before the step.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the denominator.</param>
public sealed record AdamW(double WeightDecay = 0, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8) : IUpdateRule
{
    private static readonly string[] Moments = ["first_moment", "second_moment"];

    public IReadOnlyList<string> State => Moments;

    public unsafe void Step(KernelSet kernels, long step, double rate, Stretch stretch)
    {
        var coefficients = new AdamWStep(
            rate, Beta1, Beta2, Epsilon, rate < 0 ? -WeightDecay : WeightDecay, 1 - Math.Pow(Beta1, step + 1), 1 - Math.Pow(Beta2, step + 1));
        fixed (float* values = stretch.Values, gradient = stretch.Gradient, first = stretch.State(0), second = stretch.State(1))
            kernels.AdamW(coefficients, stretch.Gradient.Length, values, gradient, first, second);
    }
}

/// <summary>Gradient descent, as PyTorch's SGD: <c>v ← momentum · v + gradient</c>, <c>values ← values − rate · v</c>.</summary>
/// <param name="Momentum">The momentum; with 0 there is no state.</param>
public sealed record Sgd(double Momentum = 0) : IUpdateRule
{
    private static readonly string[] Velocity = ["velocity"];

    public IReadOnlyList<string> State => Momentum == 0 ? [] : Velocity;

    public unsafe void Step(KernelSet kernels, long step, double rate, Stretch stretch)
    {
        int count = stretch.Gradient.Length;
        fixed (float* values = stretch.Values, gradient = stretch.Gradient, velocity = Momentum == 0 ? [] : stretch.State(0))
        {
            if (velocity != null) kernels.Combine(new AddScaled((float)Momentum), count, gradient, velocity, velocity);
            kernels.Combine(new AddScaled((float)-rate), count, values, velocity == null ? gradient : velocity, values);
        }
    }
}

/// <summary>
/// Steps by the sign of the gradient alone (Bernstein et al., 2018): <c>values ← values − rate · sign(gradient)</c>.
/// A gradient that is zero or not a number has no sign, and its value stays.
/// </summary>
public sealed record SignSgd : IUpdateRule
{
    public IReadOnlyList<string> State => [];

    public unsafe void Step(KernelSet kernels, long step, double rate, Stretch stretch)
    {
        fixed (float* values = stretch.Values, gradient = stretch.Gradient)
            kernels.Combine(new AddSign((float)-rate), stretch.Gradient.Length, values, gradient, values);
    }
}

/// <summary>Goes up where another rule goes down, and keeps the values within bounds: what the sources of an adversary do.</summary>
/// <param name="Rule">The other rule.</param>
/// <param name="Low">The lowest value.</param>
/// <param name="High">The highest value, not below <paramref name="Low"/>.</param>
public sealed record Ascent(IUpdateRule Rule, float Low, float High) : IUpdateRule
{
    /// <summary>The highest value.</summary>
    public float High { get; } = High >= Low ? High
        : throw new ArgumentException($"an ascent keeps values between {Low} and {High}, the first of which must not be above the second");

    public IReadOnlyList<string> State => Rule.State;

    public bool NeedsWholeMatrix => Rule.NeedsWholeMatrix;

    public unsafe void Step(KernelSet kernels, long step, double rate, Stretch stretch)
    {
        Rule.Step(kernels, step, -rate, stretch);
        fixed (float* values = stretch.Values) kernels.Map(new Clamp(Low, High), stretch.Gradient.Length, values, values);
    }
}
