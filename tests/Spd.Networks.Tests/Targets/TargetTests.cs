using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Networks.Targets;

namespace Spd.Networks.Tests.Targets;

public sealed class TargetTests : IDisposable
{
    private readonly CpuBackend _backend = TestBackend.Create();

    public static TheoryData<TmsModelConfig> TmsConfigs =>
    [
        new TmsModelConfig(),
        new TmsModelConfig { TiedWeights = false },
        new TmsModelConfig { NFeatures = 1, NHidden = 1 },
        new TmsModelConfig { NFeatures = 17, NHidden = 5, InitBiasToZero = false },
        new TmsModelConfig { NHiddenLayers = 1, FixedIdentityHiddenLayers = true },
        new TmsModelConfig { NHidden = 3, NHiddenLayers = 2, FixedRandomHiddenLayers = true, TiedWeights = false, InitBiasToZero = false },
        new TmsModelConfig { NHidden = 4, NHiddenLayers = 3, InitBiasToZero = false },
    ];

    public void Dispose() => _backend.Dispose();

    [Theory]
    [MemberData(nameof(TmsConfigs))]
    public void TmsComputesWhatTheMethodSays(TmsModelConfig config)
    {
        var network = new Tms(config);
        network.Initialise(seed: 12);
        for (int i = 0; i < config.NFeatures; i++) network.Linear2.Bias!.Values[i] += 0.1f * i + 0.05f;
        const int Rows = 77;
        float[] inputs = Numbers(Rows * config.NFeatures, 1);
        double[] expected = Reference.Of(network, inputs, Rows);
        float[] actual = NetworkOutputs.Of(network, inputs, Rows, _backend);
        Assert.Equal(expected.Length, actual.Length);
        Assert.Contains(actual, value => value > 0);
        for (int i = 0; i < actual.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5);
    }

    [Theory]
    [InlineData(6, 8, 4, 1, false, false)]
    [InlineData(5, 17, 3, 2, true, true)]
    [InlineData(1, 1, 1, 3, true, false)]
    [InlineData(9, 40, 5, 2, false, true)]
    public void AResidualMlpComputesWhatTheMethodSays(int features, int embedding, int neurons, int layers, bool inBias, bool outBias)
    {
        var network = new ResidualMlp(new ResidualMlpConfig
        {
            NFeatures = features,
            DEmbed = embedding,
            DMlp = neurons,
            NLayers = layers,
            InBias = inBias,
            OutBias = outBias,
        });
        int seed = 0;
        foreach (var (_, parameter) in network.NamedParameters()) Numbers(parameter.Count, ++seed).CopyTo(parameter.Values);
        Assert.Equal(layers * (inBias ? 1 : 0) + layers * (outBias ? 1 : 0) + 2 * layers + 2, seed);
        const int Rows = 301;
        float[] inputs = Numbers(Rows * features, 99);
        double[] expected = Reference.Of(network, inputs, Rows);
        float[] actual = NetworkOutputs.Of(network, inputs, Rows, _backend);
        double largest = expected.Max(Math.Abs);
        for (int i = 0; i < actual.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5 * largest);
    }

    public static TheoryData<ActivationName> Activations => [.. Enum.GetValues<ActivationName>()];

    [Theory]
    [MemberData(nameof(Activations))]
    public void AnMlpAppliesItsActivationBetweenTheLayersOnly(ActivationName activation)
    {
        var network = new Mlp([4, 6, 5, 3], activation, bias: true);
        var function = Function(activation);
        CompareWithReference(network, [function, function, null]);
    }

    [Fact]
    public void EachLayerOfAnMlpMayHaveItsOwnActivationAndBias()
    {
        var network = new Mlp([4, 6, 5, 3], [ActivationName.Tanh, ActivationName.Identity, ActivationName.Sigmoid], [true, false, true]);
        Assert.Equal([true, false, true], network.Layers.Select(layer => layer.Bias is not null));
        CompareWithReference(network, [Function(ActivationName.Tanh), null, Function(ActivationName.Sigmoid)]);
    }

