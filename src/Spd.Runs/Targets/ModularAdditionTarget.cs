using System.Globalization;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Networks.Training;
using Spd.Runs.Configuration;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>Transformers that add modulo a number, trained on some of all pairs and decomposed on all, at the last position.</summary>
internal sealed class ModularAdditionTarget : TrainedTargetKind
{
    /// <summary>The one of its kind.</summary>
    public static readonly ModularAdditionTarget Instance = new();

    // One that has learnt its pairs by heart adds few of the others, and one that computes sums nearly all.
    private const double LeastAccuracy = 0.999;

    public override string TaskName => "modular_addition";

    public override string ModelKey => "dataset";

    public override string TrainConfigFile => "config.yaml";

    public override TargetConfig Defaults => new ModularAdditionConfig();

    public override string Goal => "added 99.9 % of the pairs rightly that it was not trained on";

    internal override ConfigKey<TargetConfig> TargetKey { get; } = TargetKeys.Target(TargetKeys.Trained(ModularAdditionKeys.Target));

    internal override KeyTable<TaskConfig> TaskKeys => TargetKeys.FileTask(this);

    public override string ToYaml(TargetConfig config) => ConfigWriter.Write(ModularAdditionKeys.Target.Write((ModularAdditionConfig)config));

    public override IReadOnlyList<string> Load(TargetConfig config, Module network)
    {
        ((ModularAdditionConfig)config).Model.Load(config.Load!, ((LastLogits)network).Transformer);
        return [];
    }

    public override void Train(
        TrainedTargetConfig config, Module network, Backend backend, Action<int, double> onStep, ITrainingStore store, CancellationToken cancellation)
    {
        var target = (ModularAdditionConfig)config;
        var pairs = new ModularPairs(target.Modulus, target.TrainingPairs());
        SupervisedTraining.Train(
            network, pairs, (graph, x) => ((LastLogits)network).CrossEntropy(graph, x, pairs.Sums), config.Training, backend, onStep, store, cancellation);
    }

    public override Lesson Examine(TrainedTargetConfig config, Module network, Backend backend)
    {
        var target = (ModularAdditionConfig)config;
        int modulus = target.Modulus, pairs = modulus * modulus;
        var right = ModularAdditionReport.RightOf(network, new ModularPairs(modulus), backend);
        string clause = string.Create(CultureInfo.InvariantCulture, $"it adds {right.Count} of all {pairs} pairs rightly modulo {modulus}, {right.Count / (double)pairs:P3}");

        // On which pairs a network was trained elsewhere, nobody says.
        int[] heldOut = config.Load is null ? [.. Enumerable.Range(0, pairs).Except(target.TrainingPairs())] : [];
        int rightHeldOut = heldOut.Count(right.Contains);
        return new Lesson(
            right.Count >= LeastAccuracy * pairs && rightHeldOut >= LeastAccuracy * heldOut.Length,
            heldOut.Length == 0 ? clause : $"{clause}, and {rightHeldOut} of the {heldOut.Length} that it was not trained on");
    }

    public override TargetData Data(TargetConfig config, TaskConfig task)
    {
        var pairs = new ModularPairs(((ModularAdditionConfig)config).Modulus);
        return new TargetData(pairs, pairs) { Answers = pairs.Sums, Symbols = token => token == pairs.Modulus ? "=" : $"{token}" };
    }

    internal override IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed, Backend backend) =>
        evaluation is null ? [] : Report(model, data, seed, backend).Evidence();

    public override IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data, Backend backend) =>
        ModularAdditionFigures.Draw(Report(model, data, seed: 0, backend));

    private static ModularAdditionReport Report(ComponentModel model, TargetData data, ulong seed, Backend backend) =>
        ModularAdditionReport.Of(model, (ModularPairs)data.Evaluation, seed, backend);
}
