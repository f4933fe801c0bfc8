using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Networks.Data;

/// <summary>Where batches come from: an operation without inputs whose every lane is a fresh example.</summary>
public abstract class DataSource
{
    /// <summary>Features of an example.</summary>
    public abstract int Features { get; }

    /// <summary>Positions of an example: 1, unless examples are sequences.</summary>
    public virtual int Length => 1;

    /// <summary>The shape of a batch of so many examples.</summary>
    public Batch BatchOf(int examples) => new(examples, Length);

    /// <summary>Draws examples.</summary>
    /// <param name="examples">How many.</param>
    /// <param name="seed">Which.</param>
    /// <param name="backend">What computes.</param>
    /// <returns>Row-major <c>[examples · positions, features]</c>.</returns>
    public float[] Draw(int examples, ulong seed, Backend backend) => Drawing(examples, seed, backend)(0);

    /// <summary>Prepares the drawing of batches, as many as are asked for.</summary>
    /// <param name="examples">How many of each.</param>
    /// <param name="seed">Which.</param>
    /// <param name="backend">What computes.</param>
    /// <returns>Gives the batch of a number, row-major <c>[examples · positions, features]</c>.</returns>
    public Func<long, float[]> Drawing(int examples, ulong seed, Backend backend)
    {
        var graph = new Graph();
        var x = Build(graph);
        var program = backend.Compile(new Objective(graph), BatchOf(examples), keep: [x]);
        return batch =>
        {
            program.Run(seed, batch);
            return program.Read(x);
        };
    }

    /// <summary>Adds the operation that draws the examples, <c>[Features, lanes]</c>.</summary>
    public abstract Value Build(Graph graph);
}

/// <summary>Examples drawn at random, with replacement, from a table.</summary>
public sealed class TableData : DataSource
{
    private readonly float[,] _rows;

    /// <summary>A source over <c>[examples, features]</c>.</summary>
    public TableData(float[,] rows)
    {
        if (rows.Length == 0) throw new ArgumentException("the table of examples is empty", nameof(rows));
        _rows = rows;
    }

    public override int Features => _rows.GetLength(1);

    public override Value Build(Graph graph) => graph.Add(new TableRows(_rows, graph.Uniform(1, NetworkStreams.RowChoice)));
}
