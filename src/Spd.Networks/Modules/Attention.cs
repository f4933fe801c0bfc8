using System.ComponentModel.DataAnnotations;
using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary>What an <see cref="Attention"/> layer is like, and what its linear maps are called.</summary>
public sealed record AttentionOptions
{
    /// <summary>Heads.</summary>
    [Range(1, 100_000)]
    public required int Heads { get; init; }

    /// <summary>Heads of keys and values, each of which several heads of queries share; null for as many as <see cref="Heads"/>.</summary>
    [Range(1, 100_000)]
    public int? KeyHeads { get; init; }

    /// <summary>Features of a head; null for the layer's features divided among the heads.</summary>
    [Range(1, 1_000_000)]
    public int? HeadWidth { get; init; }

    /// <summary>The factor of the scores; null for <c>1/√(features of a head)</c>.</summary>
    [Positive]
    public double? Scale { get; init; }

    /// <summary>Positions that a query sees, itself among them; 0 for all before it.</summary>
    [Range(0, int.MaxValue)]
    public int Window { get; init; }

    /// <summary>The base of rotary positions; null for none.</summary>
    [Positive]
    public double? RotaryBase { get; init; }

    /// <summary>Whether rotary positions turn pairs of neighbours, or else the two halves of a head against each other.</summary>
    public bool HasAdjacentPairs { get; init; }

    /// <summary>
    /// The longest sequence whose positions are added to queries and keys as sines and cosines, behind their projection, so that values know nothing of them
    /// (Press et al., "Shortformer", 2021); null for none.
    /// </summary>
    [AtLeast(1)]
    public int? SinusoidalPositions { get; init; }

    /// <summary>Whether queries, keys and values have biases.</summary>
    public bool HasBias { get; init; }

    /// <summary>Whether the output has one.</summary>
    public bool HasOutputBias { get; init; }

    /// <summary>Whether weights are stored as <c>[d_in, d_out]</c>.</summary>
    public bool IsTransposed { get; init; }

    /// <summary>The one linear map that makes queries, keys and values; null for the three below.</summary>
    public string? Fused { get; init; }

    /// <summary>The linear map that makes queries.</summary>
    public string Query { get; init; } = "q_proj";

    /// <summary>The linear map that makes keys.</summary>
    public string Key { get; init; } = "k_proj";

    /// <summary>The linear map that makes values.</summary>
    public string Value { get; init; } = "v_proj";

    /// <summary>The linear map of the output.</summary>
    public string Output { get; init; } = "o_proj";
}

/// <summary>Causal self-attention of several heads, which lie one after the other in queries, keys, values and what is read of them.</summary>
public sealed class Attention : Module
{
    private readonly Linear? _fused, _query, _key, _value;
    private readonly int _heads, _keyHeads, _headWidth;
    private readonly Parameter? _positions;

    /// <summary>A layer of zeros.</summary>
    /// <param name="features">Features of its input and output.</param>
    /// <param name="options">What it is like.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or heads do not divide what they must.</exception>
    public Attention(int features, AttentionOptions options)
    {
        OptionRanges.Check(options, options.GetType());
        Options = options;
        (_heads, _keyHeads) = (options.Heads, options.KeyHeads ?? options.Heads);
        if (options.HeadWidth is null && features % _heads != 0) throw new ArgumentException($"{features} features cannot be divided among {_heads} heads");
        if (_heads % _keyHeads != 0) throw new ArgumentException($"{_heads} heads cannot share {_keyHeads} heads of keys and values");
        _headWidth = options.HeadWidth ?? features / _heads;
        if (options.RotaryBase is not null && _headWidth % 2 != 0)
            throw new ArgumentException($"heads of {_headWidth} features, an odd number, have no rotary positions");
        int width = checked(_heads * _headWidth), keyWidth = checked(_keyHeads * _headWidth);
        if (options.Fused is { } fused) _fused = Add(fused, Map(features, checked(width + 2 * keyWidth), options.HasBias));
        else
        {
            _query = Add(options.Query, Map(features, width, options.HasBias));
            _key = Add(options.Key, Map(features, keyWidth, options.HasBias));
            _value = Add(options.Value, Map(features, keyWidth, options.HasBias));
        }

        Output = Add(options.Output, Map(width, features, options.HasOutputBias));
        if (options.SinusoidalPositions is not { } positions) return;
        if (_keyHeads != _heads) throw new ArgumentException($"sinusoidal positions are as wide as {_heads} heads of queries, but there are {_keyHeads} of keys");
        _positions = Sinusoids(positions, width);

        Linear Map(int inputs, int outputs, bool bias) => new(inputs, outputs, bias, options.IsTransposed);
    }

    /// <summary>What it is like.</summary>
    public AttentionOptions Options { get; }

