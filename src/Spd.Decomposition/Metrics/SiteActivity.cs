using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Decomposition;

/// <summary>Gives a sequence of tokens by its number.</summary>
/// <param name="number">Its number, from 0.</param>
/// <param name="tokens">Receives the tokens.</param>
public delegate void SequenceReader(long number, Span<int> tokens);

/// <summary>Gives an example by its number.</summary>
/// <param name="number">Its number, from 0.</param>
/// <param name="values">Receives its values, row-major <c>[positions, features]</c>.</param>
public delegate void ExampleReader(long number, Span<float> values);

/// <summary>A place where a subcomponent is needed: in a text, or an input.</summary>
/// <param name="Sequence">The number of the sequence, or of the input.</param>
/// <param name="Position">The position in it, from 0.</param>
/// <param name="Importance">g, the causal importance there.</param>
/// <param name="Inner">h, the inner activation there.</param>
public readonly record struct ActivationContext(long Sequence, int Position, float Importance, float Inner);

/// <summary>When a subcomponent is needed, over all positions of the sequences.</summary>
/// <param name="Component">Its number.</param>
/// <param name="MeanImportance">The mean causal importance; importances below 0 count as 0.</param>
/// <param name="Frequencies">The share of positions where the importance exceeds each of <see cref="SiteActivity.Thresholds"/>.</param>
/// <param name="Largest">The largest importance.</param>
/// <param name="Contexts">Where it is needed most, at most one place of a sequence, the most needed first.</param>
public sealed record SubcomponentActivity(
    int Component, double MeanImportance, IReadOnlyList<double> Frequencies, float Largest, IReadOnlyList<ActivationContext> Contexts)
{
    /// <summary>Whether its inner activation is positive in most of the contexts; a factor is defined but for a sign that the other shares.</summary>
    public bool IsPositive => 2 * Contexts.Count(context => context.Inner >= 0) >= Contexts.Count;
}

/// <summary>When the subcomponents of a site are needed.</summary>
/// <param name="Site">The site.</param>
/// <param name="Positions">The positions that were looked at.</param>
/// <param name="Subcomponents">The subcomponents in their order.</param>
public sealed record SiteActivity(Site Site, long Positions, IReadOnlyList<SubcomponentActivity> Subcomponents)
{
    // Numbers that are kept of a batch.
    private const int MostNumbers = 1 << 21, MostSequences = 8, MostPositions = 2048;

    /// <summary>The causal importances that are counted.</summary>
    public static IReadOnlyList<float> Thresholds { get; } = [Evaluator.ActiveThreshold, Evaluator.AliveThreshold, 0.5f];

    /// <summary>Goes through sequences once. What is kept does not grow with their number.</summary>
    /// <param name="model">The components.</param>
    /// <param name="sites">The sites that are asked for.</param>
    /// <param name="read">Gives the sequences.</param>
    /// <param name="sequences">How many there are.</param>
    /// <param name="length">Tokens of a sequence, at least 2.</param>
    /// <param name="top">
    /// Contexts that are kept of a subcomponent: those of the largest importance, of equal ones those of the largest inner activation, from each sequence one.
    /// They have an importance above <see cref="Evaluator.ActiveThreshold"/>.
    /// </param>
    /// <param name="backend">What computes.</param>
    /// <param name="onSequences">Is told how many sequences have been gone through.</param>
    /// <param name="isLastIncluded">Whether the last position of a sequence may be a context too, which no token follows.</param>
    public static IReadOnlyList<SiteActivity> Of(
        ComponentModel model, IReadOnlyList<Site> sites, SequenceReader read, long sequences, int length, int top, Backend backend, Action<long>? onSequences = null,
        bool isLastIncluded = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        int[] tokens = new int[length];
        return Of(model, sites, Read, sequences, length, features: 1, isLastIncluded ? length : length - 1, top, backend, onSequences);

        void Read(long number, Span<float> values)
        {
            read(number, tokens);
            for (int position = 0; position < length; position++) values[position] = tokens[position];
        }
    }

