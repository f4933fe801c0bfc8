using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>The causal importances of one site on chosen inputs.</summary>
/// <param name="Site">The site.</param>
/// <param name="Values">g, lower-leaky <c>[inputs, C]</c>, in the order of the subcomponents.</param>
/// <param name="Order">The subcomponents in the order in which the paper plots them.</param>
public sealed record ImportanceMap(Site Site, float[,] Values, IReadOnlyList<int> Order)
{
    /// <summary>The size of the inputs <c>scale · e_i</c> that the paper's maps are drawn for.</summary>
    public const float PaperInputScale = 0.75f;

    /// <summary>The maps of all sites for the inputs <c>0.75 e_i</c>, one row per feature.</summary>
    public static IReadOnlyList<ImportanceMap> OfSingleFeatures(ComponentModel model, int features, Backend backend)
    {
        float[] inputs = new float[features * features];
        for (int i = 0; i < features; i++) inputs[i * features + i] = PaperInputScale;
        return Of(model, inputs, features, backend);
    }

    /// <summary>The maps of all sites for given inputs.</summary>
    /// <param name="model">The components.</param>
    /// <param name="inputs">Row-major <c>[rows, features]</c>.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="backend">What computes them.</param>
    public static IReadOnlyList<ImportanceMap> Of(ComponentModel model, float[] inputs, int rows, Backend backend)
    {
        var graph = new Graph();
        var x = graph.Input(inputs.Length / rows);
        var target = CausalImportance.Build(graph, model, x);
        float[][] values = backend.Compute(graph, x, inputs, [.. target.Sites.Select(site => site.Importance)]);
        return [.. model.Sites.Select(site =>
        {
            float[,] table = new float[rows, site.C];
            Buffer.BlockCopy(values[site.Index], 0, table, 0, sizeof(float) * table.Length);
            return new ImportanceMap(site, table, PaperOrder(table));
        })];
    }

    /// <summary>For each row in turn, the unused column with the highest value; the columns left over follow in their own order.</summary>
    public static IReadOnlyList<int> PaperOrder(float[,] values)
    {
        var order = new List<int>();
        var unused = Enumerable.Range(0, values.GetLength(1)).ToList();
        for (int row = 0; row < values.GetLength(0) && unused.Count > 0; row++)
        {
            int best = unused.MaxBy(column => values[row, column]);
            unused.Remove(best);
            order.Add(best);
        }

        return [.. order, .. unused];
    }
}
