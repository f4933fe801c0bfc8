using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary><c>y = f(x)</c>, entry by entry of a panel or a matrix.</summary>
public abstract record Map(Value X) : Operation
{
    public sealed override IReadOnlyList<Value> Inputs => [X];
    public sealed override IReadOnlyList<Shape> Results => [ThrowIfNumber(X)];

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) => of.Add(X, of.Graph.Add(new MapGradient(this, d[0]!)));
}

/// <summary><c>dx = f'(x) dy</c>, entry by entry.</summary>
/// <param name="Of">f, at x.</param>
/// <param name="Dy">The gradient of f(x).</param>
public sealed record MapGradient(Map Of, Value Dy) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Of.X, Dy];
    public override IReadOnlyList<Shape> Results => [ThrowIfUnlike(Of.X, Dy) with { Domain = Widest(Of.X, Dy) }];
    public override string Name => $"{Of.Name}Gradient";
}

/// <summary><c>y = f(a, b)</c>, entry by entry of two panels or two matrices.</summary>
public abstract record Combine(Value A, Value B) : Operation
{
    public sealed override IReadOnlyList<Value> Inputs => [A, B];
    public sealed override IReadOnlyList<Shape> Results => [ThrowIfOfTwoSizes(A, B) with { Domain = Widest(A, B) }];

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        var gradients = of.Graph.ResultsOf(new CombineGradient(this, d[0]!));
        of.Add(A, gradients[0]);
        of.Add(B, gradients[1]);
    }
}

/// <summary><c>da = ∂f/∂a dy</c> and <c>db = ∂f/∂b dy</c>, entry by entry.</summary>
/// <param name="Of">f, at a and b.</param>
/// <param name="Dy">The gradient of f(a, b).</param>
public sealed record CombineGradient(Combine Of, Value Dy) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Of.A, Of.B, Dy];
    public override IReadOnlyList<Shape> Results => [.. Enumerable.Repeat(ThrowIfUnlike(Of.A, Dy) with { Domain = Widest(Of.A, Of.B, Dy) }, 2)];
    public override Work Work => new(Entries: 2.0 * Dy.Shape.Count);
    public override string Name => $"{Of.Name}Gradient";
}

/// <summary><c>max(x, 0)</c>; derivative 0 at zero.</summary>
public sealed record Relu(Value X) : Map(X);

/// <summary>The exact (erf) GELU, <c>x Φ(x)</c>.</summary>
public sealed record Gelu(Value X) : Map(X);

/// <summary>The GELU with a tanh for the erf, PyTorch's <c>approximate='tanh'</c>: <c>x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))</c>.</summary>
public sealed record GeluTanh(Value X) : Map(X);

/// <summary>The hyperbolic tangent.</summary>
public sealed record Tanh(Value X) : Map(X);

/// <summary>The logistic function, <c>σ(x) = 1 / (1 + e^−x)</c>.</summary>
public sealed record Sigmoid(Value X) : Map(X);

/// <summary>The SiLU, or swish: <c>x σ(x)</c>.</summary>
public sealed record Silu(Value X) : Map(X);

/// <summary><c>|x|</c>; derivative 0 at zero.</summary>
public sealed record Absolute(Value X) : Map(X);

/// <summary><c>(x + offset)^exponent</c> for x ≥ 0 and an offset above 0.</summary>
public sealed record Power(Value X, float Exponent, float Offset) : Map(X);

/// <summary>1 where x exceeds the threshold, else 0; derivative 0.</summary>
public sealed record Above(Value X, float Threshold) : Map(X);

/// <summary>Lower-leaky hard sigmoid, for masks: <c>0.01x</c> below 0, <c>x</c> up to 1, then 1. Its gradient can revive a dead subcomponent.</summary>
public sealed record LowerLeakyHardSigmoid(Value X) : Map(X);

/// <summary>Upper-leaky hard sigmoid, for the minimality loss: 0 below 0, <c>x</c> up to 1, then <c>1 + 0.01 (x − 1)</c>.</summary>
public sealed record UpperLeakyHardSigmoid(Value X) : Map(X);

/// <summary>
/// Hard sigmoid: x within [0, 1]; above 1, <c>1 + leak (x − 1)</c>. Its derivative is 1 at 0 and at 1, as that of PyTorch's clamp. With a leak of 0.01 it is what
/// the minimality loss of the successor sees (VPD §2).
/// </summary>
public sealed record HardSigmoid(Value X, float Leak = 0) : Map(X);