    [Fact]
    public void AnMlpWithTooFewActivationsOrBiasesIsRefused()
    {
        Assert.Contains(
            "an MLP of 2 layers needs 1 activation functions, or 2 with one after the last layer, but has 0",
            Assert.Throws<ArgumentException>(() => new Mlp([4, 6, 5], [], [true, true])).Message, StringComparison.Ordinal);
        Assert.Contains(
            "an MLP of 2 layers needs to know of 2 biases, but has 1",
            Assert.Throws<ArgumentException>(() => new Mlp([4, 6, 5], [ActivationName.Relu], [true])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Mlp([4], ActivationName.Relu, bias: true));
    }

    [Fact]
    public void InitialisationRepeatsAndFollowsTheConfiguration()
    {
        float[] Weights(TmsModelConfig config, ulong seed)
        {
            var network = new Tms(config);
            network.Initialise(seed);
            return [.. network.NamedParameters().SelectMany(entry => entry.Parameter.Values.ToArray())];
        }

        var plain = new TmsModelConfig();
        Assert.Equal(Weights(plain, 3), Weights(plain, 3));
        Assert.NotEqual(Weights(plain, 3), Weights(plain, 4));
        Assert.All(Weights(plain, 3)[^5..], bias => Assert.Equal(0, bias));
        Assert.All(Weights(plain with { InitBiasToZero = false }, 3)[^5..], bias => Assert.NotEqual(0, bias));
        Assert.Equal([1f, 0, 0, 1], Weights(plain with { NHiddenLayers = 1, FixedIdentityHiddenLayers = true }, 3)[^4..]);
        Assert.All(
            Weights(plain with { NHiddenLayers = 1, FixedRandomHiddenLayers = true }, 3)[^4..],
            weight => Assert.InRange(Math.Abs(weight), 1e-6f, 0.7072f));
    }

    [Fact]
    public void FixedHiddenLayersAreNotAmongTheTrainable()
    {
        int Trainable(TmsModelConfig config) => new Tms(config).TrainableParameters().Count();
        var config = new TmsModelConfig { NHiddenLayers = 2 };
        Assert.Equal(4, Trainable(config));
        Assert.Equal(2, Trainable(config with { FixedIdentityHiddenLayers = true }));
        Assert.Equal(2, Trainable(config with { FixedRandomHiddenLayers = true }));
        Assert.Equal(3, Trainable(config with { FixedRandomHiddenLayers = true, TiedWeights = false }));
        Assert.Throws<ArgumentException>(() => Trainable(config with { FixedIdentityHiddenLayers = true, FixedRandomHiddenLayers = true }));
    }

    [Fact]
    public void AFeatureIsRepresentedWhenItsOwnOutputIsLargestAndAboveAHalf()
    {
        var network = new Tms(new TmsModelConfig { NFeatures = 4, NHidden = 4, TiedWeights = false });
        for (int i = 0; i < 4; i++) network.Linear1.Weight[i, i] = 1;
        // W2's column i is the output for feature i alone: right; half only; another's is larger; a tie that another wins.
        float[,] outputs = { { 0.9f, 0, 0, 0.7f }, { 0, 0.5f, 0.8f, 0 }, { 0.1f, 0, 0.7f, 0 }, { 0, 0, 0, 0.7f } };
        for (int output = 0; output < 4; output++)
            for (int feature = 0; feature < 4; feature++)
                network.Linear2.Weight[output, feature] = outputs[output, feature];
        Assert.Equal([true, false, false, false], network.RepresentedFeatures(_backend));
        network.Linear2.Bias!.Values[1] = 0.01f;
        Assert.Equal([true, true, false, false], network.RepresentedFeatures(_backend));
        network.Linear2.Bias!.Values[3] = float.NaN;
        Assert.False(network.RepresentedFeatures(_backend)[3]);
    }

    [Fact]
    public void AnUntrainedNetworkOfZerosRepresentsNothing() => Assert.All(new Tms(new TmsModelConfig()).RepresentedFeatures(_backend), Assert.False);

    [Fact]
    public void OutputsOfLargeBatchesKeepTheirRows()
    {
        var linear = new Linear(1, 1, bias: false);
        linear.Weight.Values[0] = 2;
        float[] inputs = [.. Enumerable.Range(0, 10_001).Select(i => (float)i)];
        Assert.Equal(inputs.Select(value => 2 * value), NetworkOutputs.Of(linear, inputs, inputs.Length, _backend));
    }

    private void CompareWithReference(Mlp network, IReadOnlyList<Func<double, double>?> activations)
    {
        int seed = 0;
        foreach (var (_, parameter) in network.NamedParameters()) Numbers(parameter.Count, ++seed).CopyTo(parameter.Values);
        const int Rows = 70;
        float[] inputs = [.. Numbers(Rows * 4, 99).Select(value => 3 * value)];
        double[] expected = Reference.Of(network, activations, inputs, Rows);
        float[] actual = NetworkOutputs.Of(network, inputs, Rows, _backend);
        for (int i = 0; i < actual.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5);
    }

    private static Func<double, double>? Function(ActivationName name) => name switch
    {
        ActivationName.Relu => x => Math.Max(x, 0),
        ActivationName.Gelu => Spd.Engine.Kernels.GeluCurve.Gelu,
        ActivationName.GeluTanh => x => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
        ActivationName.Tanh => Math.Tanh,
        ActivationName.Silu => x => x / (1 + Math.Exp(-x)),
        ActivationName.Sigmoid => x => 1 / (1 + Math.Exp(-x)),
        ActivationName.Identity => null,
        _ => throw new NotSupportedException($"{name}"),
    };

    private static float[] Numbers(int count, int seed)
    {
        var random = new RandomSequence((ulong)seed, NetworkStreams.RowChoice);
        float[] numbers = new float[count];
        random.FillUniform(numbers, -1, 1);
        return numbers;
    }
}
