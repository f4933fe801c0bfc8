using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>
/// Every lane divided by its root mean square, <c>y = x / √(mean x² + ε)</c>, or, centred, <c>y = (x − mean x) / √(var x + ε)</c>: what LayerNorm and RMSNorm do
/// before their weights. And <c>1 / √(… + ε)</c>, one row.
/// </summary>
/// <param name="X">x.</param>
/// <param name="Epsilon">ε.</param>
/// <param name="IsCentred">Whether the mean is taken off, as LayerNorm does.</param>
public sealed record Normalise(Value X, double Epsilon, bool IsCentred = false) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => ThrowIfNumber(X).IsPanel
        ? [X.Shape, X.Shape with { Rows = 1 }]
        : throw new ArgumentException($"{Name} takes a panel, but {X} is a matrix");
    public override Work Work => new(Entries: 2.0 * X.Rows);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        ThrowIfAskedFor(d, first: 1);
        var results = of.Graph.ResultsOf(this);
        of.Add(X, of.Graph.Add(new NormaliseGradient(results[0], results[1], d[0]!, IsCentred)));
    }
}

/// <summary>The derivative of <see cref="Normalise"/>: <c>dx = scale (dy − y mean(y dy))</c>, centred <c>dx = scale (dy − mean dy − y mean(y dy))</c>.</summary>
/// <param name="Y">What it computed.</param>
/// <param name="Scale">By what it multiplied, one row.</param>
/// <param name="Dy">The gradient of y.</param>
/// <param name="IsCentred">Whether the mean was taken off.</param>
public sealed record NormaliseGradient(Value Y, Value Scale, Value Dy, bool IsCentred) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Y, Scale, Dy];
    public override IReadOnlyList<Shape> Results => [ThrowIfUnlike(Y, Dy) with { Domain = Widest(Y, Scale, Dy) }];
    public override Work Work => new(Entries: 3.0 * Y.Rows);
}

/// <summary>
/// Rotary position embedding: in every head, pairs of features are turned by <c>position · Base^(−2i / HeadWidth)</c>, i being the number of the pair.
/// </summary>
/// <param name="X">Queries or keys, head after head.</param>
/// <param name="HeadWidth">Features of a head, an even number.</param>
/// <param name="Base">The base of the wave lengths, 10 000 as a rule.</param>
/// <param name="IsInterleaved">Whether a pair is two neighbours, as the first implementation had it; or else feature i and feature <c>i + HeadWidth/2</c>.</param>
/// <param name="IsInverse">Whether they are turned back.</param>
public sealed record Rotate(Value X, int HeadWidth, double Base, bool IsInterleaved = false, bool IsInverse = false) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => X.Shape.IsPanel && HeadWidth > 0 && HeadWidth % 2 == 0 && X.Rows % HeadWidth == 0
        ? [X.Shape with { Domain = Domain.Lane }]
        : throw new ArgumentException($"{Name} takes heads of an even width, but got {X.Shape} and heads of {HeadWidth}");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) =>
        of.Add(X, of.Graph.Add(this with { X = d[0]!, IsInverse = !IsInverse }));
}

/// <summary><see cref="Rotate"/> where positions are given, as in a text that is computed part by part.</summary>
/// <param name="Of">The rotation.</param>
/// <param name="Positions">The position of each lane, one row.</param>
public sealed record RotateAt(Rotate Of, Value Positions) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Of.X, Positions];
    public override IReadOnlyList<Shape> Results => Of.Results;
}

