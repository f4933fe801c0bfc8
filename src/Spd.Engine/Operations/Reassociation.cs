using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>
/// Products with a residual stream, <c>r = Σ_t part_t</c>, that is only ever read through weights: <c>V r = Σ_t V part_t</c>, and where a part is itself a
/// product <c>W x</c>, <c>V (W x) = (V W) x</c> with <c>V W</c> computed once a step. So a wide stream between narrow layers never exists as a panel.
/// </summary>
internal static class Reassociation
{
    /// <summary>The stream times a weight, part by part.</summary>
    public static Value MatMul(Graph graph, Value weight, Sum stream, bool isTransposed)
    {
        var terms = new List<Value>();
        Value? shift = null;
        foreach (var part in stream.Parts) AddTerms(part);
        var sum = graph.Sum(terms);
        return shift is null ? sum : graph.Add(new RowAffine(sum, null, shift));

        void AddTerms(Value part)
        {
            if (part.Source is RowAffine { Scale: null, Shift: { } bias } biased)
            {
                var shifted = graph.Add(new MatMul(weight, bias, isTransposed));
                shift = shift is null ? shifted : graph.Sum([shift, shifted]);
                part = biased.X;
            }

            if (part.Source is Sum sum && part.Source.Results[0].IsPanel && sum.Parts.All(inner => inner.Source is MatMul)) foreach (var inner in sum.Parts) AddTerms(inner);
            else if (part.Source is MatMul product) terms.Add(Through(product));
            else terms.Add(graph.Add(new MatMul(weight, part, isTransposed)));
        }

        // Matrices are stored one way, so that a product of two transposes is the transpose of a product.
        Value Through(MatMul inner) => (isTransposed, inner.IsTransposed) switch
        {
            (_, false) => graph.Add(new MatMul(graph.Add(new MatMul(weight, inner.W, isTransposed)), inner.X)),
            (false, true) => graph.Add(new MatMul(graph.Add(new Outer(weight, inner.W)), inner.X)),
            (true, true) => graph.Add(new MatMul(graph.Add(new MatMul(inner.W, weight)), inner.X, IsTransposed: true)),
        };
    }
}