    /// <summary>Goes through examples of any kind once.</summary>
    /// <param name="model">The components.</param>
    /// <param name="sites">The sites that are asked for.</param>
    /// <param name="read">Gives the examples.</param>
    /// <param name="examples">How many there are.</param>
    /// <param name="length">Positions of an example.</param>
    /// <param name="features">Features of a position.</param>
    /// <param name="places">Positions, the first ones, that may become contexts.</param>
    /// <param name="top">Contexts that are kept of a subcomponent, from each example one.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="onExamples">Is told how many examples have been gone through.</param>
    public static IReadOnlyList<SiteActivity> Of(
        ComponentModel model, IReadOnlyList<Site> sites, ExampleReader read, long examples, int length, int features, int places, int top, Backend backend,
        Action<long>? onExamples = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(examples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        var graph = new Graph();
        var x = graph.Input(features);
        var collectors = CausalImportance.Build(graph, model, x).Sites.Where(site => sites.Contains(site.Site)).Select(site => new Collector(site, length, places, top)).ToList();
        long each = 2L * length * collectors.Sum(collector => collector.Site.C);
        int batch = (int)Math.Min(examples, Math.Clamp(MostNumbers / each, 1, Math.Max(MostSequences, MostPositions / length)));
        var program = backend.Compile(new Objective(graph), new Batch(batch, length), keep: [.. collectors.SelectMany(collector => collector.Values)]);
        int size = length * features;
        float[] values = new float[batch * size], importances = new float[batch * length * sites.Max(site => site.C)], inners = new float[importances.Length];
        for (long first = 0; first < examples; first += batch)
        {
            int count = (int)Math.Min(batch, examples - first);
            for (int i = 0; i < count; i++) read(first + i, values.AsSpan(i * size, size));
            program.Set(x, values);
            program.Run(seed: 0, step: 0);
            foreach (var collector in collectors) collector.Add(program, first, count, importances, inners);
            onExamples?.Invoke(first + count);
        }

        return [.. collectors.Select(collector => collector.Result(examples * length))];
    }

    /// <summary>What is kept of one site.</summary>
    private sealed class Collector(SiteActivations activations, int length, int places, int top)
    {
        private readonly int _c = activations.Site.C;
        private readonly double[] _sums = new double[activations.Site.C];
        private readonly long[] _counts = new long[Thresholds.Count * activations.Site.C];
        private readonly float[] _largest = [.. Enumerable.Repeat(float.NegativeInfinity, activations.Site.C)];

        // For each subcomponent the least of its contexts is on top, which a greater one replaces.
        private readonly PriorityQueue<ActivationContext, (float Importance, float Size, long Earlier)>[] _contexts =
            [.. Enumerable.Range(0, activations.Site.C).Select(_ => new PriorityQueue<ActivationContext, (float, float, long)>())];

        public Site Site => activations.Site;

        public IReadOnlyList<Value> Values => [activations.Importance, activations.Inner];

        /// <summary>Adds the first sequences of a batch.</summary>
        public void Add(Program program, long first, int count, float[] importances, float[] inners)
        {
            program.Read(activations.Importance, importances);
            program.Read(activations.Inner, inners);
            var best = new ActivationContext[_c];
            for (int i = 0; i < count; i++)
            {
                Array.Fill(best, new ActivationContext(first + i, 0, Evaluator.ActiveThreshold, 0));
                for (int position = 0; position < length; position++)
                {
                    int row = (i * length + position) * _c;
                    for (int c = 0; c < _c; c++) Add(c, position, importances[row + c], inners[row + c], ref best[c]);
                }

                for (int c = 0; c < _c; c++)
                    if (best[c].Importance > Evaluator.ActiveThreshold) Keep(_contexts[c], best[c]);
            }
        }

        public SiteActivity Result(long positions) => new(Site, positions, [.. Enumerable.Range(0, _c).Select(c => new SubcomponentActivity(
            c, _sums[c] / positions, [.. Thresholds.Select((_, i) => (double)_counts[i * _c + c] / positions)], _largest[c],
            [.. _contexts[c].UnorderedItems.OrderByDescending(item => item.Priority).Select(item => item.Element)]))]);

        private void Add(int c, int position, float importance, float inner, ref ActivationContext best)
        {
            _sums[c] += Math.Max(importance, 0);
            _largest[c] = Math.Max(_largest[c], importance);
            for (int i = 0; i < Thresholds.Count && importance > Thresholds[i]; i++) _counts[i * _c + c]++;
            bool isMore = importance > best.Importance || (importance == best.Importance && Math.Abs(inner) > Math.Abs(best.Inner));
            if (position < places && isMore) best = best with { Position = position, Importance = importance, Inner = inner };
        }

        private void Keep(PriorityQueue<ActivationContext, (float Importance, float Size, long Earlier)> contexts, ActivationContext context)
        {
            var priority = (context.Importance, Math.Abs(context.Inner), -context.Sequence);
            if (contexts.Count < top) contexts.Enqueue(context, priority);
            else contexts.EnqueueDequeue(context, priority);
        }
    }
}
