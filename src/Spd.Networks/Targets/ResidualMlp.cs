using System.ComponentModel.DataAnnotations;
using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks.Targets;

/// <summary>The shape of a residual MLP; names as in the released configs (<c>resid_mlp_config</c>).</summary>
public sealed record ResidualMlpConfig
{
    /// <summary>Input and output features.</summary>
    [Range(1, 10_000)]
    public int NFeatures { get; init; } = 100;

    /// <summary>Width of the residual stream.</summary>
    [Range(1, 10_000)]
    public int DEmbed { get; init; } = 1000;

    /// <summary>Neurons of one layer.</summary>
    [Range(1, 10_000)]
    public int DMlp { get; init; } = 50;

    /// <summary>Layers.</summary>
    [Range(1, 100)]
    public int NLayers { get; init; } = 1;

    /// <summary>Whether <c>mlp_in</c> has a bias.</summary>
    public bool InBias { get; init; }

    /// <summary>Whether <c>mlp_out</c> has a bias.</summary>
    public bool OutBias { get; init; }

    /// <summary>The activation function of the neurons.</summary>
    public ActivationName ActFnName { get; init; }

    /// <summary>Whether W_E is frozen to random rows of unit norm, and W_U to its transpose.</summary>
    public bool FixedRandomEmbedding { get; init; } = true;

    /// <summary>Whether W_E and W_U are frozen to the identity; <see cref="DEmbed"/> then equals <see cref="NFeatures"/>.</summary>
    public bool FixedIdentityEmbedding { get; init; }
}

/// <summary>
/// Residual MLP: <c>r = x W_E</c>; per layer <c>r += W_out relu(W_in r)</c>; <c>y = r W_U</c>. The linear maps are <c>layers.0.mlp_in</c>,
/// <c>layers.0.mlp_out</c> and so on; the embedding is a fixed matrix, not a linear map to decompose.
/// </summary>
public sealed class ResidualMlp : Module
{
    private readonly List<(Linear In, Linear Out)> _layers = [];

    /// <summary>A network of zeros; see <see cref="Initialise"/>.</summary>
    /// <exception cref="ArgumentException">The configuration is out of its ranges, or contradicts itself.</exception>
    public ResidualMlp(ResidualMlpConfig config)
    {
        OptionRanges.Check(config, config.GetType());
        if (config is { FixedRandomEmbedding: true, FixedIdentityEmbedding: true })
        {
            throw new ArgumentException(
                "the embedding cannot be fixed to random rows and to the identity at once: "
                + "set one of fixed_random_embedding and fixed_identity_embedding to false");
        }

        if (config.FixedIdentityEmbedding && config.DEmbed != config.NFeatures)
        {
            throw new ArgumentException(
                $"fixed_identity_embedding needs d_embed equal to n_features, but they are {config.DEmbed} and {config.NFeatures}");
        }

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
    /// Draws the weights: of the linear maps as PyTorch's <c>nn.Linear</c> starts, W_E as <see cref="ResidualMlpConfig.FixedRandomEmbedding"/> and
    /// <see cref="ResidualMlpConfig.FixedIdentityEmbedding"/> say; where both are false, W_E from N(0, 1/n_features) and W_U from N(0, 1/d_embed), and they train.
    /// </summary>
    public override void Initialise(ulong seed)
    {
        base.Initialise(seed);
        var random = new RandomSequence(seed, NetworkStreams.Initialisation.Stream(index: 1));
        if (Config.FixedIdentityEmbedding)
        {
            Embedding.Values.Clear();
            for (int i = 0; i < Config.NFeatures; i++) Embedding[i, i] = 1;
        }
        else random.FillNormal(Embedding.Values, 1 / Math.Sqrt(Config.NFeatures));

        if (!IsEmbeddingFrozen)
        {
            random.FillNormal(Unembedding.Values, 1 / Math.Sqrt(Config.DEmbed));
            return;
        }

        for (int feature = 0; feature < Config.NFeatures; feature++)
        {
            var row = Embedding.Row(feature);
            double norm = 0;
            foreach (float value in row) norm += (double)value * value;
            norm = Math.Sqrt(norm);
            for (int i = 0; i < row.Length; i++)
            {
                row[i] = (float)(row[i] / norm);
                Unembedding[i, feature] = row[i];
            }
        }
    }

    public override IEnumerable<Parameter> TrainableParameters() =>
        IsEmbeddingFrozen ? base.TrainableParameters().Where(parameter => parameter != Embedding && parameter != Unembedding) : base.TrainableParameters();

    /// <summary>
    /// Whether the residual stream is read through products of weights, <c>W_in r = (W_in W_Eᵀ) x + (W_in W_out) a + …</c>, and never computed itself
    /// (see <see cref="GraphOperations.Stream"/>): several times less work where the batch outnumbers <c>d_embed</c>, and the same numbers up to rounding.
    /// </summary>
    public bool IsReassociated { get; init; } = true;

    private bool IsEmbeddingFrozen => Config.FixedRandomEmbedding || Config.FixedIdentityEmbedding;

    public override Value Forward(ForwardPass pass, Value x) => pass.Graph.MatMul(Unembedding, FinalResidual(pass, x), transposed: true);

    /// <summary>The residual stream behind the last layer, <c>[d_embed, lanes]</c>.</summary>
    public Value FinalResidual(ForwardPass pass, Value x)
    {
        var graph = pass.Graph;
        var residual = graph.MatMul(Embedding, x, transposed: true);
        if (IsReassociated) residual = graph.Stream(residual);
        foreach (var (mlpIn, mlpOut) in _layers)
        {
            var hidden = graph.Activate(Config.ActFnName, mlpIn.Forward(pass, residual));
            var written = mlpOut.Forward(pass, hidden);
            residual = IsReassociated ? graph.Stream(residual, written) : graph.Plus(residual, written);
        }

        return residual;
    }
}
