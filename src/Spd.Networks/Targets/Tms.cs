using System.ComponentModel.DataAnnotations;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks.Targets;

/// <summary>The shape of a Toy Model of Superposition; names as in the released configs (<c>tms_model_config</c>).</summary>
public sealed record TmsModelConfig
{
    /// <summary>Input and output features, at least 1.</summary>
    [Range(1, 10_000)]
    public int NFeatures { get; init; } = 5;

    /// <summary>Hidden dimensions, at least 1.</summary>
    [Range(1, 10_000)]
    public int NHidden { get; init; } = 2;

    /// <summary>Square matrices between <c>linear1</c> and <c>linear2</c>, at least 0.</summary>
    [Range(0, 100)]
    public int NHiddenLayers { get; init; }

    /// <summary>Whether the matrix of <c>linear2</c> is the transpose of <c>linear1</c>'s.</summary>
    public bool TiedWeights { get; init; } = true;

    /// <summary>Whether the bias starts at zero rather than as <c>nn.Linear</c>'s does.</summary>
    public bool InitBiasToZero { get; init; } = true;

    /// <summary>Whether the hidden matrices are frozen to the identity.</summary>
    public bool FixedIdentityHiddenLayers { get; init; }

    /// <summary>Whether the hidden matrices are frozen to their random start.</summary>
    public bool FixedRandomHiddenLayers { get; init; }
}

/// <summary>
/// Toy Model of Superposition (Elhage et al., 2022): <c>relu(W2 [hidden …] W1 x + b)</c>, W1 <c>[n_hidden, n_features]</c>. The modules are
/// <c>linear1</c>, <c>linear2</c>, <c>hidden_layers.0</c> and so on.
/// </summary>
public sealed class Tms : Module
{
    private readonly List<Linear> _hiddenLayers = [];

    /// <summary>A network of zeros; see <see cref="Initialise"/>.</summary>
    /// <exception cref="ArgumentException">The configuration is out of its ranges, or contradicts itself.</exception>
    public Tms(TmsModelConfig config)
    {
        OptionRanges.Check(config, config.GetType());
        if (config is { FixedIdentityHiddenLayers: true, FixedRandomHiddenLayers: true })
        {
            throw new ArgumentException(
                "hidden layers cannot be fixed to the identity and to random matrices at once: "
                + "set one of fixed_identity_hidden_layers and fixed_random_hidden_layers");
        }

        Config = config;
        Linear1 = Add("linear1", new Linear(config.NFeatures, config.NHidden, bias: false));
        Linear2 = Add("linear2", config.TiedWeights ? Linear.TransposeOf(Linear1, bias: true) : new Linear(config.NHidden, config.NFeatures));
        bool frozen = config.FixedIdentityHiddenLayers || config.FixedRandomHiddenLayers;
        for (int layer = 0; layer < config.NHiddenLayers; layer++)
            _hiddenLayers.Add(Add($"hidden_layers.{layer}", new Linear(config.NHidden, config.NHidden, bias: false) { IsFrozen = frozen }));
    }

    /// <summary>The shape.</summary>
    public TmsModelConfig Config { get; }

    /// <summary>W1 <c>[n_hidden, n_features]</c>.</summary>
    public Linear Linear1 { get; }

    /// <summary>W2 <c>[n_features, n_hidden]</c> and the bias.</summary>
    public Linear Linear2 { get; }

    /// <summary>The square matrices between the two.</summary>
    public IReadOnlyList<Linear> HiddenLayers => _hiddenLayers;

    /// <summary>Draws the weights as the released code does: <c>nn.Linear</c>'s start, identity where it is asked for.</summary>
    public override void Initialise(ulong seed)
    {
        base.Initialise(seed);
        if (Config.InitBiasToZero) Linear2.Bias!.Values.Clear();
        if (!Config.FixedIdentityHiddenLayers) return;
        foreach (var layer in _hiddenLayers)
        {
            layer.Weight.Values.Clear();
            for (int i = 0; i < Config.NHidden; i++) layer.Weight[i, i] = 1;
        }
    }

    public override Value Forward(ForwardPass pass, Value x)
    {
        var hidden = _hiddenLayers.Aggregate(Linear1.Forward(pass, x), (value, layer) => layer.Forward(pass, value));
        return pass.Graph.Relu(Linear2.Forward(pass, hidden));
    }

    /// <summary>
    /// The features that a trained network represents: given feature <c>i</c> alone at 1, its output <c>i</c> is the largest and exceeds ½.
    /// A feature it has not learnt gives an output near zero, or another's.
    /// </summary>
    public bool[] RepresentedFeatures(Backend backend)
    {
        int n = Config.NFeatures;
        float[] inputs = new float[n * n];
        for (int i = 0; i < n; i++) inputs[i * n + i] = 1;
        float[] outputs = NetworkOutputs.Of(this, inputs, n, backend);
        return
        [
            .. Enumerable.Range(0, n).Select(i =>
                outputs[i * n + i] > 0.5 && outputs.AsSpan(i * n, n).IndexOf(outputs.AsSpan(i * n, n).ToArray().Max()) == i),
        ];
    }
}
