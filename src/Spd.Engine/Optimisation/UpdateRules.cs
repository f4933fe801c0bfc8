using Spd.Engine.Kernels;

namespace Spd.Engine.Optimisation;

/// <summary>AdamW (Loshchilov and Hutter, 2019), as in PyTorch.</summary>
/// <param name="WeightDecay">Decoupled: values shrink by <c>rate · decay</c> before the step.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the denominator.</param>
/// <param name="DecaysVectors">Whether parameters of one column shrink too; without, weights of norms and biases do not, as language models are trained.</param>
public sealed record AdamW(double WeightDecay = 0, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, bool DecaysVectors = true) : IUpdateRule
{
    private static readonly string[] Moments = ["first_moment", "second_moment"];

    public IReadOnlyList<string> State => Moments;

    public unsafe void Step(long step, double rate, Stretch stretch)
    {
        double decay = DecaysVectors || stretch.Parameter.Columns > 1 ? WeightDecay : 0;
        var coefficients = new AdamWStep(
            rate, Beta1, Beta2, Epsilon, rate < 0 ? -decay : decay, 1 - Math.Pow(Beta1, step + 1), 1 - Math.Pow(Beta2, step + 1));
        float* first = stretch.StatePointer(0), second = stretch.StatePointer(1);
        stretch.Kernels.AdamW(coefficients, stretch.Length, stretch.ValuesPointer, stretch.GradientPointer, first, second);
    }
}

/// <summary>Gradient descent, as PyTorch's SGD: <c>v ← momentum · v + gradient</c>, <c>values ← values − rate · v</c>.</summary>
/// <param name="Momentum">The momentum; with 0 there is no state.</param>
public sealed record Sgd(double Momentum = 0) : IUpdateRule
{
    private static readonly string[] Velocity = ["velocity"];

    public IReadOnlyList<string> State => Momentum == 0 ? [] : Velocity;

    public unsafe void Step(long step, double rate, Stretch stretch)
    {
        float* values = stretch.ValuesPointer, direction = stretch.GradientPointer;
        if (Momentum != 0)
        {
            float* velocity = stretch.StatePointer(0);
            stretch.Kernels.Combine(new AddScaled((float)Momentum), stretch.Length, direction, velocity, velocity);
            direction = velocity;
        }

        stretch.Kernels.Combine(new AddScaled((float)-rate), stretch.Length, values, direction, values);
    }
}

/// <summary>
/// Steps by the sign of the gradient alone (Bernstein et al., 2018): <c>values ← values − rate · sign(gradient)</c>.
/// A gradient that is zero or not a number has no sign, and its value stays.
/// </summary>
public sealed record SignSgd : IUpdateRule
{
    public IReadOnlyList<string> State => [];

    public unsafe void Step(long step, double rate, Stretch stretch) =>
        stretch.Kernels.Combine(new AddSign((float)-rate), stretch.Length, stretch.ValuesPointer, stretch.GradientPointer, stretch.ValuesPointer);
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

    public unsafe void Step(long step, double rate, Stretch stretch)
    {
        Rule.Step(step, -rate, stretch);
        stretch.Kernels.Map(new Clamp(Low, High), stretch.Length, stretch.ValuesPointer, stretch.ValuesPointer);
    }
}