/// <summary>
/// Hard sigmoid that leaks in its derivative alone (VPD §2): x within [0, 1]; at or below 0 a gradient below 0, which would raise x, passes times 0.01, and no
/// other. Where it is symmetric, so does a gradient above 0 at or above 1.
/// </summary>
public sealed record LeakyHardSigmoid(Value X, bool IsSymmetric = false) : Map(X);

/// <summary>A smooth hard sigmoid: <c>s(x) − s(x − 1)</c> with the swish <c>s(x) = x σ(10 x)</c>.</summary>
public sealed record SwishHardSigmoid(Value X) : Map(X);

/// <summary><c>scale · x + shift</c>.</summary>
public sealed record Affine(Value X, float Scale, float Shift) : Map(X);

/// <summary><c>x log₂(1 + count · x)</c> for x ≥ 0: what being important costs by how often it happens (VPD §2).</summary>
/// <param name="X">Mean importances.</param>
/// <param name="Count">How many positions the frequency counts.</param>
public sealed record FrequencyCost(Value X, double Count) : Map(X);

/// <summary><c>y = f(x, n)</c>, entry by entry of a panel or a matrix, n a number of the graph such as a schedule gives.</summary>
public abstract record NumberMap(Value X, Value N) : Operation
{
    public sealed override IReadOnlyList<Value> Inputs => [X, N];
    public sealed override IReadOnlyList<Shape> Results =>
        N.Shape == Shape.Number ? [ThrowIfNumber(X)] : throw new ArgumentException($"{Name} goes by a number, but {N} is none");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        of.Add(X, of.Graph.Add(new NumberMapGradient(this, d[0]!)));
        if (of.Wants(N)) throw new NotSupportedException($"a gradient by the number of {Name} was asked for, which has no rule");
    }
}

/// <summary><c>dx = ∂f/∂x dy</c>, entry by entry.</summary>
/// <param name="Of">f, at x and n.</param>
/// <param name="Dy">The gradient of f(x, n).</param>
public sealed record NumberMapGradient(NumberMap Of, Value Dy) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Of.X, Of.N, Dy];
    public override IReadOnlyList<Shape> Results => [ThrowIfUnlike(Of.X, Dy) with { Domain = Widest(Of.X, Dy) }];
    public override string Name => $"{Of.Name}Gradient";
}

/// <summary><c>(x + offset)^n</c> for x ≥ 0 and an offset above 0.</summary>
public sealed record PowerOf(Value X, Value N, float Offset) : NumberMap(X, N);

/// <summary>How far x is from zero, as a smooth count (VPD §2): <c>x² / (x² + γ²)</c>, γ being <paramref name="N"/>; times <c>1 + γ²</c>, and so 1 at 1, where that is asked for.</summary>
public sealed record SmoothCount(Value X, Value N, bool IsOneAtOne = false) : NumberMap(X, N);

/// <summary><c>a · b</c>.</summary>
public sealed record Multiply(Value A, Value B) : Combine(A, B);

/// <summary><c>a + (1 − a) b</c>.</summary>
public sealed record Interpolate(Value A, Value B) : Combine(A, B);

/// <summary><c>silu(a) · b</c>, the gated unit of SwiGLU.</summary>
public sealed record SwiGlu(Value A, Value B) : Combine(A, B);

/// <summary><c>scale · b + shift</c> where a is below the threshold, else 0.</summary>
public sealed record AffineBelow(Value A, Value B, float Threshold, float Scale, float Shift) : Combine(A, B);

/// <summary><c>y = times · factor · x</c>, and with <paramref name="IsMean"/> divided by the batch's positions.</summary>
/// <param name="X">x.</param>
/// <param name="Factor">A number; null for one.</param>
/// <param name="Times">A constant.</param>
/// <param name="IsMean">Whether it is divided by the positions that a mean over the batch is over.</param>
public sealed record Scale(Value X, Value? Factor, double Times = 1, bool IsMean = false) : Operation
{
    public override IReadOnlyList<Value> Inputs => Factor is null ? [X] : [X, Factor];
    public override IReadOnlyList<Shape> Results =>
        Factor is null || Factor.Shape == Shape.Number ? [X.Shape] : throw new ArgumentException($"a factor is a number, but {Factor} is none");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        of.Add(X, of.Graph.Add(this with { X = d[0]! }));
        if (Factor is not null && of.Wants(Factor))
            throw new NotSupportedException("a gradient by the factor of a scaling was asked for, which has no rule");
    }
}

/// <summary>x as it is, or, where a plan says so, added to a sum.</summary>
internal sealed record Copy(Value X) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => [X.Shape];
}
