using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks.Data;

namespace Spd.Decomposition;

/// <summary>Measures a decomposition on batches that training does not draw.</summary>
public sealed class Evaluator
{
    /// <summary>A subcomponent counts toward L0 on an input where its causal importance exceeds this.</summary>
    public const float ActiveThreshold = 0.01f;

    /// <summary>A subcomponent is alive when its causal importance exceeds this on any input.</summary>
    public const float AliveThreshold = 0.1f;

    /// <summary>Bins of the histogram of causal importances.</summary>
    public const int HistogramBins = 50;

    private const string Unmasked = "unmasked", Stochastic = "stochastic", ImportanceMasked = "importance_masked", RoundedMasked = "rounded_masked";

    // Evaluation draws its batches with a seed of its own, so that none of them was trained on.
    internal const ulong SeedOffset = 0x5851F42D4C957F2D;

    private readonly DecompositionOptions _options;
    private readonly Batch _batch;
    private readonly Program _program;
    private readonly List<ImportanceCounts> _counts;
    private readonly AdversarialMasks _adversary;

    /// <summary>Plans the evaluation.</summary>
    /// <param name="graph">The graph that it is described in; what is there already, such as a training step's, is not described again.</param>
    /// <param name="model">The components.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes.</param>
    public Evaluator(Graph graph, ComponentModel model, DataSource data, DecompositionOptions options, Backend backend)
    {
        (_options, _batch) = (options, data.BatchOf(options.BatchSize));
        var target = CausalImportance.Build(graph, model, data.Build(graph));
        var objective = new Objective(graph);
        var context = Losses.Add(objective, model, target, options.Terms, options.LossSettings, _batch, backend: null);
        foreach (var (name, masks) in new[]
        {
            (Unmasked, Masks.Ones), (Stochastic, context.StochasticMasks(DecompositionStreams.Masks)),
            (ImportanceMasked, Masks.Importance), (RoundedMasked, Masks.RoundedImportance),
        })
            Reconstruction.AddLoss(objective, model, target, name, coefficient: 0, masks, Reconstruction.AllSites, samples: 1, options.OutputLossType);
        _counts = [.. target.Sites.Select(site => new ImportanceCounts(graph, site, data.Length))];
        _program = backend.Compile(objective, _batch, keep: [.. _counts.SelectMany(counts => counts.Values)]);
        _adversary = new AdversarialMasks(graph, model, target, _batch, options.OutputLossType, backend, options.UseDeltaComponent);
    }

    private ulong Seed => _options.Seed + SeedOffset;

    /// <summary>Measures on batches that are numbered on from <paramref name="firstBatch"/>; see <see cref="Decomposer.Evaluate"/>.</summary>
    public Evaluation Evaluate(long firstBatch, int batches, int adversarialBatches)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        foreach (var counts in _counts) counts.Clear();
        double[] sums = new double[_program.LossNames.Count];
        double total = 0;
        for (int batch = 0; batch < batches; batch++)
        {
            _program.Run(Seed, firstBatch + batch);
            foreach (var counts in _counts) counts.Add(_program);
            for (int i = 0; i < sums.Length; i++) sums[i] += _program.Losses[i] / batches;
            total += _program.TotalLoss / batches;
        }

        double adversarial = adversarialBatches == 0 ? double.NaN : 0;
        for (int batch = 0; batch < adversarialBatches; batch++) adversarial += _adversary.WorstError(Seed, firstBatch + batches + batch) / adversarialBatches;

        var losses = _program.LossNames.Zip(sums).ToDictionary(entry => entry.First, entry => entry.Second);
        double Take(string name) => losses.Remove(name, out double value) ? value : throw new KeyNotFoundException(name);
        double unmasked = Take(Unmasked), stochastic = Take(Stochastic), importanceMasked = Take(ImportanceMasked), roundedMasked = Take(RoundedMasked);
        // Without the terms that search for their masks it would be no total.
        if (!_options.Terms.Any(term => term.IsAdversarial)) losses["total"] = total;
        long rows = (long)batches * _batch.Positions;
        return new Evaluation(
            losses, [.. _counts.Select(counts => counts.Result(rows))], unmasked, stochastic, importanceMasked, roundedMasked, adversarial);
    }

    /// <summary>Counts of one site's importances, which a program takes over a batch, added up over batches.</summary>
    private sealed class ImportanceCounts(Graph graph, SiteActivations site, int length)
    {
        private readonly Value _active = graph.Add(new CountAbove(site.Importance, ActiveThreshold));
        private readonly Value _largest = graph.Add(new Maximum(site.Importance));
        private readonly Value _negatedSmallest = graph.Add(new Maximum(graph.Scale(site.Importance, -1)));
        private readonly Value _histogram = graph.Add(new Histogram(site.Importance, HistogramBins));
        private readonly Value _sum = graph.Add(new RowSum(graph.Add(new Relu(site.Importance))));
        private readonly Value? _inLane = length == 1 ? null : graph.Add(new LaneSum(graph.Add(new Above(site.Importance, ActiveThreshold)), site.Site.C));
        private readonly double[] _sums = new double[site.Site.C], _byPosition = new double[length];
        private readonly float[] _extremes = new float[2 * site.Site.C];
        private readonly long[] _counts = new long[HistogramBins];
        private long _activeCount;

        public IEnumerable<Value> Values => [_active, _largest, _negatedSmallest, _histogram, _sum, .. _inLane is null ? (Value[])[] : [_inLane]];

        public void Clear()
        {
            Array.Fill(_extremes, float.NegativeInfinity);
            Array.Clear(_counts);
            Array.Clear(_sums);
            Array.Clear(_byPosition);
            _activeCount = 0;
        }

        public void Add(Program program)
        {
            foreach (float count in program.Read(_active)) _activeCount += (long)count;
            foreach (var (i, count) in program.Read(_histogram).Index()) _counts[i % HistogramBins] += (long)count;
            foreach (var (c, sum) in program.Read(_sum).Index()) _sums[c] += sum;
            if (_inLane is not null)
                foreach (var (i, count) in program.Read(_inLane).Index()) _byPosition[i % length] += count;
            float[] extremes = [.. program.Read(_largest), .. program.Read(_negatedSmallest)];
            for (int i = 0; i < extremes.Length; i++) _extremes[i] = Math.Max(_extremes[i], extremes[i]);
        }

        public SiteEvaluation Result(long rows)
        {
            int c = site.Site.C;
            int[] alive = [.. Enumerable.Range(0, c).Where(i => _extremes[i] > AliveThreshold)];
            return new(site.Site.Name, c, (double)_activeCount / rows, alive.Length, [.. _counts])
            {
                AliveSubcomponents = alive,
                Varying = Enumerable.Range(0, c).Count(i => _extremes[i] + _extremes[c + i] > AliveThreshold),
                MeanImportances = [.. _sums.Select(sum => sum / rows)],
                L0ByPosition = _inLane is null ? [] : [.. _byPosition.Select(count => count * length / rows)],
            };
        }
    }
}