    /// <summary>The linear map of the output.</summary>
    public Linear Output { get; }

    /// <summary>Whether a map decides what is attended to: it makes queries or keys.</summary>
    public bool Decides(Linear map) => map == _query || map == _key || map == _fused;

    /// <summary>Whether what a map makes of a position is only read by those that attend to it: keys or values.</summary>
    public bool IsAttendedTo(Linear map) => map == _key || map == _value;

    /// <summary>The factor of the scores.</summary>
    public double Scale => Options.Scale ?? 1 / Math.Sqrt(_headWidth);

    /// <summary>
    /// Queries <c>[heads · width, lanes]</c>, keys and values <c>[key heads · width, lanes]</c>; queries and keys with their positions, where these are rotary or
    /// sinusoidal.
    /// </summary>
    public (Value Query, Value Key, Value Value) Projections(ForwardPass pass, Value x)
    {
        var graph = pass.Graph;
        Value query, key, value;
        if (_fused is not null)
        {
            int width = _heads * _headWidth, keyWidth = _keyHeads * _headWidth;
            var all = _fused.Forward(pass, x);
            (query, key, value) = (graph.RowRange(all, 0, width), graph.RowRange(all, width, keyWidth), graph.RowRange(all, width + keyWidth, keyWidth));
        }
        else (query, key, value) = (_query!.Forward(pass, x), _key!.Forward(pass, x), _value!.Forward(pass, x));

        return (Placed(query), Placed(key), value);

        Value Placed(Value heads)
        {
            if (_positions is not null) heads = graph.Plus(heads, graph.Lookup(_positions, pass.Continued?.Positions ?? graph.Positions()));
            if (Options.RotaryBase is not { } rotaryBase) return heads;
            var rotation = new Rotate(heads, _headWidth, rotaryBase, Options.HasAdjacentPairs);
            return graph.Add(pass.Continued is { } text ? new RotateAt(rotation, text.Positions) : rotation);
        }
    }

    /// <summary>What a position attends to: the softmax over the positions that it sees, and zero elsewhere. It is computed anew, in double.</summary>
    /// <param name="queries">Queries of one sequence, row-major <c>[positions, heads · width]</c>, as <see cref="Projections"/> has them.</param>
    /// <param name="keys">Keys, row-major <c>[positions, key heads · width]</c>.</param>
    /// <param name="head">The head.</param>
    /// <param name="position">The position.</param>
    /// <param name="probabilities">Receives a probability for each position.</param>
    public void Probabilities(ReadOnlySpan<float> queries, ReadOnlySpan<float> keys, int head, int position, Span<double> probabilities)
    {
        probabilities.Clear();
        int first = Options.Window == 0 ? 0 : Math.Max(0, position - Options.Window + 1);
        var seen = probabilities[first..(position + 1)];
        var query = queries.Slice((position * _heads + head) * _headWidth, _headWidth);
        double most = double.NegativeInfinity, sum = 0;
        for (int i = 0; i < seen.Length; i++)
        {
            var key = keys.Slice(((first + i) * _keyHeads + head * _keyHeads / _heads) * _headWidth, _headWidth);
            for (int feature = 0; feature < _headWidth; feature++) seen[i] += Scale * query[feature] * key[feature];
            most = Math.Max(most, seen[i]);
        }

        foreach (ref double score in seen) sum += score = Math.Exp(score - most);
        foreach (ref double score in seen) score /= sum;
    }

    /// <summary>The values that each head reads, <c>[heads · width, lanes]</c>: what goes into <see cref="Output"/>.</summary>
    public Value Context(ForwardPass pass, Value x)
    {
        var (query, key, value) = Projections(pass, x);
        var attention = new CausalAttention(query, key, value, _heads, _keyHeads, Scale, Options.Window);
        return pass.Graph.Add(pass.Continued is { } text
            ? new CachedAttention(attention, text.Positions, new Parameter("keys", key.Rows, text.Longest), new Parameter("values", value.Rows, text.Longest))
            : attention);
    }

    public override Value Forward(ForwardPass pass, Value x) => Output.Forward(pass, Context(pass, x));

    /// <summary>
    /// A row for each position, a sine and a cosine of each wave length in turn: <c>sin(p / 10000^(2i/width))</c> in feature 2i, the cosine behind it
    /// (Vaswani et al., "Attention is all you need", 2017).
    /// </summary>
    private static Parameter Sinusoids(int positions, int width)
    {
        const double Base = 10_000;
        var table = new Parameter("positions", positions, width);
        for (int position = 0; position < positions; position++)
        {
            for (int feature = 0; feature < width; feature++)
            {
                double angle = position * Math.Pow(Base, -(double)(feature - feature % 2) / width);
                table[position, feature] = (float)(feature % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle));
            }
        }

        return table;
    }
}
