using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>
/// A residual stream, <c>r = Σ_t part_t</c>, that is only ever read through weights: <c>V r = Σ_t V part_t</c>, and where a part is itself a product
/// <c>W x</c>, <c>V (W x) = (V W) x</c> with <c>V W</c> computed once a step. So a wide stream between narrow layers never exists as a panel.
/// </summary>
/// <remarks>
/// <see cref="GraphOperations.Product"/> does the rewriting; made by <see cref="GraphOperations.Stream"/>. An operation other than a product may read
/// a stream too: it is then computed as the sum that it is.
/// </remarks>
public sealed unsafe class StreamNode : Node
{
    /// <summary>The sum of panels of one size.</summary>
    public StreamNode(params Node[] parts)
        : base(parts[0].Rows, parts)
    {
        if (Array.Find(parts, part => part.Rows != Rows) is { } other)
            throw new ArgumentException($"a stream of {Rows} features cannot take a part of {other.Rows}");
    }

    /// <inheritdoc/>
    protected internal override object? Attributes => null;

    /// <summary>The stream times a weight, part by part.</summary>
    internal WeightProduct Through(Graph graph, Parameter weight, bool transposed)
    {
        var terms = new List<ProductTerm>();
        foreach (var part in Inputs)
        {
            var rest = part;
            if (rest is RowAffineNode { Scale: null, Shift: { } shift })
            {
                terms.Add(new ProductTerm(graph.WeightProduct(new WeightOperand(weight, transposed), new WeightOperand(shift)), graph.One(), false));
                rest = rest.Inputs[0];
            }

            if (rest is WeightProduct product)
            {
                terms.AddRange(product.Terms.Select(term => new ProductTerm(
                    graph.WeightProduct(new WeightOperand(weight, transposed), new WeightOperand(term.Weight, term.Transposed)), term.X, false)));
            }
            else terms.Add(new ProductTerm(weight, rest, transposed));
        }

        return new WeightProduct([.. terms]);
    }

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace)
    {
        workspace.Values(Inputs[0]).CopyTo(workspace.Values(this));
        nint count = (nint)Rows * workspace.Stride;
        for (int t = 1; t < Inputs.Count; t++)
            workspace.Kernels.Combine(default(Addition), count, workspace.Value(this), workspace.Value(Inputs[t]), workspace.Value(this));
    }

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace)
    {
        nint count = (nint)Rows * workspace.Stride;
        for (int t = 0; t < Inputs.Count; t++)
        {
            float* value = workspace.Value(Inputs[t]);
            workspace.Kernels.CombineBackward(default(Addition), count, value, value, workspace.Gradient(this), workspace.Gradient(Inputs[t]), null);
        }
    }
}
