using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Networks;

/// <summary>
/// A causal language model: vectors of tokens, and of positions where these are learnt, through blocks to the logits of the tokens that follow. Its input is
/// one row of tokens, numbered from 0, of a batch of sequences.
/// </summary>
/// <example><code>
/// var network = new Transformer(
///     ("wte", new Embedding(1000, 64)), ("wpe", new Embedding(32, 64)),
///     [("h.0", new TransformerBlock(
///         ("ln_1", new LayerNorm(64)), ("attn", new Attention(64, new AttentionOptions { Heads = 4 })),
///         ("ln_2", new LayerNorm(64)), ("mlp", new GatedMlp(64, 128))))],
///     ("ln_f", new LayerNorm(64)), ("lm_head", new Linear(64, 1000, bias: false)), contextLength: 32);
/// </code></example>
public sealed class Transformer : Module
{
    private readonly Embedding? _positions;
    private readonly Module? _finalNorm;

    /// <summary>A network of modules under their names, in which dots are allowed.</summary>
    /// <param name="embedding">The vectors of tokens.</param>
    /// <param name="positions">The vectors of positions; null where attention knows of positions itself.</param>
    /// <param name="blocks">The blocks.</param>
    /// <param name="finalNorm">What normalises the residual stream at its end; null for nothing.</param>
    /// <param name="head">What makes logits of it; for one that is tied, <see cref="Linear.TransposeOf"/> of the vectors of tokens.</param>
    /// <param name="contextLength">The longest sequence.</param>
    /// <exception cref="ArgumentException">Sizes do not fit.</exception>
    public Transformer(
        (string Name, Embedding Module) embedding, (string Name, Embedding Module)? positions, IReadOnlyList<(string Name, TransformerBlock Module)> blocks,
        (string Name, Module Module)? finalNorm, (string Name, Linear Module) head, int contextLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(contextLength, 1);
        if (positions?.Module.Inputs < contextLength)
            throw new ArgumentException($"{positions.Value.Module.Inputs} positions have vectors, but a sequence may have {contextLength}", nameof(positions));
        if (head.Module.Inputs != embedding.Module.Outputs)
            throw new ArgumentException($"tokens have vectors of {embedding.Module.Outputs} features, but '{head.Name}' takes {head.Module.Inputs}", nameof(head));
        Embedding = Add(embedding.Name, embedding.Module);
        if (positions is var (positionName, vectors)) _positions = Add(positionName, vectors);
        Blocks = [.. blocks.Select(block => Add(block.Name, block.Module))];
        if (finalNorm is var (normName, norm)) _finalNorm = Add(normName, norm);
        Head = Add(head.Name, head.Module);
        ContextLength = contextLength;
    }

    /// <summary>The transformer that a network is, or of which it asks only the last position.</summary>
    /// <exception cref="ArgumentException">It is another network.</exception>
    public static Transformer In(Module network) =>
        network as Transformer ?? (network as LastLogits)?.Transformer ?? throw new ArgumentException("the network is no transformer", nameof(network));

    /// <summary>The vectors of tokens.</summary>
    public Embedding Embedding { get; }

    /// <summary>The blocks.</summary>
    public IReadOnlyList<TransformerBlock> Blocks { get; }

    /// <summary>What makes logits of the residual stream.</summary>
    public Linear Head { get; }

    /// <summary>What normalises the residual stream before the head reads it; null for nothing.</summary>
    public Module? FinalNorm => _finalNorm;

    /// <summary>The linear maps that read the residual stream, the head among them, each with what normalises it for them, or null.</summary>
    public IEnumerable<(Linear Linear, Module? Norm)> StreamReaders => Blocks.SelectMany(block => block.Readers).Append((Head, _finalNorm));

    /// <summary>The linear maps whose outputs are added to the residual stream, the embeddings among them.</summary>
    public IEnumerable<Linear> StreamWriters => new[] { Embedding, _positions }.OfType<Linear>().Concat(Blocks.SelectMany(block => block.Writers));

    /// <summary>Tokens of the vocabulary.</summary>
    public int VocabularySize => Embedding.Inputs;

    /// <summary>The longest sequence that it takes.</summary>
    public int ContextLength { get; }

    /// <summary>Whether weights start as PyTorch draws them, module by module, or else as GPT-2's.</summary>
    public bool StartsByModule { get; init; }

    /// <summary>The standard deviation of all weights at the start, those that write to the residual stream like the others; null for GPT-2's.</summary>
    public double? StartDeviation { get; init; }

