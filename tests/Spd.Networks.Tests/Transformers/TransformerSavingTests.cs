using System.Text.Json.Nodes;
using Spd.Formats;
using Spd.Networks.Transformers;

namespace Spd.Networks.Tests.Transformers;

/// <summary>What is written of a network is what Hugging Face's library would write of it, and what is read back.</summary>
public sealed class TransformerSavingTests : IDisposable
{
    private static readonly Dictionary<string, TransformerConfig> Configs = new()
    {
        ["gpt2"] = new Gpt2Config { VocabSize = 11, NPositions = 6, NEmbd = 4, NLayer = 2, NHead = 2, NInner = 10, LayerNormEpsilon = 1e-4 },
        ["gpt2, split, own head"] = new Gpt2Config
        {
            VocabSize = 11,
            NPositions = 6,
            NEmbd = 4,
            NLayer = 2,
            NHead = 2,
            HasSplitAttention = true,
            TieWordEmbeddings = false,
            ActivationFunction = ActivationName.Relu,
        },
        ["gpt_neo"] = new GptNeoConfig
        {
            VocabSize = 11,
            MaxPositionEmbeddings = 6,
            HiddenSize = 4,
            NumLayers = 3,
            NumHeads = 2,
            IsLocal = [false, true, true],
            WindowSize = 3,
        },
        ["llama"] = new LlamaConfig
        {
            VocabSize = 11,
            MaxPositionEmbeddings = 6,
            HiddenSize = 8,
            IntermediateSize = 10,
            NumHiddenLayers = 2,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
            TieWordEmbeddings = true,
            RopeTheta = 5000,
        },
        ["llama, biases"] = new LlamaConfig
        {
            VocabSize = 11,
            MaxPositionEmbeddings = 6,
            HiddenSize = 8,
            IntermediateSize = 10,
            NumHiddenLayers = 1,
            NumAttentionHeads = 2,
            HeadDim = 6,
            HiddenAct = ActivationName.GeluTanh,
            AttentionBias = true,
            MlpBias = true,
        },
        // One neuron: a matrix of one column is one all the same.
        ["LlamaSimpleMLP"] = new LlamaSimpleConfig { VocabSize = 11, BlockSize = 6, NEmbd = 8, NIntermediate = 1, NLayer = 2, NHead = 4, NKeyValueHeads = 2 },
        ["LlamaSimple"] = new LlamaSimpleConfig { VocabSize = 11, BlockSize = 6, NEmbd = 8, NIntermediate = 10, NLayer = 1, NHead = 2, HasGatedMlp = true, RotaryAdjacentPairs = true },
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. Configs.Keys];

    private string Folder => Path.GetDirectoryName(_folder["config.json"])!;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void WhatIsWrittenIsReadBackToTheBit(string name)
    {
        var config = Configs[name];
        var network = Filled(config);
        TransformerFiles.Save(Folder, config, network, beginningId: 1, endId: 2);
        byte[][] written = [File.ReadAllBytes(_folder["config.json"]), File.ReadAllBytes(_folder["model.safetensors"])];
        var read = TransformerFiles.ReadConfig(Folder);
        if (config is Gpt2Config gpt2) read = ((Gpt2Config)read) with { HasSplitAttention = gpt2.HasSplitAttention };
        var loaded = TransformerFiles.Load(Folder, _ => read);
        TransformerFiles.Save(Folder, read, loaded, beginningId: 1, endId: 2);
        Assert.Equal(written, [File.ReadAllBytes(_folder["config.json"]), File.ReadAllBytes(_folder["model.safetensors"])]);
        Assert.Equal(network.NamedParameters().Select(entry => entry.Path), loaded.NamedParameters().Select(entry => entry.Path));
        foreach (var (own, other) in network.NamedParameters().Zip(loaded.NamedParameters())) Assert.Equal(own.Parameter.Values, other.Parameter.Values);
        using var backend = TestBackend.Create(1);
        Assert.Equal(network.Logits([1, 9, 4, 10], 1, backend), loaded.Logits([1, 9, 4, 10], 1, backend));
    }

