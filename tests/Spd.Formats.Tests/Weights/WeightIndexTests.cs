
namespace Spd.Formats.Tests;

public sealed class WeightIndexTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public WeightIndexTests()
    {
        Safetensors.Write(_folder["one.safetensors"], [new("a", [1], [1]), new("b", [2], [2, 3])], new Dictionary<string, string> { ["format"] = "pt" });
        Safetensors.Write(_folder["two.safetensors"], [new("c", [], [4])], new Dictionary<string, string> { ["format"] = "other", ["more"] = "x" });
    }

    private string Index => _folder["model.safetensors.index.json"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheFilesOfAModelAreReadAsOne()
    {
        File.WriteAllText(
            Index,
            """{"metadata": {"total_size": 16, "x": [{}]}, "weight_map": {"c": "two.safetensors", "b": "one.safetensors", "a": "one.safetensors"}}""");
        using var model = WeightFile.Open(Index);
        Assert.Equal(["a", "b", "c"], model.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([2, 3], model.Read("b").Values);
        Assert.Equal("index of 2 files: safetensors", model.Format);
        Assert.Equal("pt", model.Metadata["format"]);
        Assert.Equal("x", model.Metadata["more"]);
    }

    [Theory]
    [InlineData(" ", "the index is no valid JSON text")]
    [InlineData("[]", "the index must be an object")]
    [InlineData("{}", "it has no weight_map")]
    [InlineData("""{"weight_map": []}""", "weight_map must be an object")]
    [InlineData("""{"weight_map": {}, "weight_map": {}}""", "the index has the key 'weight_map' twice")]
    [InlineData("""{"weight_map": {}}""", "it names no tensors")]
    [InlineData("""{"weight_map": {"c": 2}}""", "the file of tensor 'c' must be a text")]
    [InlineData("""{"weight_map": {"c": "two.safetensors", "c": "two.safetensors"}}""", "weight_map has the key 'c' twice")]
    [InlineData("""{"weight_map": {"c": "three.safetensors"}}""", "the file 'three.safetensors', which it names, is not beside it")]
    [InlineData("""{"weight_map": {"c": "sub/two.safetensors"}}""", "is no plain name of a file")]
    [InlineData("""{"weight_map": {"c": "../two.safetensors"}}""", "is no plain name of a file")]
    [InlineData("""{"weight_map": {"c": "..\\two.safetensors"}}""", "is no plain name of a file")]
    [InlineData("""{"weight_map": {"c": "/etc/passwd"}}""", "is no plain name of a file")]
    [InlineData("""{"weight_map": {"c": "C:two.safetensors"}}""", "is no plain name of a file")]
    [InlineData("""{"weight_map": {"c": ".."}}""", "'..', the file of tensor 'c', is no plain name of a file in the index's folder")]
    [InlineData("""{"weight_map": {"c": ""}}""", "is no plain name of a file")]
    public void AWrongIndexIsRefusedInOneSentence(string index, string expected)
    {
        File.WriteAllText(Index, index);
        string message = Refusal(Index);
        Assert.StartsWith($"'{Index}' is no usable index of weight files: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatTheIndexLeavesOutIsThereAndWhatItMakesUpIsNotAndBothAreNoted()
    {
        File.WriteAllText(Index, """{"weight_map": {"a": "one.safetensors", "x": "one.safetensors"}}""");
        using var model = WeightFile.Open(Index);
        Assert.Equal(["a", "b"], model.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(
            ["'one.safetensors' holds 1 tensor ('b'), of which the index says nothing.", "'one.safetensors' lacks 1 tensor ('x'), of which the index says that it holds them."],
            model.Notes);
    }

    [Fact]
    public void OfANameInTwoFilesTheIndexSaysWhich()
    {
        Safetensors.Write(_folder["first.safetensors"], [new("c", [], [5]), new("d", [], [6])]);
        File.WriteAllText(Index, """{"weight_map": {"c": "two.safetensors", "d": "first.safetensors"}}""");
        using var model = WeightFile.Open(Index);
        Assert.Equal(["d", "c"], model.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([4], model.Read("c").Values);
    }

    [Fact]
    public void AnIndexOfPyTorchsFilesIsReadAsWell()
    {
        PickleBuilder.WriteArchive(
            _folder["pytorch_model-1.bin"], new PickleBuilder().Op("}").Text("w").Tensor("Float", "0", 2, 0, [2], [1]).Op("s"), ("data/0", PickleBuilder.Bytes(1, 2)));
        string index = _folder["pytorch_model.bin.index.json"];
        File.WriteAllText(index, """{"weight_map": {"w": "pytorch_model-1.bin", "c": "two.safetensors"}}""");
        using var model = WeightFile.Open(index);
        Assert.Equal("index of 2 files: PyTorch, safetensors", model.Format);
        Assert.Equal([1, 2], model.Read("w").Values);
    }

    [Fact]
    public void ADamagedFileOfTheModelIsNamed()
    {
        File.WriteAllText(Index, """{"weight_map": {"c": "two.safetensors"}}""");
        File.WriteAllBytes(_folder["two.safetensors"], [1, 2]);
        Assert.StartsWith($"'{_folder["two.safetensors"]}' is no usable safetensors file", Refusal(Index), StringComparison.Ordinal);
    }

    [Fact]
    public void AnIndexAmongItsOwnFilesIsNotFollowed()
    {
        File.WriteAllText(Index, """{"weight_map": {"c": "model.safetensors.index.json"}}""");
        Assert.Contains("is an index itself", Refusal(Index), StringComparison.Ordinal);
    }

    [Fact]
    public void SixFilesOfOthersHoldWhatTheirModelHolds()
    {
        using var model = WeightFile.Open(SharedFiles.Find("fixtures/sharded/model.safetensors.index.json"));
        var whole = Safetensors.Read(SharedFiles.Find("fixtures/safetensors/model.safetensors"));
        Assert.Equal("pt", model.Metadata["format"]);
        Assert.Equal(whole.Tensors.Select(tensor => tensor.Name).Order(), model.Tensors.Select(tensor => tensor.Name).Order());
        Assert.All(whole.Tensors, tensor =>
        {
            Assert.Equal(tensor.Shape, model.Read(tensor.Name).Shape);
            Assert.Equal(tensor.Values, model.Read(tensor.Name).Values);
        });
    }

    private static string Refusal(string path) => Assert.Throws<FileContentException>(() => WeightFile.Open(path)).Message;
}
