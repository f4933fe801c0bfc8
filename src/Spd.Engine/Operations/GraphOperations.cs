using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>The operations of a graph by name, so that a network reads as its formula.</summary>
public static class GraphOperations
{
    /// <summary>A parameter's values.</summary>
    public static Value Weight(this Graph graph, Parameter parameter) => graph.Add(new Weight(parameter));

    /// <summary>A number that a schedule gives, or a constant.</summary>
    public static Value Number(this Graph graph, Schedule schedule) => graph.Add(new Number(schedule));

    /// <summary>A batch given from outside, <c>[features, lanes]</c>.</summary>
    public static Value Input(this Graph graph, int features) => graph.Add(new Input(new Shape(Domain.Lane, features)));

    /// <summary>Fresh uniform numbers in [0, 1).</summary>
    public static Value Uniform(this Graph graph, int rows, uint stream) => graph.Add(new Uniform(rows, stream));

    /// <summary>The values of a vector in every lane.</summary>
    public static Value Broadcast(this Graph graph, Parameter vector) => graph.Add(new Broadcast(graph.Weight(vector)));

    /// <summary><c>W x</c>, or <c>Wᵀ x</c>; through a <see cref="Stream"/>, part by part.</summary>
    public static Value MatMul(this Graph graph, Parameter weight, Value x, bool transposed = false) => graph.MatMul(graph.Weight(weight), x, transposed);

    /// <inheritdoc cref="MatMul(Graph, Parameter, Value, bool)"/>
    public static Value MatMul(this Graph graph, Value weight, Value x, bool transposed = false) => x.Source is Sum { IsStream: true } stream
        ? Reassociation.MatMul(graph, weight, stream, transposed)
        : graph.Add(new MatMul(weight, x, transposed));

    /// <summary><c>Σ_t part_t</c>; the part itself, where there is one.</summary>
    public static Value Sum(this Graph graph, IReadOnlyList<Value> parts) => parts.Count == 1 ? parts[0] : graph.Add(new Sum(parts));

    /// <summary><c>a + b</c>.</summary>
    public static Value Plus(this Graph graph, Value a, Value b) => graph.Sum([a, b]);

    /// <summary><c>a + b + …</c> as a residual stream that weights read part by part, so that it need never be computed itself.</summary>
    public static Value Stream(this Graph graph, params IReadOnlyList<Value> parts) =>
        graph.Add(new Sum([.. parts.SelectMany(part => part.Source is Sum { IsStream: true } stream ? stream.Parts : [part])], IsStream: true));

    /// <summary><c>factor · x</c>.</summary>
    public static Value Scale(this Graph graph, Value x, double factor) => factor == 1 ? x : graph.Add(new Scale(x, null, factor));

    /// <summary><c>factor · x</c> with a number of the graph.</summary>
    public static Value Scale(this Graph graph, Value x, Value factor) => graph.Add(new Scale(x, factor));

    /// <summary><c>x + b</c>; x itself where b is null.</summary>
    public static Value AddBias(this Graph graph, Value x, Parameter? bias) => bias is null ? x : graph.RowAffine(x, null, bias);

    /// <summary><c>scale ∘ x + shift</c>, row by row.</summary>
    public static Value RowAffine(this Graph graph, Value x, Parameter? scale, Parameter? shift) =>
        graph.Add(new RowAffine(x, scale is null ? null : graph.Weight(scale), shift is null ? null : graph.Weight(shift)));

    /// <summary>One small MLP per row; see <see cref="Operations.RowMlp"/>.</summary>
    public static Value RowMlp(this Graph graph, Value x, Parameter weightIn, Parameter inBias, Parameter weightOut, Parameter outBias) =>
        graph.Add(new RowMlp(x, graph.Weight(weightIn), graph.Weight(inBias), graph.Weight(weightOut), graph.Weight(outBias)));

    /// <summary><c>max(x, 0)</c>.</summary>
    public static Value Relu(this Graph graph, Value x) => graph.Add(new Relu(x));

    /// <summary><c>a · b</c>, entry by entry.</summary>
    public static Value Multiply(this Graph graph, Value a, Value b) => graph.Add(new Multiply(a, b));

