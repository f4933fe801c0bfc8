using Spd.Decomposition;
using Spd.Runs.Configuration;

namespace Spd.Runs.Tests.Configuration;

/// <summary>The successor's keys: the list of losses in all its kinds, the causal importance functions, and what is refused.</summary>
public sealed class SuccessorConfigTests
{
    private const string Head = """
        C: 4
        target_module_patterns: [linear1, linear2]
        task_config: {task_name: tms, feature_probability: 0.05}
        target: {train: {tms_model_config: {n_features: 5, n_hidden: 2}, feature_probability: 0.05}}

        """;

    private static readonly ExperimentCatalog None = new("nowhere");

    [Fact]
    public void EveryLossIsReadAndWritten()
    {
        var config = Parse("""
            loss_metric_configs:
            - {classname: FaithfulnessLoss, coeff: 10, is_relative: true}
            - {classname: ImportanceMinimalityLoss, coeff: 0.001, pnorm: 2, beta: 0.5, eps: 1e-9, p_anneal_start_frac: 0.1, p_anneal_final_p: 0.4, p_anneal_end_frac: 0.9}
            - {classname: UnmaskedReconLoss, coeff: 1}
            - {classname: CIMaskedReconLoss, coeff: 2}
            - {classname: CIMaskedReconLayerwiseLoss, coeff: 3}
            - {classname: CIMaskedReconSubsetLoss, coeff: 4, routing: {type: static_probability, p: 0.25}}
            - {classname: StochasticReconLoss, coeff: 5}
            - {classname: StochasticReconLayerwiseLoss, coeff: 6}
            - {classname: StochasticReconSubsetLoss, coeff: 7, routing: {type: uniform_k_subset, is_by_row: true}}
            - {classname: StochasticHiddenActsReconLoss, coeff: 8}
            - {classname: PGDReconLoss, coeff: 0.5, init: zeroes, step_size: 0.2, n_steps: 3, mask_scope: unique_per_datapoint}
            - {classname: PGDReconLayerwiseLoss, coeff: 0.5}
            - {classname: PGDReconSubsetLoss, coeff: 0.5}
            - classname: PersistentPGDReconLoss
              coeff: 0.5
              n_warmup_steps: 4
              use_sigmoid_parameterization: true
              optimizer: {type: momentum_sgd, momentum: 0.9, lr_schedule: {start_val: 0.2, fn_type: cosine, warmup_pct: 0.1, final_val_frac: 0.5}}
              scope: {type: repeat_across_batch, n_sources: 3}
            - {classname: PersistentPGDReconSubsetLoss, coeff: 0.5, optimizer: {type: sign, lr_schedule: {start_val: 0.1}}, scope: {type: broadcast_across_batch}}
            - {classname: MergedStochasticSubsetPPGDReconLoss, coeff: 1, adv_fraction: 0.25, optimizer: {type: adam, beta1: 0.01}, scope: {type: per_batch}}
            """);
        var terms = config.Decomposition.LossTerms!;
        Assert.Equal(16, terms.Count);
        Assert.Equal(new FaithfulnessLoss { Coeff = 10, IsRelative = true }, terms[0]);
        Assert.Equal(0.4, Assert.IsType<ImportanceMinimalityLoss>(terms[1]).PAnnealFinalP);
        Assert.Equal((ReconMasks.CiMasked, ReconSites.Subset, new StaticProbability(0.25)), terms[5] is ReconLoss recon ? (recon.Masks, recon.Sites, (StaticProbability)recon.Routing) : default);
        Assert.True(((ReconLoss)terms[8]).Routing.IsByRow);
        Assert.Equal((SourceStart.Zeroes, 3, SourceScope.RowAndPosition), terms[10] is PgdReconLoss pgd ? (pgd.Init, pgd.NSteps, pgd.Scope) : default);
        var lasting = Assert.IsType<PersistentPgdReconLoss>(terms[13]);
        Assert.Equal((0.9, 0.2, 0.5, new SourceScope(3, true)), (((MomentumSources)lasting.Optimizer).Momentum, lasting.Optimizer.StartVal, lasting.Optimizer.FinalValFrac, lasting.Scope));
        Assert.True(Assert.IsType<PersistentPgdReconLoss>(terms[14]).RoutesAscents);
        Assert.Equal(0.25, Assert.IsType<PersistentPgdReconLoss>(terms[15]).AdvFraction);

        string yaml = config.ToYaml();
        Assert.Equal(yaml, ExperimentConfig.Parse(yaml, "again.yaml", [], None).Config.ToYaml());
        // The paper's coefficients would say what is not computed.
        Assert.DoesNotContain("stochastic_recon_coeff", yaml, StringComparison.Ordinal);
    }

