using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Targets;

/// <summary>A network's tensors in a file that holds more, under names that something stands before.</summary>
public sealed class WeightsBesideOtherThingsTests : IDisposable
{
    private static readonly string[] Names = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", null)]
    [InlineData("module.", "the names in '{0}' are read without 'module.'")]
    [InlineData("_orig_mod.module.", "the names in '{0}' are read without '_orig_mod.module.'")]
    [InlineData("state_dict.net.", "the names in '{0}' are read without 'state_dict.net.'")]
    public void ANetworkIsFoundBelowWhatStandsBeforeItsNames(string before, string? note)
    {
        Write([.. Network().Select(tensor => tensor with { Name = before + tensor.Name })]);
        var (network, notes) = Load(new MlpConfig());
        Assert.Equal(note is null ? [] : [note.Replace("{0}", File, StringComparison.Ordinal)], notes);
        Assert.Equal(Network()[0].Values, network.Layers[0].Weight.Values.ToArray());
        Assert.Equal(Network()[3].Values, network.Layers[1].Bias!.Values.ToArray());
    }

    [Fact]
    public void WrappersInTheMiddleOfANameAreReadOver()
    {
        Write([.. Network().Select(tensor => tensor with { Name = $"model._orig_mod.{tensor.Name.Replace("layers.", "layers.module.", StringComparison.Ordinal)}" })]);
        var (network, notes) = Load(new MlpConfig { Prefix = "model." });
        Assert.Equal([$"the names in '{File}' are read without '_orig_mod.', 'module.'"], notes);
        Assert.Equal(Network()[2].Values, network.Layers[1].Weight.Values.ToArray());
    }

    [Fact]
    public void OfSeveralNetworksInAFileThePrefixSaysWhich()
    {
        Write([.. Network().Select(tensor => tensor with { Name = $"ema.{tensor.Name}", Values = [.. tensor.Values.Select(value => 2 * value)] }), .. Network().Select(tensor => tensor with { Name = $"model.{tensor.Name}" })]);
        string message = Assert.Throws<FileContentException>(() => Load(new MlpConfig())).Message;
        Assert.Contains("several times, below 'ema.', 'model.': say which is meant (target.mlp.prefix)", message, StringComparison.Ordinal);
        var (network, notes) = Load(new MlpConfig { Prefix = "ema.", Ignore = ["model.*"] });
        Assert.Empty(notes);
        Assert.Equal(2 * Network()[0].Values[0], network.Layers[0].Weight.Values[0]);
        Assert.Empty(Load(new MlpConfig { Ignore = ["ema.*"] }).Network.Layers[0].Weight.Values.ToArray().Except(Network()[0].Values));
    }

