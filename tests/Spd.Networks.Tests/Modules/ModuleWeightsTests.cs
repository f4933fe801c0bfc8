using Spd.Formats;
using Spd.Networks.Targets;

namespace Spd.Networks.Tests.Modules;

public sealed class ModuleWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string File => _folder["weights.safetensors"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(5, 2, 1, true)]
    [InlineData(1, 1, 0, false)]
    public void ANetworkComesBackBitForBit(int features, int hidden, int layers, bool tied)
    {
        var config = new TmsModelConfig { NFeatures = features, NHidden = hidden, NHiddenLayers = layers, TiedWeights = tied, InitBiasToZero = false };
        var saved = Network(config, 1);
        var loaded = Network(config, 2);
        ModuleWeights.Save(File, saved, new Dictionary<string, string> { ["seed"] = "1" });
        ModuleWeights.Load(File, loaded);

        Assert.Equal(Values(saved), Values(loaded));
        Assert.Equal("1", Safetensors.Read(File).Metadata["seed"]);
    }

    [Fact]
    public void TensorsAreNamedAndShapedAsInPyTorch()
    {
        ModuleWeights.Save(File, Network(new TmsModelConfig { NFeatures = 1, NHidden = 3, NHiddenLayers = 1 }, 0));
        var shapes = Safetensors.Read(File).Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.ShapeText);
        Assert.Equal("[3, 1]", shapes["linear1.weight"]);
        Assert.Equal("[1]", shapes["linear2.bias"]);
        Assert.Equal("[3, 3]", shapes["hidden_layers.0.weight"]);
        Assert.Equal(3, shapes.Count);
    }

    [Fact]
    public void WeightsOfAnotherNetworkAreRefusedAndChangeNothing()
    {
        var small = new TmsModelConfig();
        var network = Network(small, 1);
        float[] before = Values(network);

        ModuleWeights.Save(File, Network(small with { NHiddenLayers = 1 }, 2));
        Assert.Contains("holds 'hidden_layers.0.weight', which this network does not have", Refusal(network), StringComparison.Ordinal);
        ModuleWeights.Save(File, Network(small with { NFeatures = 6 }, 2));
        Assert.Contains("'linear1.weight' of shape [2, 6], but this network needs [2, 5]", Refusal(network), StringComparison.Ordinal);
        Assert.Equal(before, Values(network));

        ModuleWeights.Save(File, network);
        Assert.Contains("lacks 'linear2.weight'", Refusal(Network(small with { TiedWeights = false }, 2)), StringComparison.Ordinal);
    }

    [Fact]
    public void NamesOfAFileAreQuotedAndCutAndNotAllListed()
    {
        Safetensors.Write(File, [new TensorData("\u001b[31mred\nspd: all is well", [], [1]), .. Enumerable.Range(0, 1000).Select(i => new TensorData($"{i}{new string('x', 1000)}", [], [i]))]);
        string message = Refusal(Network(new TmsModelConfig(), 1));
        Assert.InRange(message.Length, 0, 2000);
        Assert.DoesNotContain(message, char.IsControl);
        Assert.Contains("'\ufffd[31mred spd: all is well'", message, StringComparison.Ordinal);
        Assert.Contains("and 991 more", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.NegativeInfinity, "infinity")]
    public void AWeightThatIsNoFiniteNumberIsRefusedWithItsPlace(float value, string what)
    {
        var network = Network(new TmsModelConfig(), 1);
        float[] before = Values(network);
        var damaged = Network(new TmsModelConfig(), 2);
        damaged.NamedParameters().First(entry => entry.Path == "linear1.weight").Parameter.Values[7] = value;
        ModuleWeights.Save(File, damaged);
        Assert.Equal($"'{File}' holds {what} in 'linear1.weight' at [1, 2], but a network's weights must be finite numbers", Refusal(network));
        Assert.Equal(before, Values(network));
    }

    private static Tms Network(TmsModelConfig config, ulong seed)
    {
        var network = new Tms(config);
        network.Initialise(seed);
        return network;
    }

    private static float[] Values(Module module) => [.. module.NamedParameters().SelectMany(entry => entry.Parameter.Values.ToArray())];

    private string Refusal(Module module) => Assert.Throws<FileContentException>(() => ModuleWeights.Load(File, module)).Message;
}
