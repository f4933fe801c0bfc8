using System.Globalization;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Runs.Configuration;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>Transformers that add modulo a number, decomposed on all pairs at the last position.</summary>
internal sealed class ModularAdditionTarget : TargetKind
{
    /// <summary>The one of its kind.</summary>
    public static readonly ModularAdditionTarget Instance = new();

    public override string TaskName => "modular_addition";

    public override string ModelKey => "dataset";

    public override string TrainConfigFile => "config.yaml";

    public override TargetConfig Defaults => new ModularAdditionConfig();

    internal override ConfigKey<TargetConfig> TargetKey { get; } = TargetKeys.Target(ModularAdditionKeys.Target);

    internal override KeyTable<TaskConfig> TaskKeys => TargetKeys.FileTask(this);

    public override string ToYaml(TargetConfig config) => ConfigWriter.Write(ModularAdditionKeys.Target.Write((ModularAdditionConfig)config));

    public override IReadOnlyList<string> Load(TargetConfig config, Module network)
    {
        ((ModularAdditionConfig)config).Model.Load(config.Load!, ((LastLogits)network).Transformer);
        return [];
    }

    public override string Verify(TargetConfig config, Module network, Backend backend)
    {
        int modulus = ((ModularAdditionConfig)config).Modulus, pairs = modulus * modulus;
        int right = ModularAdditionReport.RightOf(network, new ModularPairs(modulus), backend);
        return string.Create(CultureInfo.InvariantCulture, $"it adds {right} of all {pairs} pairs rightly modulo {modulus}, {right / (double)pairs:P3}");
    }

    public override TargetData Data(TargetConfig config, TaskConfig task)
    {
        var pairs = new ModularPairs(((ModularAdditionConfig)config).Modulus);
        return new TargetData(pairs, pairs);
    }

    internal override IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed, Backend backend) =>
        evaluation is null ? [] : Report(model, data, seed, backend).Evidence();

    public override IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data, Backend backend) =>
        ModularAdditionFigures.Draw(Report(model, data, seed: 0, backend));

    private static ModularAdditionReport Report(ComponentModel model, TargetData data, ulong seed, Backend backend) =>
        ModularAdditionReport.Of(model, (ModularPairs)data.Evaluation, seed, backend);
}