    [Fact]
    public void WhatIsNotUsedIsToldOnceAndWhatMightBeNeededByName()
    {
        Write(
        [
            .. Network(), new TensorData("optimizer.exp_avg", [3, 4], new float[12]), new TensorData("norm.weight", [3], new float[3]), new TensorData("head", [9, 3], new float[27]),
            .. Enumerable.Range(0, 4).Select(i => new TensorData($"more.{i}\u001b[31m", [], [0])),
        ]);
        string note = Assert.Single(Load(new MlpConfig()).Notes);
        Assert.StartsWith($"'{File}' also holds 7 tensors that are not used: ", note, StringComparison.Ordinal);
        Assert.EndsWith("and 2 more; 'norm.weight' has the shape of a weight or bias of the network: name it under target.mlp if it is a part of the network", note, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', note);
        Assert.StartsWith($"'{File}' also holds 1 tensor that is not used: 'head'", Load(new MlpConfig { Ignore = ["opt*", "norm*", "more*"] }).Notes[0], StringComparison.Ordinal);
        Assert.Contains("holds nothing that is to be ignored as 'nothing.*'", Load(new MlpConfig { Ignore = ["nothing.*"] }).Notes[0], StringComparison.Ordinal);
    }

    [Fact]
    public void BiasesThatNothingIsSaidOfAreNotLeftOutInSilence()
    {
        Write(Network());
        string message = Assert.Throws<ConfigException>(() => Load(new MlpConfig { Biases = null }, isAsItIs: true)).Message;
        Assert.Equal(
            $"'{File}' holds 'layers.0.bias' beside the weights, and target.mlp does not say whether the network has it: "
            + "set target.mlp.biases to [layers.0.bias, layers.1.bias], or to null for a network without biases",
            message);
        var (network, notes) = Load(new MlpConfig { Biases = [] }, isAsItIs: true);
        Assert.All(network.Layers, layer => Assert.Null(layer.Bias));
        Assert.Contains("'layers.0.bias', 'layers.1.bias' have the shape of a weight or bias", Assert.Single(notes), StringComparison.Ordinal);
        (network, _) = Load(new MlpConfig { Biases = [null, "layers.1.bias"] }, isAsItIs: true);
        Assert.Equal([false, true], network.Layers.Select(layer => layer.Bias is not null));
    }

    [Fact]
    public void EachMatrixMayHaveALayoutOfItsOwn()
    {
        var tensors = Network();
        tensors[2] = new TensorData("layers.1.weight", [3, 2], TensorData.Transposed(tensors[2].Values, 2));
        Write(tensors);
        Assert.EndsWith(
            "holds 'layers.1.weight' of shape [3, 2], but this network needs [2, 3]: try target.mlp.weight_layout=in_out",
            Assert.Throws<FileContentException>(() => Load(new MlpConfig())).Message, StringComparison.Ordinal);
        var (network, _) = Load(new MlpConfig { WeightLayoutByLayer = [WeightLayout.OutIn, WeightLayout.InOut] });
        Assert.Equal(Network()[2].Values, network.Layers[1].Weight.Values.ToArray());
        // The place is that of the file.
        tensors[2].Values[1] = float.PositiveInfinity;
        Write(tensors);
        Assert.Contains(
            "holds infinity in 'layers.1.weight' at [0, 1]",
            Assert.Throws<FileContentException>(() => Load(new MlpConfig { WeightLayoutByLayer = [WeightLayout.OutIn, WeightLayout.InOut] })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ATargetOfTheReleasedKindIsFoundInACheckpointToo()
    {
        var config = new TmsTargetConfig { Load = File };
        var network = config.Build();
        network.Initialise(3);
        Write([.. ModuleWeights.Of(network).Select(tensor => tensor with { Name = $"model.module.{tensor.Name}" }), new TensorData("optimizer.linear1", [2, 5], new float[10])]);
        var loaded = config.Build();
        Assert.Equal(
            [$"the names in '{File}' are read without 'model.module.'", $"'{File}' also holds 1 tensor that is not used: 'optimizer.linear1'"], config.Kind.Load(config, loaded));
        Assert.Equal(ModuleWeights.Of(network).SelectMany(tensor => tensor.Values), ModuleWeights.Of(loaded).SelectMany(tensor => tensor.Values));
        // A layer that this network has not, where its own are, is another network.
        Write([.. ModuleWeights.Of(network), new TensorData("hidden_layers.0.weight", [2, 2], new float[4])]);
        Assert.Contains("holds 'hidden_layers.0.weight', which this network does not have", Assert.Throws<FileContentException>(() => config.Kind.Load(config, loaded)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null", "null")]
    [InlineData("[null, null]", "null")]
    [InlineData("[a, null]", "[a, null]")]
    public void NoBiasAndSomeBiasesAreWrittenAsTheyAreRead(string written, string again)
    {
        string yaml = $"{{load: w, mlp: {{layer_sizes: [4, 3, 2], activation: relu, biases: {written}, weight_layout: [in_out, out_in], prefix: p., ignore: [x.*]}}, data: {{inputs: x}}}}";
        var config = MlpKeys.Target.Bind(new MlpTargetConfig(), ConfigReader.ReadMap(yaml, "x.yaml"), []);
        Assert.Equal(again == "null" ? [] : new string?[] { "a", null }, config.Model.Biases);
        string text = config.ToYaml();
        Assert.Equal(text, MlpKeys.Target.Bind(new MlpTargetConfig(), ConfigReader.ReadMap(text, "x.yaml"), []).ToYaml());
        Assert.Equal([WeightLayout.InOut, WeightLayout.OutIn], config.Model.WeightLayoutByLayer);
        Assert.Contains("prefix: p.", text, StringComparison.Ordinal);
    }

    private string File => _folder["net.safetensors"];

    private static TensorData[] Network() =>
    [
        Tensor(Names[0], 3, 4), Tensor(Names[1], 3), Tensor(Names[2], 2, 3), Tensor(Names[3], 2),
    ];

    private static TensorData Tensor(string name, params int[] shape) =>
        new(name, shape, [.. Enumerable.Range(1, shape.Aggregate(1, (all, size) => all * size)).Select(i => i + name.Length + 0.5f)]);

    private void Write(IReadOnlyList<TensorData> tensors) => Safetensors.Write(File, tensors);

    private (Mlp Network, IReadOnlyList<string> Notes) Load(MlpConfig model, bool isAsItIs = false)
    {
        model = model with { LayerSizes = [4, 3, 2] };
        var config = new MlpTargetConfig { Load = File, Model = isAsItIs ? model : model with { Biases = [Names[1], Names[3]] } };
        var network = (Mlp)config.Build();
        return (network, config.Kind.Load(config, network));
    }
}