/// <summary>
/// Causal attention over the positions of each sequence: <c>o_i = Σ_j p_ij v_j</c> with p_i the softmax over <c>j ≤ i</c> of <c>Scale · q_i · k_j</c>, head by head;
/// and for each head two rows of what that softmax was normalised by, which its derivative needs.
/// </summary>
/// <param name="Q">Queries, head after head.</param>
/// <param name="K">Keys, head after head; head h of the queries reads key head <c>h · KeyHeads / Heads</c>.</param>
/// <param name="V">Values, as many heads as the keys have.</param>
/// <param name="Heads">Heads of the queries.</param>
/// <param name="KeyHeads">Heads of keys and values, a divisor of <paramref name="Heads"/>.</param>
/// <param name="Scale">The factor of the scores, above 0: <c>1/√(head width)</c> as a rule.</param>
/// <param name="Window">Positions that a query sees, itself among them; 0 for all before it.</param>
public sealed record CausalAttention(Value Q, Value K, Value V, int Heads, int KeyHeads, double Scale, int Window = 0) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Q, K, V];
    public override IReadOnlyList<Shape> Results
    {
        get
        {
            bool fits = Q.Shape.IsPanel && K.Shape.IsPanel && V.Shape.IsPanel && Heads > 0 && KeyHeads > 0 && Heads % KeyHeads == 0 && Window >= 0 && Scale > 0
                && Q.Rows % Heads == 0 && K.Rows == HeadWidth * KeyHeads && V.Rows % KeyHeads == 0;
            return fits
                ? [new(Domain.Lane, ValueWidth * Heads), new(Domain.Lane, 2 * Heads)]
                : throw new ArgumentException(
                    $"attention of {Heads} heads, {KeyHeads} of them for keys, does not fit queries {Q.Shape}, keys {K.Shape} and values {V.Shape}");
        }
    }

    /// <summary>Features of a query and a key.</summary>
    public int HeadWidth => Q.Rows / Heads;

    /// <summary>Features of a value.</summary>
    public int ValueWidth => V.Rows / KeyHeads;

    public override Work WorkAt(int length) => new(MultiplyAdds: KeysOf(length) * Heads * (HeadWidth + ValueWidth), Entries: KeysOf(length) * Heads);

    /// <summary>Keys that a query sees, as a mean over a sequence.</summary>
    internal double KeysOf(int length) => Window == 0 || Window >= length ? (length + 1) / 2.0 : Window - Window * (Window - 1.0) / (2.0 * length);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        ThrowIfAskedFor(d, first: 1);
        var gradients = of.Graph.ResultsOf(new CausalAttentionGradient(this, of.Graph.ResultsOf(this)[0], of.Graph.ResultsOf(this)[1], d[0]!));
        foreach (var (i, input) in Inputs.Index()) of.Add(input, gradients[i]);
    }
}

/// <summary>The derivative of <see cref="CausalAttention"/> by queries, keys and values; the probabilities are computed anew.</summary>
/// <param name="Of">The attention.</param>
/// <param name="Output">What it computed.</param>
/// <param name="Normalisers">Its second result.</param>
/// <param name="Dy">The gradient of its output.</param>
public sealed record CausalAttentionGradient(CausalAttention Of, Value Output, Value Normalisers, Value Dy) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Of.Q, Of.K, Of.V, Output, Normalisers, Dy];
    public override IReadOnlyList<Shape> Results =>
        [.. new[] { Of.Q, Of.K, Of.V }.Select(input => new Shape(ThrowIfUnlike(Output, Dy).Domain, input.Rows))];
    public override Work WorkAt(int length) => new(
        MultiplyAdds: Of.KeysOf(length) * Of.Heads * (3 * Of.HeadWidth + 2 * Of.ValueWidth), Entries: 2 * Of.KeysOf(length) * Of.Heads);
}

/// <summary>
/// <see cref="CausalAttention"/> in one sequence that is computed part by part: keys and values are kept, and queries read those of earlier runs too. A run of
/// positions that were computed before takes their place.
/// </summary>
/// <param name="Of">The attention.</param>
/// <param name="Positions">The position of each lane, one row: one after the other.</param>
/// <param name="Keys">Where keys are kept, <c>[rows of keys, positions]</c>.</param>
/// <param name="Values">Where values are kept, <c>[rows of values, positions]</c>.</param>
public sealed record CachedAttention(CausalAttention Of, Value Positions, Parameter Keys, Parameter Values) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Of.Q, Of.K, Of.V, Positions];
    public override IReadOnlyList<Shape> Results => Keys.Rows == Of.K.Rows && Values.Rows == Of.V.Rows && Keys.Columns == Values.Columns
        ? [Of.Results[0]]
        : throw new ArgumentException(
            $"keys {Of.K} and values {Of.V} cannot be kept in matrices of [{Keys.Rows}, {Keys.Columns}] and [{Values.Rows}, {Values.Columns}]");
    public override Work WorkAt(int length) => Of.WorkAt(Keys.Columns);
}
