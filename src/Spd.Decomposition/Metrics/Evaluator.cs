using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
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

    private readonly ComponentModel _model;
    private readonly DecompositionOptions _options;
    private readonly Graph _graph = new();
    private readonly PanelRunner _runner;
    private readonly CausalImportance _target;
    private readonly AdversarialMasks _adversary;

    /// <summary>Builds the evaluation's graphs.</summary>
    public Evaluator(ComponentModel model, DataSource data, DecompositionOptions options, WorkerPool pool)
    {
        (_model, _options) = (model, options);
        _target = CausalImportance.Build(_graph, model, data.Build(_graph));
        Losses.Add(_graph, model, _target, options);
        foreach (var (name, masks) in new[]
        {
            (Unmasked, Masks.Ones), (Stochastic, Masks.Stochastic(StreamPurpose.Masks)),
            (ImportanceMasked, Masks.Importance), (RoundedMasked, Masks.RoundedImportance),
        })
            Reconstruction.AddLoss(_graph, model, _target, name, coefficient: 0, masks, Reconstruction.AllSites, samples: 1, options.OutputLossType);
        foreach (var site in _target.Sites) _graph.Keep(site.Importance);
        _runner = new PanelRunner(_graph, options.BatchSize, pool);
        _adversary = new AdversarialMasks(model, data, options, pool);
    }

    private ulong Seed => _options.Seed + SeedOffset;

    /// <summary>Measures on batches that are numbered on from <paramref name="firstBatch"/>; see <see cref="Decomposer.Evaluate"/>.</summary>
    public Evaluation Evaluate(long firstBatch, int batches, int adversarialBatches)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        var counts = _target.Sites.Select(site => new ImportanceCounts(site)).ToList();
        double[] sums = new double[_graph.LossNames.Count];
        double total = 0;
        for (int batch = 0; batch < batches; batch++)
        {
            _runner.Run(Seed, firstBatch + batch, backward: false, observer: workspace => counts.ForEach(count => count.Add(workspace)));
            for (int i = 0; i < sums.Length; i++) sums[i] += _runner.Losses[i] / batches;
            total += _runner.TotalLoss / batches;
        }

        double adversarial = adversarialBatches == 0 ? double.NaN : 0;
        for (int batch = 0; batch < adversarialBatches; batch++) adversarial += _adversary.WorstError(Seed, firstBatch + batches + batch) / adversarialBatches;

        var losses = _graph.LossNames.Zip(sums).ToDictionary(entry => entry.First, entry => entry.Second);
        double Take(string name) => losses.Remove(name, out double value) ? value : throw new KeyNotFoundException(name);
        double unmasked = Take(Unmasked), stochastic = Take(Stochastic), importanceMasked = Take(ImportanceMasked), roundedMasked = Take(RoundedMasked);
        losses["total"] = total;
        long rows = (long)batches * _options.BatchSize;
        return new Evaluation(
            losses, [.. counts.Select(count => count.Result(rows))], unmasked, stochastic, importanceMasked, roundedMasked, adversarial);
    }

    private sealed class ImportanceCounts(SiteActivations site)
    {
        private readonly float[] _smallest = Filled(site.Site.C, float.PositiveInfinity), _largest = Filled(site.Site.C, float.NegativeInfinity);
        private readonly long[] _histogram = new long[HistogramBins];
        private long _active;

        public void Add(Workspace workspace)
        {
            var importance = workspace.Values(site.Importance);
            for (int c = 0; c < site.Site.C; c++)
            {
                foreach (float g in importance.Slice(c * workspace.Stride, workspace.ValidLanes))
                {
                    if (g > ActiveThreshold) _active++;
                    _smallest[c] = Math.Min(_smallest[c], g);
                    _largest[c] = Math.Max(_largest[c], g);
                    _histogram[(int)Math.Clamp(g * HistogramBins, 0, HistogramBins - 1)]++;
                }
            }
        }

        public SiteEvaluation Result(long rows) =>
            new(site.Site.Name, site.Site.C, (double)_active / rows, _largest.Count(largest => largest > AliveThreshold), _histogram)
            {
                Varying = _largest.Zip(_smallest).Count(range => range.First - range.Second > AliveThreshold),
            };

        private static float[] Filled(int count, float value)
        {
            float[] values = new float[count];
            Array.Fill(values, value);
            return values;
        }
    }
}
