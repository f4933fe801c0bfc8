using Spd.Networks.Targets;

namespace Spd.Decomposition.Tests.Metrics;

public sealed class ResidualMetricTests
{
    [Fact]
    public void APerfectDecompositionLiesOnTheDiagonal()
    {
        var contributions = NeuronContributions.Of(Perfect(layers: 2))!;
        Assert.Equal(1, contributions.Correlation, 1e-9);
        Assert.Equal(1, contributions.Slope, 1e-6);
        Assert.Equal(2, contributions.Layers.Count);
        // Layer 0: neuron j reads feature j with weight j + 1 and writes it with 2.
        Assert.Equal([2.0, 0, 0, 0, 4, 0, 0, 0, 6], contributions.Layers[0].Target.Cast<double>());
        Assert.Equal(contributions.Layers[0].Target, contributions.Layers[0].Decomposed);
        Assert.Equal([0, 1, 2], contributions.Layers[0].Subcomponents);
    }

    [Fact]
    public void HalvedSubcomponentsGiveHalfTheSlope()
    {
        var model = Perfect(layers: 1);
        foreach (ref float value in model.Sites[0].U.Values) value /= 2;
        var contributions = NeuronContributions.Of(model)!;
        Assert.Equal(0.5, contributions.Slope, 1e-6);
        Assert.Equal(1, contributions.Correlation, 1e-9);
    }

    [Fact]
    public void AFeatureTakesTheSubcomponentWithTheLargestProductInOneNeuron()
    {
        var model = Perfect(layers: 1);
        var mlpIn = model.Sites[0];
        // Subcomponent 3 reads feature 0 too, and has a negative product of any size.
        (mlpIn.V[3, 0], mlpIn.U[3, 0]) = (1, -9);
        Assert.Equal(0, NeuronContributions.Of(model)!.Layers[0].Subcomponents[0]);
        mlpIn.U[3, 0] = 5;
        var contributions = NeuronContributions.Of(model)!;
        Assert.Equal(3, contributions.Layers[0].Subcomponents[0]);
        Assert.Equal(10, contributions.Layers[0].Decomposed[0, 0]);
        Assert.True(contributions.Correlation < 0.95);
    }

    [Fact]
    public void OnlyAWhollyDecomposedResidualMlpHasContributions()
    {
        Assert.Null(NeuronContributions.Of(ComponentModel.Create(Given.Tms(), ["linear1"], 2, 0, seed: 0)));
        Assert.Null(NeuronContributions.Of(ComponentModel.Create(Network(2), ["layers.*.mlp_in"], 2, 0, seed: 0)));
    }

    [Fact]
    public void FeaturesOfAllLayersHaveTheirOwnSubcomponent()
    {
        // Features 0 and 1 are in layer 0, feature 2 is in layer 1.
        var maps = Maps(new[,] { { 1, 0, 0 }, { 0, 0.95f, 0.1f }, { 0, 0, 0 } }, new[,] { { 0, 0 }, { -0.01f, 0.05f }, { 0.9f, 0 } });
        var assignment = FeatureAssignment.Of(maps);
        Assert.Equal((3, 3, 0), (assignment.Features, assignment.WithOwnSubcomponent, assignment.WithSharedSubcomponent));
        Assert.Equal([(maps[0].Site, 0), (maps[0].Site, 1), (maps[1].Site, 0)], assignment.Subcomponents);
    }

    [Fact]
    public void SplitWeakMissingAndSharedFeaturesAreNotCounted()
    {
        // Feature 0 is split over the layers, 1 is weak, 2 has none, 3 and 4 share one, 5 is not a number, 6 has its own.
        float[,] first =
        {
            { 1, 0, 0 }, { 0, 0.5f, 0 }, { 0, 0, 0 }, { 0, 1, 0 }, { 0, 1, 0 }, { 0, float.NaN, 0 }, { 0, 0, 1 },
        };
        float[,] second = { { 0.2f }, { 0 }, { 0 }, { 0 }, { 0 }, { 1 }, { 0 } };
        var assignment = FeatureAssignment.Of(Maps(first, second));
        Assert.Equal((7, 1, 2), (assignment.Features, assignment.WithOwnSubcomponent, assignment.WithSharedSubcomponent));
        Assert.Equal([true, true, true, false, false, true, false], assignment.Subcomponents.Select(one => one is null));
    }

    [Fact]
    public void AFeatureThatAllLayersComputeHasASubcomponentInEachOfThem()
    {
        // Feature 0 has one in both layers, 1 two in the second, 2 a weak one in the first; 3 and 4 share one in the second; 5 has none there.
        float[,] first = { { 1, 0, 0, 0, 0 }, { 0, 1, 0, 0, 0 }, { 0, 0, 0.5f, 0, 0 }, { 0, 0, 0, 1, 0 }, { 0, 0, 0, 0, 1 }, { 0, 0, 1, 0, 0 } };
        float[,] second = { { 0.1f, 0.95f, 0 }, { 0, 0.2f, 1 }, { 1, 0, 0 }, { 0, 0, 1 }, { 0, 0, 1 }, { 0, 0, 0 } };
        var maps = Maps(first, second);
        Assert.Equal(1, FeatureAssignment.InEveryLayer(maps));
        Assert.Equal(5, FeatureAssignment.InEveryLayer(maps[..1]));
        Assert.Equal(FeatureAssignment.Of(maps[..1]).WithOwnSubcomponent, FeatureAssignment.InEveryLayer(maps[..1]));
        Assert.Equal(1, FeatureAssignment.Of(maps).WithOwnSubcomponent);
    }

    private static ImportanceMap[] Maps(params float[][,] values)
    {
        var network = Network(values.Length);
        return
        [
            .. values.Select((table, layer) => new ImportanceMap(
                ComponentModel.Create(network, [$"layers.{layer}.mlp_in"], table.GetLength(1), 0, seed: 0).Sites[0], table, ImportanceMap.PaperOrder(table))),
        ];
    }

    /// <summary>Three features in their own directions of the residual stream, and in each layer a neuron for each.</summary>
    private static ResidualMlp Network(int layers)
    {
        var network = new ResidualMlp(new ResidualMlpConfig { NFeatures = 3, DEmbed = 4, DMlp = 3, NLayers = layers });
        for (int i = 0; i < 3; i++) (network.Embedding[i, i], network.Unembedding[i, i]) = (1, 1);
        foreach (var (path, linear) in network.LinearMaps())
        {
            for (int j = 0; j < 3; j++)
                linear.Weight[j, j] = path.EndsWith("mlp_in", StringComparison.Ordinal) ? j + 1 : 2;
        }

        return network;
    }

    /// <summary>A subcomponent per neuron in both matrices of each layer, and an empty one behind them.</summary>
    private static ComponentModel Perfect(int layers)
    {
        var model = ComponentModel.Create(Network(layers), ["layers.*"], c: 4, k: 0, seed: 0);
        foreach (var site in model.Sites)
        {
            site.V.Values.Clear();
            site.U.Values.Clear();
            for (int j = 0; j < 3; j++) (site.V[j, j], site.U[j, j]) = (0.5f, 2 * site.Target[j, j]);
        }

        return model;
    }
}
