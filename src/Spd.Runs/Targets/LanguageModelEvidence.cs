using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Data;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>How well a decomposed language model still says what follows: its cross-entropy under each kind of mask, on text that training did not see.</summary>
internal static class LanguageModelEvidence
{
    private const int Batches = 8, BatchSize = 4;

    private static readonly (string Name, MaskSource Masks)[] Kinds =
    [
        ("unmasked", Masks.Ones), ("stochastic", Masks.Stochastic(DecompositionStreams.Masks)), ("ci_masked", Masks.Importance),
        ("rounded_masked", Masks.RoundedImportance), ("all_masked", (graph, site, _) => graph.Scale(site.Importance, 0)),
    ];

    /// <summary>The cross-entropies in nats a token, and the share of what masking everything loses that the needed subcomponents bring back.</summary>
    /// <param name="model">The components.</param>
    /// <param name="data">The held-out text.</param>
    /// <param name="seed">Seed of the order of the text and of random masks.</param>
    /// <param name="backend">What computes.</param>
    public static IEnumerable<(string Metric, MetricValue Value)> Of(ComponentModel model, DataSource data, ulong seed, Backend backend)
    {
        var graph = new Graph();
        var objective = new Objective(graph);
        var tokens = data.Build(graph);
        var target = CausalImportance.Build(graph, model, tokens);
        objective.Add("target", graph.CrossEntropy(target.TargetOutput, tokens, isUnembeddingFixed: true));
        foreach (var (name, masks) in Kinds)
        {
            var output = model.MaskedForward(graph, tokens, target.Sites.ToDictionary(site => site.Site, site => masks(graph, site, 0)));
            objective.Add(name, graph.CrossEntropy(output, tokens, isUnembeddingFixed: true));
        }

        var program = backend.Compile(objective, data.BatchOf(BatchSize));
        double[] sums = new double[program.LossNames.Count];
        for (int batch = 0; batch < Batches; batch++)
        {
            program.Run(seed, batch);
            for (int i = 0; i < sums.Length; i++) sums[i] += program.Losses[i] / Batches;
        }

        var values = program.LossNames.Zip(sums).ToDictionary(entry => entry.First, entry => entry.Second);
        foreach (var (name, value) in values) yield return ($"ce_{name}", new(value));
        yield return ("ce_recovered", new((values["all_masked"] - values["ci_masked"]) / (values["all_masked"] - values["target"])));
    }
}