    /// <summary>
    /// Draws weights from N(0, 0.02²), those that write to the residual stream from N(0, 0.02² / (2 · blocks)), as GPT-2 starts, or all from that of
    /// <see cref="StartDeviation"/>; biases are 0, and weights of norms 1, as they were made. Where it <see cref="StartsByModule"/>, see <see cref="Module.Initialise(ulong)"/>.
    /// </summary>
    public override void Initialise(ulong seed)
    {
        if (StartsByModule)
        {
            base.Initialise(seed);
            return;
        }

        const double Gpt2Deviation = 0.02;
        double deviation = StartDeviation ?? Gpt2Deviation, writing = StartDeviation ?? Gpt2Deviation / Math.Sqrt(2 * Blocks.Count);
        var random = new RandomSequence(seed, NetworkStreams.Initialisation);
        var writers = Blocks.SelectMany(block => block.Writers).ToHashSet();
        foreach (var (_, linear) in LinearMaps())
        {
            if (!linear.IsTied) random.FillNormal(linear.Weight.Values, writers.Contains(linear) ? writing : deviation);
            linear.Bias?.Values.Clear();
        }
    }

    /// <summary>The shape of a batch of sequences.</summary>
    /// <exception cref="ArgumentException">They are longer than the network takes.</exception>
    public Batch BatchOf(int sequences, int length) => length <= ContextLength
        ? new Batch(sequences, length)
        : throw new ArgumentException($"a sequence of {length} tokens was given to a network that takes at most {ContextLength}: cut it", nameof(length));

    /// <summary>The residual stream before the first block.</summary>
    public Value Embed(ForwardPass pass, Value tokens)
    {
        var vectors = Embedding.Forward(pass, tokens);
        return _positions is null ? vectors : pass.Graph.Plus(vectors, _positions.Forward(pass, pass.Continued?.Positions ?? pass.Graph.Positions()));
    }

    /// <summary>The block whose attention a linear map is of; null of any other map.</summary>
    public TransformerBlock? BlockAttendingBy(Linear map) => Blocks.FirstOrDefault(block => block.Attention.LinearMaps().Any(own => own.Linear == map));

    /// <summary>The queries and keys of a block, as <see cref="Attention.Projections"/> has them.</summary>
    public (Value Query, Value Key) QueriesAndKeys(ForwardPass pass, Value tokens, TransformerBlock block)
    {
        var stream = Blocks.TakeWhile(earlier => earlier != block).Aggregate(Embed(pass, tokens), (value, earlier) => earlier.Forward(pass, value));
        var (query, key, _) = block.Attention.Projections(pass, block.AttentionInput(pass, stream));
        return (query, key);
    }

    /// <summary>The residual stream behind the last block, normalised: what the head reads.</summary>
    public Value Hidden(ForwardPass pass, Value tokens)
    {
        var stream = Blocks.Aggregate(Embed(pass, tokens), (value, block) => block.Forward(pass, value));
        return _finalNorm?.Forward(pass, stream) ?? stream;
    }

    /// <summary>The logits <c>[vocabulary, lanes]</c>.</summary>
    /// <param name="pass">The pass it is part of.</param>
    /// <param name="x">Tokens, one row.</param>
    public override Value Forward(ForwardPass pass, Value x) => Head.Forward(pass, Hidden(pass, x));

    /// <summary>The logits at every position of given sequences.</summary>
    /// <param name="tokens">The tokens of all sequences, one after the other.</param>
    /// <param name="sequences">How many sequences there are, of one length.</param>
    /// <param name="backend">What computes them.</param>
    /// <returns>Row-major <c>[positions, vocabulary]</c>.</returns>
    /// <exception cref="ArgumentException">A sequence is too long, or there is no such token.</exception>
    public float[] Logits(IReadOnlyList<int> tokens, int sequences, Backend backend)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequences, 1);
        if (tokens.Count == 0 || tokens.Count % sequences != 0)
            throw new ArgumentException($"{tokens.Count} tokens are not {sequences} sequences of one length", nameof(tokens));
        ThrowIfUnknown(tokens);
        var graph = new Graph();
        var x = graph.Input(1);
        var logits = Forward(new ForwardPass(graph), x);
        var program = backend.Compile(new Objective(graph), BatchOf(sequences, tokens.Count / sequences), keep: [logits]);
        program.Set(x, [.. tokens.Select(token => (float)token)]);
        program.Run(seed: 0, step: 0);
        return program.Read(logits);
    }

    /// <summary>Refuses tokens that the vocabulary does not have.</summary>
    internal void ThrowIfUnknown(IEnumerable<int> tokens)
    {
        foreach (int token in tokens.Where(token => token < 0 || token >= VocabularySize))
            throw new ArgumentException($"there is no token {token}: the vocabulary has {VocabularySize}, numbered from 0", nameof(tokens));
    }
}
