namespace Spd.Engine.Graphs;

/// <summary>How often a value is computed, from rarest to most often: what may be read from what follows from it.</summary>
public enum Domain
{
    /// <summary>Once a step: a number, such as p, a coefficient, or a loss.</summary>
    Step,

    /// <summary>Once for the weights: a matrix.</summary>
    Weights,

    /// <summary>For every sequence of the batch: its rows are the same in all lanes of a sequence.</summary>
    Sequence,

    /// <summary>For every lane: a batch row, or a position of a sequence.</summary>
    Lane,
}

/// <summary>The shape of a value. Lanes and sequences are the batch's, so that no operation knows of them.</summary>
/// <param name="Domain">How often it is computed.</param>
/// <param name="Rows">Rows of a matrix; features of a lane.</param>
/// <param name="Columns">Columns of a matrix; 1 for all else.</param>
public readonly record struct Shape(Domain Domain, int Rows, int Columns = 1)
{
    /// <summary>The shape of a number.</summary>
    public static Shape Number { get; } = new(Domain.Step, 1);

    /// <summary>Whether there is one for every lane or sequence.</summary>
    public bool IsPanel => Domain >= Domain.Sequence;

    /// <summary>Numbers of a matrix, or of one lane.</summary>
    public int Count => checked(Rows * Columns);

    /// <summary>Whether both have as many entries and lie alike: both in panels, both matrices or both numbers.</summary>
    public bool IsLike(Shape other) =>
        (Rows, Columns) == (other.Rows, other.Columns) && (IsPanel ? other.IsPanel : Domain == other.Domain);

    public override string ToString() => Domain switch
    {
        Domain.Step => "number",
        Domain.Weights => $"[{Rows}, {Columns}]",
        Domain.Sequence => $"[{Rows}, sequences]",
        _ => $"[{Rows}, lanes]",
    };
}

/// <summary>One result of an operation of a <see cref="Graph"/>; equal to itself alone.</summary>
public sealed class Value
{
    internal Value(Operation source, int index, Shape shape) => (Source, Index, Shape) = (source, index, shape);

    /// <summary>The operation that computes it.</summary>
    public Operation Source { get; }

    /// <summary>Which of the operation's results it is.</summary>
    public int Index { get; }

    /// <summary>The shape.</summary>
    public Shape Shape { get; }

    /// <summary>Rows of its shape.</summary>
    public int Rows => Shape.Rows;

    public override string ToString() => $"{Source.Name} {Shape}";
}
