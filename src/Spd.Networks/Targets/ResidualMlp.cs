using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks.Targets;

/// <summary>The shape of a residual MLP; names as in the released configs (<c>resid_mlp_config</c>).</summary>
public sealed record ResidualMlpConfig
{
    /// <summary>Input and output features.</summary>
    public int NFeatures { get; init; } = 100;

    /// <summary>Width of the residual stream.</summary>
    public int DEmbed { get; init; } = 1000;

    /// <summary>Neurons of one layer.</summary>
    public int DMlp { get; init; } = 50;

    /// <summary>Layers.</summary>
    public int NLayers { get; init; } = 1;

    /// <summary>Whether <c>mlp_in</c> has a bias.</summary>
    public bool InBias { get; init; }

    /// <summary>Whether <c>mlp_out</c> has a bias.</summary>
    public bool OutBias { get; init; }
}

/// <summary>
/// Residual MLP: <c>r = x W_E</c>; per layer <c>r += W_out relu(W_in r)</c>; <c>y = r W_U</c>. The linear maps are <c>layers.0.mlp_in</c>,
/// <c>layers.0.mlp_out</c> and so on; the embedding is a fixed matrix, not a linear map to decompose.
/// </summary>
public sealed class ResidualMlp : Module
{
    private readonly List<(Linear In, Linear Out)> _layers = [];

    /// <summary>A network of zeros.</summary>
    public ResidualMlp(ResidualMlpConfig config)
    {
        Config = config;
        Embedding = Add("W_E", new Parameter("W_E", config.NFeatures, config.DEmbed));
        Unembedding = Add("W_U", new Parameter("W_U", config.DEmbed, config.NFeatures));
        for (int layer = 0; layer < config.NLayers; layer++)
        {
            _layers.Add((
                Add($"layers.{layer}.mlp_in", new Linear(config.DEmbed, config.DMlp, config.InBias)),
                Add($"layers.{layer}.mlp_out", new Linear(config.DMlp, config.DEmbed, config.OutBias))));
        }
    }

    /// <summary>The shape.</summary>
    public ResidualMlpConfig Config { get; }

    /// <summary>W_E <c>[n_features, d_embed]</c>.</summary>
    public Parameter Embedding { get; }

    /// <summary>W_U <c>[d_embed, n_features]</c>.</summary>
    public Parameter Unembedding { get; }

    /// <summary>
    /// Whether the residual stream is read through products of weights, <c>W_in r = (W_in W_Eᵀ) x + (W_in W_out) a + …</c>, and never computed itself
    /// (see <see cref="StreamNode"/>): several times less work where the batch outnumbers <c>d_embed</c>, and the same numbers up to rounding.
    /// </summary>
    public bool IsReassociated { get; init; } = true;

    /// <inheritdoc/>
    public override Node Forward(ForwardPass pass, Node x)
    {
        var graph = pass.Graph;
        var residual = graph.Product(Embedding, x, transposed: true);
        if (IsReassociated) residual = graph.Stream(residual);
        foreach (var (mlpIn, mlpOut) in _layers)
        {
            var hidden = graph.Relu(mlpIn.Forward(pass, residual));
            var written = mlpOut.Forward(pass, hidden);
            residual = IsReassociated ? graph.Stream(residual, written) : graph.Sum(residual, written);
        }

        return graph.Product(Unembedding, residual, transposed: true);
    }
}
