using Spd.Engine.Optimisation;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Tests;

namespace Spd.Baselines.Tests;

public sealed class ApdConfigTests : IDisposable
{
    private const string Minimal = """
        method: apd
        topk: 1
        topk_recon_coeff: 1
        schatten_coeff: 1
        C: 5
        task_config: {task_name: tms}
        target: tms_5-2

        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheShippedExperimentsHaveTheTableOfTheMethod()
    {
        // METHOD §10: C, k, topk_recon, Schatten (p), lr, batch, steps.
        var small = Shipped("apd_tms_5-2");
        Assert.Equal(
            new ApdOptions
            {
                Seed = 1,
                C = 5,
                Topk = 0.211,
                TopkReconCoeff = 1,
                SchattenCoeff = 0.7,
                SchattenPnorm = 1,
                Lr = 3e-2,
                LrSchedule = ScheduleShape.Constant,
                LrWarmupPct = 0.05,
                BatchSize = 2048,
                Steps = 20_000,
                AttributionModel = AttributionModel.Decomposed,
            }, small.Options);
        var large = Shipped("apd_tms_40-10");
        Assert.Equal(
            new ApdOptions
            {
                Seed = 1,
                C = 40,
                Topk = 2,
                TopkReconCoeff = 10,
                SchattenCoeff = 15,
                SchattenPnorm = 0.9,
                Lr = 1e-3,
                LrSchedule = ScheduleShape.Cosine,
                LrWarmupPct = 0.05,
                BatchSize = 2048,
                Steps = 20_000,
                AttributionModel = AttributionModel.Target,
            }, large.Options);
        foreach (var (apd, spd) in new[] { (small, "tms_5-2"), (large, "tms_40-10") })
            Assert.Equal(ExperimentCatalog.BesideProgram(ApdMethod.Instance).Load(spd).Config.Target, apd.Target);
    }

    [Fact]
    public void WhatIsWrittenIsReadBack()
    {
        var config = Load(Minimal + "m: 2\nattribution_model: decomposed\nname: mine\nn_eval_steps: 7\nsave_freq: 50\n");
        Assert.Equal(
            (2, AttributionModel.Decomposed, "mine", 7, 50),
            (config.Options.M, config.Options.AttributionModel, config.Name, config.NEvalSteps, config.SaveFreq));
        Assert.Equal(config, Load(config.ToYaml()));
    }

    [Theory]
    [InlineData("method: spd", "x.yaml, line 8: method is 'spd', but apd is the only one to be named: leave the key out for SPD")]
    [InlineData("topk: 0", "x.yaml, line 8: topk is 0, but it must be a finite number above 0")]
    [InlineData("topk: 6", "x.yaml, line 8: topk is 6, but there are only 5 components: make it smaller, or C larger")]
    [InlineData("batch_topk: false", "x.yaml, line 8: batch_topk is 'false', but the active components are chosen over the whole batch here: set it to true")]
    [InlineData("attribution_type: ablation", "x.yaml, line 8: attribution_type is 'ablation', but other attributions are not part of the comparison")]
    [InlineData("attribution_model: both", "x.yaml, line 8: attribution_model is 'both', but one of target, decomposed is needed")]
    [InlineData("lp_sparsity_coeff: 1", "x.yaml, line 8: lp_sparsity_coeff is '1', but this term is not part of the comparison with SPD")]
    [InlineData("importance_minimality_coeff: 1", "x.yaml, line 8: unknown key 'importance_minimality_coeff'")]
    [InlineData("lr_schedule: exponential", "x.yaml, line 8: lr_schedule is exponential, which needs lr_exponential_halflife")]
    [InlineData("target: tms_5-2-id", "")]
    [InlineData("task_config: {task_name: residual_mlp}", "x.yaml, line 8: task_name is 'residual_mlp', but the target has a tms_model_config")]
    [InlineData("C: null", "x.yaml, line 8: C is null, but a whole number is needed")]
    public void AWrongLineIsNamed(string line, string expected)
    {
        string key = line[..line.IndexOf(':', StringComparison.Ordinal)];
        string text = string.Join("\n", Minimal.TrimEnd().Split('\n').Select(other => other.StartsWith($"{key}:", StringComparison.Ordinal) ? "# moved" : other)
            .Concat(Enumerable.Repeat("# filled", 7)).Take(7)) + $"\n{line}\n";
        string message = Assert.Throws<ConfigException>(() => Load(text)).Message.Replace(_folder["x.yaml"], "x.yaml", StringComparison.Ordinal);
        if (line.StartsWith("target", StringComparison.Ordinal)) Assert.Contains("hidden layers", message, StringComparison.Ordinal);
        else Assert.StartsWith(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private static ApdConfig Shipped(string name)
    {
        var (config, notes) = ExperimentCatalog.BesideProgram(ApdMethod.Instance).Load(name);
        Assert.Empty(notes);
        Assert.Equal(name, config.Name);
        return (ApdConfig)config;
    }

    private ApdConfig Load(string text) => (ApdConfig)ExperimentCatalog.BesideProgram(ApdMethod.Instance).Load(_folder.Write("x.yaml", text)).Config;
}