    [Fact]
    public void TensorsHaveTheNamesAndShapesOfTheLibraries()
    {
        var tensors = Tensors("gpt2, split, own head");
        Assert.Equal([4, 12], tensors["transformer.h.0.attn.c_attn.weight"]);
        Assert.Equal([12], tensors["transformer.h.1.attn.c_attn.bias"]);
        Assert.Equal([4, 16], tensors["transformer.h.0.mlp.c_fc.weight"]);
        Assert.Equal([11, 4], tensors["lm_head.weight"]);
        // Embeddings, final norm, head; norms, attention and MLP of each block.
        Assert.Equal(2 + 2 + 1 + 2 * (4 + 4 + 4), tensors.Count);
        Assert.DoesNotContain("lm_head.weight", Tensors("gpt2").Keys);
        Assert.Equal([8, 1], Tensors("LlamaSimpleMLP")["h.1.mlp.down_proj.weight"]);
        Assert.Equal("pt", Safetensors.Read(_folder["model.safetensors"]).Metadata["format"]);

        // A folder of the authors takes no fields but theirs; one of the library is told of tokens, where it would take those of the models it was made for.
        Assert.DoesNotContain("bos_token_id", File.ReadAllText(_folder["config.json"]), StringComparison.Ordinal);
        Tensors("llama");
        var fields = JsonNode.Parse(File.ReadAllText(_folder["config.json"]))!;
        Assert.Equal((1, null), ((int?)fields["bos_token_id"], (int?)fields["eos_token_id"]));
        Assert.True(fields.AsObject().ContainsKey("eos_token_id"));
        Assert.Equal("5000.0", fields["rope_theta"]!.ToJsonString());

        Dictionary<string, IReadOnlyList<int>> Tensors(string name)
        {
            TransformerFiles.Save(Folder, Configs[name], Filled(Configs[name]), beginningId: 1);
            return Safetensors.Read(_folder["model.safetensors"]).Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
        }
    }

    /// <summary>A model in the layout of Hugging Face's library comes back as it was: every field, and every tensor under its name, in its shape.</summary>
    [Fact]
    public void AModelFromElsewhereIsWrittenAsItWas()
    {
        string model = SharedFiles.Find("models/stories260K/hf/config.json"), weights = Path.Combine(Path.GetDirectoryName(model)!, "model.safetensors");
        var config = TransformerFiles.ReadConfig(Path.GetDirectoryName(model)!);
        TransformerFiles.Save(Folder, config, config.Load(weights), beginningId: 1, endId: 2);
        Assert.Equal(Fields(model), Fields(_folder["config.json"]));
        var (expected, written) = (Safetensors.Read(weights).Tensors.OrderBy(tensor => tensor.Name).ToList(), Safetensors.Read(_folder["model.safetensors"]).Tensors.OrderBy(tensor => tensor.Name).ToList());
        Assert.Equal(expected.Select(tensor => $"{tensor.Name} {tensor.ShapeText}"), written.Select(tensor => $"{tensor.Name} {tensor.ShapeText}"));
        foreach (var (own, other) in expected.Zip(written)) Assert.Equal(own.Values, other.Values);

        static SortedDictionary<string, string> Fields(string path) => new(JsonNode.Parse(File.ReadAllText(path))!.AsObject()
            .ToDictionary(field => field.Key, field => field.Value is JsonValue number && number.TryGetValue(out double value) ? $"{value}" : field.Value!.ToJsonString()));
    }

    [Fact]
    public void AnArchitectureWithoutSuchFilesSaysSo()
    {
        var config = new TransformerLensConfig { DVocab = 5, NCtx = 6, DModel = 4, DHead = 2, DMlp = 8, NLayers = 1, NHeads = 2, ActFn = ActivationName.Relu };
        Assert.Equal(
            "a TransformerLensConfig has no config.json",
            Assert.Throws<NotSupportedException>(() => TransformerFiles.Save(Folder, config, config.Build())).Message);
        Assert.Empty(Directory.GetFiles(Folder));
    }

    private static Transformer Filled(TransformerConfig config)
    {
        var network = config.Build();
        network.Initialise(seed: 3);
        foreach (var (i, (_, parameter)) in network.NamedParameters().Index())
            foreach (ref float value in parameter.Values) value += i;
        return network;
    }
}
