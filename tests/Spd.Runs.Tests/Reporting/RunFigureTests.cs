using System.Xml.Linq;
using Spd.Decomposition;
using Spd.Engine;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Reporting;

public sealed class RunFigureTests
{
    [Fact]
    public void ALogWhoseLinesLackWhatOthersHaveIsDrawnWithGaps()
    {
        MetricRecord[] log =
        [
            new() { Step = 1, Losses = new Dictionary<string, double> { ["total"] = 1 }, L0 = new Dictionary<string, double> { ["linear1"] = 2 } },
            new() { Step = 2, Losses = new Dictionary<string, double> { ["other_loss"] = 1 }, Alive = new Dictionary<string, int> { ["linear9"] = 3 } },
            new() { Step = 3 },
        ];
        string svg = RunFigures.Training(log, "in use", "ever in use", "").Svg;
        foreach (string name in new[] { "total", "other loss", "linear1", "linear9", "learning rate" }) Assert.Contains($">{name}<", svg, StringComparison.Ordinal);
        Assert.DoesNotContain(">in use<", RunFigures.Training(log[2..], "in use", "ever in use", "").Svg, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void AResidualMlpHasItsFiguresAndKnownAnswers(int layers)
    {
        var network = new ResidualMlp(new ResidualMlpConfig { NFeatures = 12, DEmbed = 20, DMlp = 6, NLayers = layers });
        network.Initialise(1);
        var random = new RandomSequence(1, new StreamId(StreamPurpose.RowChoice));
        random.FillUniform(network.Embedding.Values, -0.3, 0.3);
        for (int feature = 0; feature < 12; feature++)
            for (int k = 0; k < 20; k++)
                network.Unembedding[k, feature] = network.Embedding[feature, k];
        using var decomposer = Decompose(network, new SparseFeatures(12, 0.1, low: -1), c: 15, "layers.*");
        var evaluation = decomposer.Evaluate(batches: 1, adversarialBatches: 0);
        string[] names = Draw(decomposer, evaluation);
        Assert.Equal(["causal_importances", "neuron_contributions", "neuron_contribution_pairs", "components", "training", "importance_histogram"], names);

        var evidence = ResidualEvidence.Of(decomposer.Components, evaluation)!;
        Assert.Equal(12, evidence.Features.Features);
        Assert.Equal(evaluation.Sites.Where(site => site.Name.EndsWith("mlp_out", StringComparison.Ordinal)).Sum(site => site.Alive), evidence.MlpOutAlive);
        Assert.True(double.IsFinite(evidence.Neurons!.Slope) && double.IsFinite(evidence.Neurons.Correlation));
        string json = Summary(evidence, evaluation).ToJson();
        foreach (string key in new[]
        {
            "features", "features_with_one_subcomponent", "features_with_one_subcomponent_in_every_layer", "mlp_in_alive", "mlp_out_alive", "neuron_contribution_correlation", "neuron_contribution_slope",
        })
            Assert.Contains($"\"{key}\": ", json, StringComparison.Ordinal);
        var rows = ResultTable.Rows(Summary(evidence, evaluation));
        Assert.Equal("100 of 100", rows.Single(row => row.Quantity == "features with one subcomponent, mlp_in").Paper);
        Assert.Equal("50", rows.Single(row => row.Quantity == "subcomponents ever in use, mlp_out").Paper);
    }

    [Fact]
    public void AToyModelWithManyHiddenUnitsIsDrawnAsNetworksWithItsHiddenMatrices()
    {
        var network = new Tms(new TmsModelConfig { NFeatures = 12, NHidden = 4, NHiddenLayers = 1, FixedIdentityHiddenLayers = true });
        network.Initialise(1);
        using var decomposer = Decompose(network, new SparseFeatures(12, 0.1), c: 20, "linear1", "linear2", "hidden_layers.0");
        var evaluation = decomposer.Evaluate(batches: 1, adversarialBatches: 0);
        Assert.Null(ResidualEvidence.Of(decomposer.Components, evaluation));
        Assert.Equal(["vectors", "hidden_matrices", "causal_importances", "components", "training", "importance_histogram"], Draw(decomposer, evaluation));
        string svg = RunFigures.Draw(decomposer.Components, evaluation, [])[0].Svg;
        Assert.Contains("All significant subcomponents", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("class=\"arrow\"", svg, StringComparison.Ordinal);
    }

    private static Decomposer Decompose(Module network, DataSource data, int c, params string[] patterns)
    {
        var decomposer = new Decomposer(
            network, data, new DecompositionOptions { C = c, NCiMlpNeurons = 2, BatchSize = 64, Steps = 5, TargetModulePatterns = patterns }, threads: 1);
        decomposer.Train(cancellation: TestContext.Current.CancellationToken);
        return decomposer;
    }

    private static string[] Draw(Decomposer decomposer, Evaluation evaluation)
    {
        var record = new MetricRecord
        {
            Step = 5,
            Losses = evaluation.Losses,
            L0 = evaluation.Sites.ToDictionary(site => site.Name, site => site.L0),
            Alive = evaluation.Sites.ToDictionary(site => site.Name, site => site.Alive),
        };
        // The first line may come from an older log.
        var figures = RunFigures.Draw(decomposer.Components, evaluation, [record with { Step = 1, Alive = new Dictionary<string, int>() }, record]);
        Assert.Contains("Subcomponents ever in use", figures.Single(figure => figure.Name == "training").Svg, StringComparison.Ordinal);
        foreach (var figure in figures) Assert.Equal("svg", XDocument.Parse(figure.Svg).Root!.Name.LocalName);
        return [.. figures.Select(figure => figure.Name)];
    }

    private static RunSummary Summary(ResidualEvidence evidence, Evaluation evaluation)
    {
        var target = new TmsTargetConfig();
        return new RunSummary
        {
            Experiment = "resid_mlp1",
            Seed = 0,
            Steps = 5,
            BatchSize = 64,
            Threads = 1,
            Status = RunStatus.Finished,
            Kernels = "scalar",
            WallSeconds = 1,
            CheckpointSeconds = 0.01,
            MsPerStep = (1, 1, 1),
            Target = new TrainedTarget(new Tms(target.Model), target, 1, FromCache: false),
            Evaluation = evaluation,
            Residual = evidence,
        };
    }
}
