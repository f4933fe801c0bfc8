using System.Numerics;

namespace Spd.Engine.Planning;

/// <summary>The shape of a batch: sequences of one length, each of whose positions is a lane; without sequences, its rows are the lanes.</summary>
/// <remarks>
/// Lanes are padded to whole blocks of <see cref="LaneBlock"/>, where the batch ends and, in a batch of sequences, where each of them ends; short sequences are
/// padded to a power of two, so that several share a block. Panels hold whole sequences. Padding computes numbers that are finite, and losses leave it out.
/// </remarks>
public sealed record Batch
{
    /// <summary>Lanes are padded to multiples of this many.</summary>
    public const int LaneBlock = 32;

    /// <summary>The most positions that a batch can have.</summary>
    public const int MostPositions = 1 << 24;

    /// <summary>A batch of rows, or of sequences.</summary>
    /// <param name="sequences">Rows, or sequences, at least 1.</param>
    /// <param name="length">Positions of a sequence, at least 1.</param>
    public Batch(int sequences, int length = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)sequences * length, MostPositions);
        (Sequences, Length) = (sequences, length);
    }

    /// <summary>Rows, or sequences.</summary>
    public int Sequences { get; }

    /// <summary>Positions of a sequence; 1 for rows.</summary>
    public int Length { get; }

    /// <summary>Positions that a mean over the batch is over.</summary>
    public int Positions => Sequences * Length;

    /// <summary>Lanes from one sequence to the next.</summary>
    public int SequenceLanes => Length <= LaneBlock ? (int)BitOperations.RoundUpToPowerOf2((uint)Length) : RoundUp(Length);

    /// <summary>Lanes, padding between sequences included.</summary>
    public int Lanes => checked(Sequences * SequenceLanes);

    /// <summary>A batch of rows.</summary>
    public static implicit operator Batch(int rows) => new(rows);

    /// <summary>The lane that a position lies in.</summary>
    public int LaneOf(int position) => position / Length * SequenceLanes + position % Length;

    internal static int RoundUp(int lanes) => (lanes + LaneBlock - 1) / LaneBlock * LaneBlock;
}

/// <summary>What a back end says of how it computes an operation; by default that it can do nothing but store whole results where it is told.</summary>
public readonly record struct Traits
{
    /// <summary>Whether a panel that is its result can be added to rows, for each result a bit.</summary>
    public uint Accumulates { get; init; }

    /// <summary>The inputs whose rows may be taken over by the first result that is wanted, for each input a bit.</summary>
    public uint Overwrites { get; init; }

    /// <summary>
    /// The inputs that are weights to it where it computes on matrices too, for each input a bit: as for panels, these are read as they lie. So is an input
    /// whose columns are not those of the first that is none.
    /// </summary>
    public uint WeightInputs { get; init; }

    /// <summary>
    /// The results that are sums over lanes, or over the columns where it computes on matrices, for each result a bit: it adds to what lies there, which
    /// is cleared before. A sum over the columns of matrices that is not named here finds what the run before left.
    /// </summary>
    public uint Reduces { get; init; }

    /// <summary>Whether its rows can be computed apart from each other, by several threads.</summary>
    public bool SplitsByRows { get; init; }

    /// <summary>Whether what it reduces is a maximum in place of a sum.</summary>
    public bool IsMaximum { get; init; }

    /// <summary>Whether a matrix that it makes of panels is no sum over them: every panel writes columns of its own.</summary>
    public bool WritesColumns { get; init; }

    /// <summary>Rows, of a panel or of its matrices, that it needs to compute in; where its rows are split, for each of its rows.</summary>
    public int Scratch { get; init; }
}