    [Fact]
    public void ASmoothCountIsReadAndWritten()
    {
        var config = Parse("loss_metric_configs:\n- {classname: SmoothImportanceMinimalityLoss, coeff: 0.001, gamma_start: 0.5, gamma_end: 0.02, gamma_end_frac: 0.9, normalize_at_one: true, frequency_coeff: 0.0005, reference_datapoint_count: 100, frequency_halflife: 20}\n");
        Assert.Equal(
            new SmoothImportanceLoss
            {
                Coeff = 0.001,
                GammaStart = 0.5,
                GammaEnd = 0.02,
                GammaEndFrac = 0.9,
                NormalizeAtOne = true,
                FrequencyCoeff = 0.0005,
                ReferenceDatapointCount = 100,
                FrequencyHalflife = 20,
            },
            Assert.Single(config.Decomposition.LossTerms!));
        Assert.Equal(config.ToYaml(), ExperimentConfig.Parse(config.ToYaml(), "again.yaml", [], None).Config.ToYaml());
    }

    [Fact]
    public void TheLaterLibrarysMinimalityIsReadAsItIs()
    {
        var term = Assert.IsType<SmoothImportanceLoss>(Assert.Single(Parse("""
            loss_metric_configs:
            - type: ImportanceMinimalityLoss
              coeff: 8.0e-04
              frequency: {coeff: 4.0e-04, reference_datapoint_count: 32768}
              gamma: {max_val: 2.0, points: [{at: 0.0, frac: 1.0}, {at: 0.9, frac: 0.01}]}
            """).Decomposition.LossTerms!));
        Assert.Equal((8e-4, 4e-4, 32768.0, 2.0, 0.02, 0.9), (term.Coeff, term.FrequencyCoeff, term.ReferenceDatapointCount, term.GammaStart, term.GammaEnd, term.GammaEndFrac));
    }

    [Fact]
    public void ImportanceFunctionsAreReadAndWritten()
    {
        var config = Parse("""
            importance_minimality_coeff: 0.001
            ci_config: {mode: global, fn_type: global_shared_mlp, hidden_dims: [7, 5], sigmoid_type: swish_hard, sampling: binomial}
            """);
        var importances = config.Decomposition.Importances!;
        Assert.Equal((ImportanceKind.GlobalMlp, Squashing.SwishHard, MaskSampling.Binomial), (importances.Kind, importances.SigmoidType, importances.Sampling));
        Assert.Equal([7, 5], importances.HiddenDims);
        string yaml = config.ToYaml();
        Assert.DoesNotContain("n_ci_mlp_neurons", yaml, StringComparison.Ordinal);
        Assert.Equal(yaml, ExperimentConfig.Parse(yaml, "again.yaml", [], None).Config.ToYaml());
    }

    [Theory]
    [InlineData("loss_metric_configs: [{classname: SomeLoss, coeff: 1}]", "line 5: classname of an entry of loss_metric_configs is 'SomeLoss', but one of FaithfulnessLoss, ")]
    [InlineData("loss_metric_configs: [{coeff: 1}]", "an entry of loss_metric_configs has no classname: give it one of FaithfulnessLoss")]
    [InlineData("loss_metric_configs: [{classname: FaithfulnessLoss}]", "the key 'coeff' is missing")]
    [InlineData("loss_metric_configs: [{classname: FaithfulnessLoss, coeff: 1, relative: true}]", "unknown key 'relative'; did you mean 'is_relative'?")]
    [InlineData("loss_metric_configs: [{classname: StochasticReconSubsetLoss, coeff: 1, routing: {type: static_probability}}]", "needs p, the probability of a site")]
    [InlineData("loss_metric_configs: [{classname: PersistentPGDReconLoss, coeff: 1, scope: {type: everything}}]", "type of scope is 'everything', but a type, one of single_source, ")]
    [InlineData("loss_metric_configs: [{classname: PersistentPGDReconLoss, coeff: 1, scope: {type: repeat_across_batch}}]", "needs n_sources")]
    [InlineData("loss_metric_configs: [{classname: MergedStochasticSubsetPPGDReconLoss, coeff: 1, adv_fraction: 1.5}]", "adv_fraction is 1.5")]
    [InlineData("loss_metric_configs: [{classname: UnmaskedReconLoss, coeff: 1}, {classname: UnmaskedReconLoss, coeff: 2}]", "has two entries that are called 'unmasked_recon'")]
    [InlineData("loss_metric_configs: []", "at least one entry is needed")]
    [InlineData("recon_coeff: 1\nloss_metric_configs: [{classname: FaithfulnessLoss, coeff: 1}]", "recon_coeff is given beside loss_metric_configs, which takes its place")]
    [InlineData("importance_minimality_coeff: 1\nci_config: {fn_type: mlp, hidden_dims: [3, 2]}", "one hidden layer, or none")]
    [InlineData("importance_minimality_coeff: 1\nci_config: {fn_type: oracle}", "fn_type is 'oracle', but mlp, shared_mlp or global_shared_mlp is needed")]
    [InlineData("importance_minimality_coeff: 1\nn_ci_mlp_neurons: 3\nci_config: {fn_type: mlp}", "ci_config is given beside n_ci_mlp_neurons")]
    public void WhatCannotBeUsedIsNamed(string keys, string sentence) =>
        Assert.Contains(sentence, Assert.Throws<ConfigException>(() => Parse(keys)).Message, StringComparison.Ordinal);

    private static ExperimentConfig Parse(string keys) => ExperimentConfig.Parse(Head + keys + "\n", "x.yaml", [], None).Config;
}
