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
    private const int Batches = 8, AdversarialBatches = 2, BatchSize = 4;

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
        foreach (var (name, masks) in Kinds) objective.Add(name, CrossEntropyOf(masks));
        var batch = data.BatchOf(BatchSize);
        var adversary = new AdversarialMasks(graph, model, target, batch, OutputLoss.Kl, backend);
        var worst = new Objective(graph);
        worst.Add("adversarial", CrossEntropyOf(adversary.Worst));
        var values = Means(backend.Compile(objective, batch), Batches).Concat(Means(backend.Compile(worst, batch), AdversarialBatches, number => adversary.WorstError(seed, number)))
            .ToDictionary();
        foreach (var (name, value) in values) yield return ($"ce_{name}", new(value));
        yield return ("ce_recovered", new((values["all_masked"] - values["ci_masked"]) / (values["all_masked"] - values["target"])));

        Value CrossEntropyOf(MaskSource masks) =>
            graph.CrossEntropy(model.MaskedForward(graph, tokens, target.Sites, masks), tokens, isUnembeddingFixed: true);

        IEnumerable<KeyValuePair<string, double>> Means(Program program, int batches, Action<int>? before = null)
        {
            double[] sums = new double[program.LossNames.Count];
            for (int number = 0; number < batches; number++)
            {
                before?.Invoke(number);
                program.Run(seed, number);
                for (int i = 0; i < sums.Length; i++) sums[i] += program.Losses[i] / batches;
            }

            return program.LossNames.Zip(sums, KeyValuePair.Create);
        }
    }
}