    /// <summary>Mean over all entries of <c>(a − b)²</c>.</summary>
    public static Value SquaredError(this Graph graph, Value a, Value b) => graph.Add(new SquaredError(a, b));

    /// <summary>
    /// Mean over lanes of <c>Σ P (log P − log Q)</c>, P the softmax of the target, Q of the prediction. Where both are logits of one parameter with more rows than
    /// columns, an unembedding, it is computed in blocks of the vocabulary.
    /// </summary>
    public static Value Divergence(this Graph graph, Value prediction, Value target)
    {
        if (Unembedding(prediction) is not { } unembedding || target.Source is not MatMul { IsTransposed: false } other || other.W != unembedding.W)
            return graph.Add(new Divergence(prediction, target));
        var expected = graph.ResultsOf(new ExpectedUnembedding(unembedding.W, other.X));
        return graph.Add(new UnembeddingDivergence(unembedding.W, unembedding.X, expected[0], expected[1]));
    }

    /// <summary>The parameter with more rows than columns, and what is multiplied by it, of which values are the product; null where they are none.</summary>
    private static (Value W, Value X)? Unembedding(Value logits) =>
        logits.Source is MatMul { IsTransposed: false, W: { Source: Operations.Weight } w, X: { Shape.IsPanel: true } x } && w.Rows > w.Shape.Columns ? (w, x) : null;

    /// <summary>In each lane the row of the table that its token numbers.</summary>
    public static Value Lookup(this Graph graph, Parameter table, Value tokens) => graph.Add(new Lookup(graph.Weight(table), tokens));

    /// <summary>The position of each lane in its sequence, from 0.</summary>
    public static Value Positions(this Graph graph) => graph.Add(new Positions());

    /// <summary>Every lane divided by its root mean square, centred before where that is asked for.</summary>
    public static Value Normalise(this Graph graph, Value x, double epsilon, bool isCentred = false) => graph.Add(new Normalise(x, epsilon, isCentred));

    /// <summary>Causal attention; see <see cref="Operations.CausalAttention"/>.</summary>
    public static Value Attention(this Graph graph, Value q, Value k, Value v, int heads, int keyHeads, double scale, int window = 0) =>
        graph.Add(new CausalAttention(q, k, v, heads, keyHeads, scale, window));

    /// <summary>Rotary position embedding; see <see cref="Operations.Rotate"/>.</summary>
    public static Value Rotate(this Graph graph, Value x, int headWidth, double frequencyBase, bool isInterleaved = false) =>
        graph.Add(new Rotate(x, headWidth, frequencyBase, isInterleaved));

    /// <summary>Some of the rows of x.</summary>
    public static Value RowRange(this Graph graph, Value x, int first, int count) => graph.Add(new RowRange(x, first, count));

    /// <summary>Mean over positions of the cross-entropy of the tokens that follow.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="logits">Logits <c>[vocabulary, lanes]</c>.</param>
    /// <param name="tokens">The tokens, one row.</param>
    /// <param name="isUnembeddingFixed">Whether no gradient by the unembedding will be asked for, so that it can be computed in blocks of the vocabulary.</param>
    public static Value CrossEntropy(this Graph graph, Value logits, Value tokens, bool isUnembeddingFixed = false) => isUnembeddingFixed && Unembedding(logits) is { } unembedding
        ? graph.Add(new UnembeddingCrossEntropy(unembedding.W, unembedding.X, tokens))
        : graph.Add(new CrossEntropy(logits, tokens));

    /// <summary>Mean over lanes of <c>Σ_c x_c^p</c>, each row times the sum of the squared norms of that row of the matrices, where there are any.</summary>
    public static Value PowerSum(this Graph graph, Value x, Schedule p, params IReadOnlyList<Parameter> rowWeights)
    {
        var norms = rowWeights.Select(matrix => graph.Add(new RowDot(graph.Weight(matrix), graph.Weight(matrix)))).ToList();
        return graph.Add(new PowerSum(x, graph.Number(p), norms.Count == 0 ? null : graph.Sum(norms)));
    }
}
