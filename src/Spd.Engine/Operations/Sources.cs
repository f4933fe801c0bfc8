using System.Runtime.CompilerServices;
using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>A parameter's values.</summary>
public sealed record Weight(Parameter Parameter) : Operation
{
    public override IReadOnlyList<Value> Inputs => [];
    public override IReadOnlyList<Shape> Results => [new(Domain.Weights, Parameter.Rows, Parameter.Columns)];
    public override Work Work => default;
    public override string Name => $"'{Parameter.Name}'";
}

/// <summary>A batch, or a matrix, that is given from outside before a run (<see cref="Execution.Program.Set"/>); no two are equal.</summary>
/// <param name="Shape">Its shape, of a lane or of the weights' domain.</param>
public sealed record Input(Shape Shape) : Operation
{
    public override IReadOnlyList<Value> Inputs => [];
    public override IReadOnlyList<Shape> Results =>
        [Shape.Domain is Domain.Lane or Domain.Weights ? Shape : throw new ArgumentException($"an input is a batch or a matrix, but {Shape} is neither")];
    public override Work Work => Shape.IsPanel ? base.Work : default;

    public bool Equals(Input? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
}

/// <summary>Where the examples of a batch come from, whatever they are: a function of seed, step and number, so that a run goes on by its step alone.</summary>
public interface IExamples
{
    /// <summary>Writes one example; called on any thread, for several at the same time.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="step">The step, or the number of the batch.</param>
    /// <param name="sequences">The sequences, or rows, of a batch.</param>
    /// <param name="sequence">Which of them, from 0.</param>
    /// <param name="values">Row-major <c>[positions, features]</c>.</param>
    void Fill(ulong seed, long step, int sequences, int sequence, Span<float> values);
}

/// <summary>Examples that come from elsewhere, sequence by sequence.</summary>
/// <param name="Source">Where from.</param>
/// <param name="Features">Features of a position.</param>
public sealed record Examples(IExamples Source, int Features) : Operation
{
    public override IReadOnlyList<Value> Inputs => [];
    public override IReadOnlyList<Shape> Results => [new(Domain.Lane, Features)];
}

/// <summary>A number that a schedule gives.</summary>
public sealed record Number(Schedule Schedule) : Operation
{
    public override IReadOnlyList<Value> Inputs => [];
    public override IReadOnlyList<Shape> Results => [Shape.Number];
    public override Work Work => default;
}

/// <summary>Fresh uniform numbers in [0, 1), for every lane or for every sequence.</summary>
/// <param name="Rows">Rows of the panel.</param>
/// <param name="Stream">The stream that they are drawn from: streams of different numbers are independent, and whoever draws says which is for what.</param>
/// <param name="Domain"><see cref="Domain.Lane"/> or <see cref="Domain.Sequence"/>.</param>
public sealed record Uniform(int Rows, uint Stream, Domain Domain = Domain.Lane) : Operation
{
    public override IReadOnlyList<Value> Inputs => [];
    public override IReadOnlyList<Shape> Results =>
        [Domain >= Domain.Sequence ? new(Domain, Rows) : throw new ArgumentException("random numbers are drawn for lanes or sequences")];
    public override Work Work => new(Uniforms: Rows);
}

/// <summary>The values of a vector <c>[n]</c>, the same in every lane.</summary>
public sealed record Broadcast(Value Vector) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Vector];
    public override IReadOnlyList<Shape> Results => Vector.Shape is { Domain: Domain.Weights, Columns: 1 }
        ? [new(Domain.Lane, Vector.Rows)]
        : throw new ArgumentException($"only a vector can be the same in every lane, not {Vector}");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) => of.Add(Vector, of.Graph.Add(new RowSum(d[0]!)));
}

/// <summary>
/// The columns of a matrix as examples of the batch: numbers that last from step to step, such as the sources of an adversary. One example's numbers stand in
/// one column, or in as many columns as it has positions; where there are fewer than the batch has sequences, sequence i has those of <c>i mod count</c>.
/// </summary>
/// <param name="Matrix">The matrix <c>[rows, examples]</c> or <c>[rows, examples · positions]</c>.</param>
/// <param name="Examples">How many examples; null for as many as the batch has sequences.</param>
/// <param name="IsOfPositions">Whether each position has numbers of its own.</param>
public sealed record MatrixColumns(Value Matrix, int? Examples = null, bool IsOfPositions = true) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Matrix];
    public override IReadOnlyList<Shape> Results => Matrix.Shape.Domain == Domain.Weights && Examples is not < 1
        ? [new(IsOfPositions ? Domain.Lane : Domain.Sequence, Matrix.Rows)]
        : throw new ArgumentException($"{Name} takes a matrix, for one example at least, but got {Matrix} and {Examples}");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) => of.Add(Matrix, of.Graph.Add(new ColumnSum(d[0]!, this)));
}

/// <summary>The derivative of <see cref="MatrixColumns"/>: what the lanes of each column have in a panel, summed.</summary>
/// <param name="X">The panel.</param>
/// <param name="Of">The columns.</param>
public sealed record ColumnSum(Value X, MatrixColumns Of) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => X.Shape.IsPanel && X.Rows == Of.Matrix.Rows
        ? [Of.Matrix.Shape]
        : throw new ArgumentException($"{Name} takes a panel of {Of.Matrix.Rows} rows, but got {X}");
}

/// <summary>x as it is; its gradient times a factor.</summary>
/// <param name="X">x.</param>
/// <param name="Factor">A number.</param>
public sealed record ScaledGradient(Value X, Value Factor) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X, Factor];
    public override IReadOnlyList<Shape> Results =>
        Factor.Shape == Shape.Number ? [ThrowIfNumber(X)] : throw new ArgumentException($"a factor is a number, but {Factor} is none");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) => of.Add(X, of.Graph.Scale(d[0]!, Factor));
}
