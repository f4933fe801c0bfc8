using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Networks.Transformers;

/// <summary>
/// What a language model says follows a text, token by token: keys and values of what was read are kept, so that each token is computed once. It computes as
/// <see cref="Transformer.Logits"/> does, by the same modules.
/// </summary>
/// <example><code>
/// var generator = new TextGenerator(network, backend, longest: 100);
/// int next = TextGenerator.Choose(generator.Read([1, 403, 407]), temperature: 0, random);
/// next = TextGenerator.Choose(generator.Read([next]), temperature: 0, random);
/// </code></example>
public sealed class TextGenerator
{
    // Lanes of a block, all of which are computed also where one is asked for.
    private const int AtOnce = Batch.LaneBlock;

    private readonly Transformer _network;
    private readonly Backend _backend;
    private readonly Value _tokens, _positions, _logits;
    private readonly Objective _objective;
    private Program? _one, _several;

    /// <summary>A text of no tokens.</summary>
    /// <param name="network">The model.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="longest">Tokens that there is memory for, at least 1; of more than the network takes, as many as it takes.</param>
    public TextGenerator(Transformer network, Backend backend, int longest)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(longest, 1);
        (_network, _backend, Longest) = (network, backend, Math.Min(longest, network.ContextLength));
        var graph = new Graph();
        (_objective, _tokens, _positions) = (new Objective(graph), graph.Input(1), graph.Input(1));
        _logits = network.Forward(new ForwardPass(graph, Continued: new ContinuedText(_positions, Longest)), _tokens);
    }

    /// <summary>Tokens that were read.</summary>
    public int Length { get; private set; }

    /// <summary>Tokens that can be read.</summary>
    public int Longest { get; }

    /// <summary>Reads the next tokens of the text.</summary>
    /// <param name="tokens">The tokens, at least one.</param>
    /// <returns>The logits of the token that follows them, one for each of the vocabulary.</returns>
    /// <exception cref="ArgumentException">There are none, too many for the memory or the network, or one that the vocabulary does not have; none is read.</exception>
    public float[] Read(IReadOnlyList<int> tokens)
    {
        if (tokens.Count == 0) throw new ArgumentException("no tokens were given to be read", nameof(tokens));
        if (tokens.Count > Longest - Length)
            throw new ArgumentException($"{tokens.Count} tokens were given after {Length}, but only {Longest} can be read", nameof(tokens));
        _network.ThrowIfUnknown(tokens);
        float[] logits = [];
        for (int read = 0; read < tokens.Count;)
        {
            int count = tokens.Count - read < AtOnce ? 1 : AtOnce;
            var program = count == 1 ? _one ??= Compiled(count) : _several ??= Compiled(count);
            program.Set(_tokens, [.. tokens.Skip(read).Take(count).Select(token => (float)token)]);
            if (program.Plan.Find(_positions) is not null) program.Set(_positions, [.. Enumerable.Range(Length, count).Select(position => (float)position)]);
            program.Run(seed: 0, step: 0);
            (read, Length, logits) = (read + count, Length + count, program.Read(_logits));
        }

        return logits[^_network.VocabularySize..];
    }

    /// <summary>Chooses the token that follows.</summary>
    /// <param name="logits">The logits, at least one.</param>
    /// <param name="temperature">0 for the token of the largest logit, the first of several; otherwise it is drawn from the softmax of the logits divided by this.</param>
    /// <param name="random">What draws; nothing is drawn at temperature 0.</param>
    /// <returns>Its number.</returns>
    /// <exception cref="ArgumentException">No token can be chosen: a logit is no number, or all are −∞.</exception>
    public static int Choose(ReadOnlySpan<float> logits, double temperature, RandomSequence random)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(temperature);
        int best = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i]) || float.IsPositiveInfinity(logits[i])) throw new ArgumentException("the network's logits are not finite: its weights are damaged or too large, or not of this configuration", nameof(logits));
            if (logits[i] > logits[best]) best = i;
        }

        if (logits.IsEmpty || float.IsNegativeInfinity(logits[best])) throw new ArgumentException("there is no token to choose", nameof(logits));
        if (temperature == 0) return best;
        double[] upTo = new double[logits.Length];
        double sum = 0;
        for (int i = 0; i < logits.Length; i++) upTo[i] = sum += Math.Exp(((double)logits[i] - logits[best]) / temperature);
        double drawn = random.NextUniform() * sum;
        // Rounded up to the sum, it would be behind the last.
        int chosen = Array.FindIndex(upTo, part => drawn < part);
        return chosen < 0 ? best : chosen;
    }

    private Program Compiled(int length) => _backend.Compile(_objective, _network.BatchOf(1, length), keep: [_logits]);
}
