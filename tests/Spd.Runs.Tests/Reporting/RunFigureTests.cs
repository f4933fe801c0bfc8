using Spd.Engine.Graphs;
using System.Xml.Linq;
using Spd.Decomposition;
using Spd.Engine;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
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
    public void AResidualMlpHasItsFigures(int layers)
    {
        var network = new ResidualMlp(new ResidualMlpConfig { NFeatures = 12, DEmbed = 20, DMlp = 6, NLayers = layers });
        network.Initialise(1);
        var random = new RandomSequence(1, NetworkStreams.RowChoice);
        random.FillUniform(network.Embedding.Values, -0.3, 0.3);
        for (int feature = 0; feature < 12; feature++)
            for (int k = 0; k < 20; k++)
                network.Unembedding[k, feature] = network.Embedding[feature, k];
        using var decomposer = Decompose(network, new SparseFeatures(12, 0.1, low: -1), c: 15, "layers.*");
        var evaluation = decomposer.Evaluate(batches: 1, adversarialBatches: 0);
        string[] names = Draw(decomposer, evaluation);
        Assert.Equal(["causal_importances", "neuron_contributions", "neuron_contribution_pairs", "components", "training", "importance_histogram", "importance_spectrum"], names);
    }

    [Fact]
    public void AResidualMlpThatIsSplitByFeaturesHasTheKnownAnswers()
    {
        var metrics = Known(Perfect());
        Assert.Equal((3, 3, 3, 0), (metrics["features"], metrics[Metric.Features], metrics[Metric.FeaturesInEveryLayer], metrics["features_sharing_subcomponent"]));
        Assert.Equal((3, 3), (metrics["mlp_in_alive"], metrics["mlp_out_alive"]));
        Assert.Equal(1, metrics["neuron_contribution_correlation"], 1e-9);
        Assert.Equal(1, metrics[Metric.NeuronSlope], 1e-6);

        // Subcomponent 0 is needed for feature 1 as well, and 1 for none.
        var shared = Perfect();
        (shared.Sites[0].V[0, 1], shared.Sites[0].V[1, 1]) = (1, 0);
        metrics = Known(shared);
        Assert.Equal((3, 1, 1, 2), (metrics["features"], metrics[Metric.Features], metrics[Metric.FeaturesInEveryLayer], metrics["features_sharing_subcomponent"]));
        Assert.Equal(2, metrics["mlp_in_alive"]);
        // Half of what writes: half of the slope.
        var halved = Perfect();
        foreach (ref float value in halved.Sites[0].U.Values) value /= 2;
        Assert.Equal(0.5, Known(halved)[Metric.NeuronSlope], 1e-6);
    }

    [Fact]
    public void AToyModelWithManyHiddenUnitsIsDrawnAsNetworksWithItsHiddenMatrices()
    {
        var network = new Tms(new TmsModelConfig { NFeatures = 12, NHidden = 4, NHiddenLayers = 1, FixedIdentityHiddenLayers = true });
        network.Initialise(1);
        using var decomposer = Decompose(network, new SparseFeatures(12, 0.1), c: 20, "linear1", "linear2", "hidden_layers.0");
        var evaluation = decomposer.Evaluate(batches: 1, adversarialBatches: 0);
        Assert.Null(ResidualEvidence.Of(decomposer.Components, evaluation, TestBackend.Create(1)));
        Assert.Equal(["vectors", "hidden_matrices", "causal_importances", "components", "training", "importance_histogram", "importance_spectrum"], Draw(decomposer, evaluation));
        string svg = TmsTarget.Instance.Draw(decomposer.Components, null!, TestBackend.Create(1)).First().Svg;
        Assert.Contains("All significant subcomponents", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("class=\"arrow\"", svg, StringComparison.Ordinal);
    }

    private static Decomposer Decompose(Module network, DataSource data, int c, params string[] patterns)
    {
        var decomposer = new Decomposer(
            network, data, new DecompositionOptions { C = c, NCiMlpNeurons = 2, BatchSize = 64, Steps = 5, TargetModulePatterns = patterns }, TestBackend.Create(1));
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
        TargetKind kind = decomposer.Components.Network is Tms ? TmsTarget.Instance : ResidualMlpTarget.Instance;
        RunFigure[] figures =
        [
            .. kind.Draw(decomposer.Components, null!, TestBackend.Create(1)), .. RunFigures.Draw(evaluation, [record with { Step = 1, Alive = new Dictionary<string, int>() }, record]),
        ];
        Assert.Contains("Subcomponents ever in use", figures.Single(figure => figure.Name == "training").Svg, StringComparison.Ordinal);
        foreach (var figure in figures) Assert.Equal("svg", XDocument.Parse(figure.Svg).Root!.Name.LocalName);
        return [.. figures.Select(figure => figure.Name)];
    }

    private static Dictionary<string, double> Known(ComponentModel model)
    {
        using var backend = TestBackend.Create(1);
        var options = new DecompositionOptions { BatchSize = 64, TargetModulePatterns = ["layers.*"] };
        var evaluation = new Evaluator(new Graph(), model, new SparseFeatures(3, 0.5, low: 0.75), options, backend).Evaluate(0, batches: 2, adversarialBatches: 0);
        return ResidualEvidence.Of(model, evaluation, backend)!.Metrics.ToDictionary(entry => entry.Metric, entry => entry.Value.Number);
    }

    /// <summary>Neuron i reads feature i and writes it; so does subcomponent i of 4, whose gate opens where that feature is active.</summary>
    private static ComponentModel Perfect()
    {
        var network = new ResidualMlp(new ResidualMlpConfig
        {
            NFeatures = 3,
            DEmbed = 3,
            DMlp = 3,
            NLayers = 1,
            FixedRandomEmbedding = false,
            FixedIdentityEmbedding = true,
        });
        for (int i = 0; i < 3; i++)
        {
            (network.Embedding[i, i], network.Unembedding[i, i]) = (1, 1);
            foreach (var (_, linear) in network.LinearMaps()) linear.Weight[i, i] = i + 1;
        }

        var model = ComponentModel.Create(network, ["layers.*"], c: 4, k: 0, seed: 0);
        foreach (var site in model.Sites)
        {
            site.V.Values.Clear();
            site.U.Values.Clear();
            for (int i = 0; i < 3; i++) (site.V[i, i], site.U[i, i]) = (1, i + 1);
            site.Gate.Weight!.Values.Fill(2);
        }

        return model;
    }
}
