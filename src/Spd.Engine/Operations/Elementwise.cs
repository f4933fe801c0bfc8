using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Engine.Operations;

/// <summary><c>y = f(x)</c> entry by entry, for any function.</summary>
public abstract record Map(Value X) : Operation
{
    public sealed override IReadOnlyList<Value> Inputs => [X];

    public sealed override IReadOnlyList<Shape> Results => [ThrowIfNumber(X)];

    public sealed override Work Work => new(Entries: X.Shape.Count);

    internal abstract TResult Give<TResult>(IFunctionUser<TResult> user);
}

/// <summary><c>y = f(x)</c> entry by entry.</summary>
/// <typeparam name="TFunction">The function, compared by value.</typeparam>
/// <param name="Function">Its parameters, where it has any.</param>
/// <param name="X">x.</param>
public sealed record Map<TFunction>(TFunction Function, Value X) : Map(X)
    where TFunction : struct, IUnaryFunction
{
    public override string Name => typeof(TFunction).Name;

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) =>
        of.Add(X, of.Graph.Add(new MapGradient<TFunction>(Function, X, d[0]!)));

    internal override TResult Give<TResult>(IFunctionUser<TResult> user) => user.Use(Function);
}

/// <summary><c>dx = f'(x) dy</c> entry by entry, for any function.</summary>
public abstract record MapGradient(Value X, Value Dy) : Operation
{
    public sealed override IReadOnlyList<Value> Inputs => [X, Dy];

    public sealed override IReadOnlyList<Shape> Results => [X.Shape with { Domain = Widest(X, Dy) }];

    public sealed override Work Work => new(Entries: X.Shape.Count);

    internal abstract TResult Give<TResult>(IFunctionUser<TResult> user);
}

/// <summary><c>dx = f'(x) dy</c> entry by entry.</summary>
/// <typeparam name="TFunction">The function.</typeparam>
/// <param name="Function">Its parameters, where it has any.</param>
/// <param name="X">x.</param>
/// <param name="Dy">The gradient of f(x).</param>
public sealed record MapGradient<TFunction>(TFunction Function, Value X, Value Dy) : MapGradient(X, Dy)
    where TFunction : struct, IUnaryFunction
{
    public override string Name => $"{typeof(TFunction).Name}Gradient";

    internal override TResult Give<TResult>(IFunctionUser<TResult> user) => user.Use(Function);
}

/// <summary><c>y = f(a, b)</c> entry by entry, for any function.</summary>
public abstract record Combine(Value A, Value B) : Operation
{
    public sealed override IReadOnlyList<Value> Inputs => [A, B];

    public sealed override IReadOnlyList<Shape> Results => AreAlike(A, B) && A.Shape.Domain != Domain.Step
        ? [A.Shape with { Domain = Widest(A, B) }]
        : throw new ArgumentException($"{Name} needs two values of one size, but got {A.Shape} and {B.Shape}");

    public sealed override Work Work => new(Entries: A.Shape.Count);

    internal abstract TResult Give<TResult>(IBinaryFunctionUser<TResult> user);
}

/// <summary><c>y = f(a, b)</c> entry by entry.</summary>
/// <typeparam name="TFunction">The function, compared by value.</typeparam>
/// <param name="Function">Its parameters, where it has any.</param>
/// <param name="A">a.</param>
/// <param name="B">b.</param>
public sealed record Combine<TFunction>(TFunction Function, Value A, Value B) : Combine(A, B)
    where TFunction : struct, IBinaryFunction
{
    public override string Name => typeof(TFunction).Name;

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        var gradients = of.Graph.ResultsOf(new CombineGradient<TFunction>(Function, A, B, d[0]!));
        of.Add(A, gradients[0]);
        of.Add(B, gradients[1]);
    }

    internal override TResult Give<TResult>(IBinaryFunctionUser<TResult> user) => user.Use(Function);
}

/// <summary><c>da = ∂f/∂a dy</c> and <c>db = ∂f/∂b dy</c> entry by entry, for any function.</summary>
public abstract record CombineGradient(Value A, Value B, Value Dy) : Operation
{
    public sealed override IReadOnlyList<Value> Inputs => [A, B, Dy];

    public sealed override IReadOnlyList<Shape> Results => [A.Shape with { Domain = Widest(A, B, Dy) }, B.Shape with { Domain = Widest(A, B, Dy) }];

    public sealed override Work Work => new(Entries: 2.0 * A.Shape.Count);

    internal abstract TResult Give<TResult>(IBinaryFunctionUser<TResult> user);
}

/// <summary><c>da = ∂f/∂a dy</c> and <c>db = ∂f/∂b dy</c> entry by entry.</summary>
/// <typeparam name="TFunction">The function.</typeparam>
/// <param name="Function">Its parameters, where it has any.</param>
/// <param name="A">a.</param>
/// <param name="B">b.</param>
/// <param name="Dy">The gradient of f(a, b).</param>
public sealed record CombineGradient<TFunction>(TFunction Function, Value A, Value B, Value Dy) : CombineGradient(A, B, Dy)
    where TFunction : struct, IBinaryFunction
{
    public override string Name => $"{typeof(TFunction).Name}Gradient";

    internal override TResult Give<TResult>(IBinaryFunctionUser<TResult> user) => user.Use(Function);
}

/// <summary>Is given the function of an elementwise operation with its type, so that a back end can compile for it.</summary>
internal interface IFunctionUser<out TResult>
{
    TResult Use<TFunction>(TFunction function)
        where TFunction : struct, IUnaryFunction;
}

/// <summary>The same for functions of two values.</summary>
internal interface IBinaryFunctionUser<out TResult>
{
    TResult Use<TFunction>(TFunction function)
        where TFunction : struct, IBinaryFunction;
}
