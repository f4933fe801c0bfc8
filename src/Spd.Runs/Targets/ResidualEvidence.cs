using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Networks.Targets;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>The known answers of a decomposed residual MLP (METHOD §8).</summary>
/// <param name="Features">Which feature has a subcomponent of its own in <c>mlp_in</c>, all layers together.</param>
/// <param name="FeaturesInEveryLayer">Features that have a subcomponent of their own in the <c>mlp_in</c> of each layer: with one layer, the same.</param>
/// <param name="MlpInAlive">Subcomponents of <c>mlp_in</c> ever in use, all layers together.</param>
/// <param name="MlpOutAlive">The same of <c>mlp_out</c>.</param>
/// <param name="Neurons">What the neurons contribute; null when not every matrix is decomposed.</param>
public sealed record ResidualEvidence(
    FeatureAssignment Features, int FeaturesInEveryLayer, int MlpInAlive, int MlpOutAlive, NeuronContributions? Neurons)
{
    /// <summary>The evidence by the keys of <see cref="Metric"/>.</summary>
    public IEnumerable<(string Metric, MetricValue Value)> Metrics =>
    [
        ("features", new(Features.Features)), (Metric.Features, new(Features.WithOwnSubcomponent)), (Metric.FeaturesInEveryLayer, new(FeaturesInEveryLayer)),
        ("features_sharing_subcomponent", new(Features.WithSharedSubcomponent)), ("mlp_in_alive", new(MlpInAlive)), ("mlp_out_alive", new(MlpOutAlive)),
        .. Neurons is { } neurons
            ? [("neuron_contribution_correlation", new(neurons.Correlation)), (Metric.NeuronSlope, new(neurons.Slope))]
            : Array.Empty<(string, MetricValue)>(),
    ];

    /// <summary>The evidence, or null when the network is no residual MLP or no <c>mlp_in</c> is decomposed.</summary>
    /// <param name="model">The components.</param>
    /// <param name="evaluation">Their evaluation.</param>
    /// <param name="backend">What computes.</param>
    public static ResidualEvidence? Of(ComponentModel model, Evaluation evaluation, Backend backend)
    {
        if (model.Network is not ResidualMlp network) return null;
        var maps = ImportanceMap.OfSingleFeatures(model, network.Config.NFeatures, backend).Where(map => IsIn(map.Site.Name, "mlp_in")).ToList();
        if (maps.Count == 0) return null;
        return new ResidualEvidence(
            FeatureAssignment.Of(maps), FeatureAssignment.InEveryLayer(maps), Alive("mlp_in"), Alive("mlp_out"), NeuronContributions.Of(model));

        int Alive(string matrix) => evaluation.Sites.Where(site => IsIn(site.Name, matrix)).Sum(site => site.Alive);
    }

    private static bool IsIn(string site, string matrix) => site.EndsWith($".{matrix}", StringComparison.Ordinal);
}
