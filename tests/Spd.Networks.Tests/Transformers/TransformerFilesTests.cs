using System.Text.Json.Nodes;
using Spd.Engine.Cpu;
using Spd.Formats;
using Spd.Networks.Transformers;
using static Spd.Networks.Tests.Transformers.GoldenFiles;

namespace Spd.Networks.Tests.Transformers;

/// <summary>What folders of models are read as, and with which sentence others are refused.</summary>
public sealed class TransformerFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = TestBackend.Create();
    private readonly JsonObject _config = new()
    {
        ["model_type"] = "gpt2",
        ["vocab_size"] = 5,
        ["n_embd"] = 4,
        ["n_head"] = 2,
        ["n_layer"] = 2,
        ["n_positions"] = 6,
        ["n_inner"] = null,
        ["resid_pdrop"] = 0.1,
        ["torch_dtype"] = "float32",
    };

    private string Path => System.IO.Path.GetDirectoryName(_folder["config.json"])!;

    public void Dispose()
    {
        _folder.Dispose();
        _backend.Dispose();
    }

    [Fact]
    public void AModelIsReadUnderAllNamesThatItsFilesHave()
    {
        var network = Saved("model.safetensors");
        float[] logits = network.Logits([0, 4, 2, 1, 1, 3], 2, _backend);
        Same();

        // Without a head, as the library's base model is saved; with the tables and the tied head that older files hold.
        Write("model.safetensors", tensors => tensors.Select(tensor => tensor with { Name = tensor.Name["transformer.".Length..] })
            .Append(new TensorData("h.0.attn.bias", [1, 1, 6, 6], new float[36])).Append(new TensorData("h.0.attn.masked_bias", [], [-1e4f])));
        Same();
        Write("model.safetensors", tensors => tensors.Append(tensors.First(tensor => tensor.Name == "transformer.wte.weight") with { Name = "lm_head.weight" }));
        Same();

        // The content of a file says what it is, its name where it is looked for.
        File.Move(_folder["model.safetensors"], _folder["pytorch_model.bin"]);
        Same();
        File.Delete(_folder["pytorch_model.bin"]);

        // In two files.
        Write("part-1.safetensors", tensors => tensors.Take(3));
        Write("part-2.safetensors", tensors => tensors.Skip(3));
        var map = new JsonObject(ModuleWeights.Of(network)
            .Select((tensor, i) => KeyValuePair.Create<string, JsonNode?>(tensor.Name, i < 3 ? "part-1.safetensors" : "part-2.safetensors")));
        File.WriteAllText(_folder["model.safetensors.index.json"], new JsonObject { ["weight_map"] = map }.ToJsonString());
        Same();

        void Same() => Assert.Equal(logits, TransformerFiles.Load(Path).Logits([0, 4, 2, 1, 1, 3], 2, _backend));

        void Write(string name, Func<List<TensorData>, IEnumerable<TensorData>> change) => Safetensors.Write(_folder[name], change([.. ModuleWeights.Of(network)]));
    }

    [Fact]
    public void AHeadMayHaveAMatrixOfItsOwn()
    {
        _config["tie_word_embeddings"] = false;
        var network = Saved("model.safetensors");
        Assert.Equal("lm_head.weight", network.NamedParameters().Last().Path);
        Assert.False(network.Head.IsTied);
        Assert.Equal(network.Logits([1, 2], 1, _backend), TransformerFiles.Load(Path).Logits([1, 2], 1, _backend));
    }

    [Theory]
    [InlineData("model_type", "\"bert\"", "has 'bert' as 'model_type'; known are 'gpt2', 'gpt_neo', 'llama', 'LlamaSimple', 'LlamaSimpleMLP'")]
    [InlineData("model_type", "null", "has no text as 'model_type'; known are")]
    [InlineData("scale_attn_by_inverse_layer_idx", "true", "has true as 'scale_attn_by_inverse_layer_idx', which is not supported")]
    [InlineData("activation_function", "\"quick_gelu\"", "has 'quick_gelu' as 'activation_function', an activation function that is not supported")]
    [InlineData("layer_scale", "2", "has the field 'layer_scale', which is not known and may change what the network computes: remove it from the file if it does not")]
    [InlineData("quantization_config", "{}", "has the field 'quantization_config', which is not known")]
    [InlineData("add_cross_attention", "true", "has true as 'add_cross_attention', which is not supported")]
    [InlineData("n_head", "3", "is of no network: n_embd is 4, which cannot be divided by n_head, 3")]
    [InlineData("n_embd", "0", "has 0 as 'n_embd', but it must be from 1 to 1048576")]
    [InlineData("n_embd", "4.5", "has 4.5 as 'n_embd', which is no whole number")]
    [InlineData("n_embd", "null", "has no 'n_embd', a whole number")]
    [InlineData("layer_norm_epsilon", "\"small\"", "has \"small\" as 'layer_norm_epsilon', which is no number")]
    [InlineData("tie_word_embeddings", "1", "has 1 as 'tie_word_embeddings', which is neither true nor false")]
    public void AFieldThatIsNotSupportedIsNamed(string field, string value, string sentence)
    {
        Saved("model.safetensors");
        _config[field] = JsonNode.Parse(value);
        Refuses($"'{_folder["config.json"]}' {sentence}", _config);
    }

    [Theory]
    [InlineData("attention_types", "[[[\"global\", \"local\"], 2]]", "has 2 as 'num_layers', but 'attention_types' speaks of another number of blocks")]
    [InlineData("attention_types", "[[[\"global\", \"mixed\"], 1]]", "as 'attention_types', which is not supported")]
    [InlineData("attention_types", "7", "has 7 as 'attention_types', which is not supported")]
    [InlineData("attention_layers", "[\"global\"]", "has 'attention_layers' and 'attention_types', which say different things of the blocks")]
    [InlineData("window_size", "0", "has 0 as 'window_size', but it must be at least 1")]
    public void BlocksOfGptNeoAreOfKnownKinds(string field, string value, string sentence)
    {
        WriteConfig(new JsonObject
        {
            ["model_type"] = "gpt_neo",
            ["vocab_size"] = 5,
            ["hidden_size"] = 4,
            ["num_layers"] = 2,
            ["num_heads"] = 2,
            ["max_position_embeddings"] = 6,
            ["attention_types"] = JsonNode.Parse("[[[\"global\", \"local\"], 1]]"),
            [field] = JsonNode.Parse(value),
        });
        Assert.Contains(sentence, Assert.Throws<FileContentException>(() => TransformerFiles.ReadConfig(Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8.0}", "as 'rope_scaling', which is not supported")]
    [InlineData("rope_parameters", "{\"rope_type\": \"default\", \"rope_theta\": 5000.0}", null)]
    [InlineData("rope_theta", "500000", null)]
    [InlineData("rope_interleaved", "true", "has true as 'rope_interleaved', which is not supported")]
    [InlineData("sliding_window", "128", "has the field 'sliding_window', which is not known")]
    [InlineData("num_key_value_heads", "3", "num_attention_heads is 4, which cannot be divided by num_key_value_heads, 3")]
    [InlineData("head_dim", "3", "head_dim is 3, an odd number")]
    public void PositionsOfLlamaAreOfTheKindThatIsComputed(string field, string value, string? sentence)
    {
        WriteConfig(new JsonObject
        {
            ["model_type"] = "llama",
            ["vocab_size"] = 5,
            ["hidden_size"] = 8,
            ["intermediate_size"] = 6,
            ["num_hidden_layers"] = 1,
            ["num_attention_heads"] = 4,
            ["max_position_embeddings"] = 6,
            [field] = JsonNode.Parse(value),
        });
        if (sentence is null) Assert.Equal(field == "rope_theta" ? 500_000 : 5_000, ((LlamaConfig)TransformerFiles.ReadConfig(Path)).RopeTheta);
        else Assert.Contains(sentence, Assert.Throws<FileContentException>(() => TransformerFiles.ReadConfig(Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rotary_dim", "8", "has 8 as 'rotary_dim', which is not supported")]
    [InlineData("n_ctx", "1024", "has 1024 as 'n_ctx', which is not supported")]
    [InlineData("attn_bias", "true", "has true as 'attn_bias', which is not supported")]
    [InlineData("use_grouped_query_attention", "false", "has false as 'use_grouped_query_attention', which is not supported")]
    public void OfLlamaSimpleWhatIsNotSupportedIsNamed(string field, string value, string sentence)
    {
        WriteConfig(new JsonObject
        {
            ["model_type"] = "LlamaSimpleMLP",
            ["vocab_size"] = 5,
            ["block_size"] = 6,
            ["n_embd"] = 8,
            ["n_intermediate"] = 6,
            ["n_layer"] = 1,
            ["n_head"] = 2,
            [field] = JsonNode.Parse(value),
        });
        Refuses($"'{_folder["config.json"]}' {sentence}");
    }

    [Fact]
    public void WeightsThatAreNotTheNetworksAreRefused()
    {
        var tensors = ModuleWeights.Of(Saved("model.safetensors")).ToList();
        string file = _folder["model.safetensors"];
        With(tensors.Skip(1).Append(new TensorData("transformer.h.0.more", [5, 4], new float[20])), $"'{file}' lacks 'transformer.wte.weight'; it holds");
        With(tensors.Append(new TensorData("transformer.h.2.ln_1.weight", [4], new float[4])), $"'{file}' holds 'transformer.h.2.ln_1.weight', which this network does not have");
        With(
            tensors.Select(tensor => tensor.Name.EndsWith("1.mlp.c_fc.weight", StringComparison.Ordinal) ? tensor with { Shape = [16, 4] } : tensor),
            $"'{file}' holds 'transformer.h.1.mlp.c_fc.weight' of shape [16, 4], but this network needs [4, 16]");
        With(
            tensors.Append(tensors[0] with { Name = "lm_head.weight", Values = [.. tensors[0].Values.Select((value, i) => i == 7 ? value + 1 : value)] }),
            $"'{file}' holds 'lm_head.weight', which is not equal to 'transformer.wte.weight', as tie_word_embeddings says: set that to false for this network");
        With(
            tensors.Select(tensor => tensor.Name == "transformer.ln_f.bias" ? tensor with { Values = [0, float.NaN, 0, 0] } : tensor),
            $"'{file}' holds NaN in 'transformer.ln_f.bias' at [1], but a network's weights must be finite numbers");

        void With(IEnumerable<TensorData> changed, string sentence)
        {
            Safetensors.Write(file, changed);
            Refuses(sentence);
        }
    }

    [Fact]
    public void NoMemoryIsTakenForAClaim()
    {
        Saved("model.safetensors");
        _config["n_embd"] = 1 << 20;
        _config["n_layer"] = 10_000;
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refuses($"'{_folder["model.safetensors"]}' holds 540 numbers, but a network of this configuration has 1319", _config);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void AFolderThatLacksAFileIsToldOfIt()
    {
        Refuses($"'{Path}' holds no config.json");
        Refuses($"'{Path}' holds no weights: there is none of 'model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin', 'pytorch_model.bin.index.json' in it", _config);
        File.WriteAllText(_folder["config.json"], "{\"model_type\": \"gpt2\", \"model_type\": \"llama\"}");
        Refuses($"'{_folder["config.json"]}' is no valid JSON text, or has a key twice");
        File.WriteAllText(_folder["config.json"], "[]");
        Refuses($"'{_folder["config.json"]}' is no usable JSON file: it holds no object");
        Saved("model.safetensors");
        Assert.Contains("name the folder in which it lies", Assert.Throws<FileContentException>(() => TransformerFiles.Load(_folder["model.safetensors"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void QueriesKeysAndValuesThatAreApartComputeTheSame()
    {
        var network = Saved("model.safetensors");
        var apart = TransformerFiles.Load(Path, config => ((Gpt2Config)config) with { HasSplitAttention = true });
        string[] names = [.. apart.LinearMaps().Select(map => map.Path).Where(path => path.Contains("h.0.attn", StringComparison.Ordinal))];
        Assert.Equal(["transformer.h.0.attn.c_attn.q", "transformer.h.0.attn.c_attn.k", "transformer.h.0.attn.c_attn.v", "transformer.h.0.attn.c_proj"], names);
        int[] tokens = [0, 4, 2, 1, 1, 3];
        foreach (var (a, b) in network.Logits(tokens, 1, _backend).Zip(apart.Logits(tokens, 1, _backend))) Assert.Equal(a, b, 1e-6f);
    }

    /// <summary>A GPT-2 under TransformerLens's names: with the norms' weights, and with these folded into what reads them.</summary>
    [Theory]
    [InlineData(LensNormalization.LN)]
    [InlineData(LensNormalization.LNPre)]
    public void AModelOfTransformerLensIsTheSameNetwork(LensNormalization normalization)
    {
        _config["tie_word_embeddings"] = false;
        var network = Saved("model.safetensors");
        var weights = ModuleWeights.Of(network).ToDictionary(tensor => tensor.Name.Replace("transformer.", "", StringComparison.Ordinal), tensor => tensor.Values);
        const int Width = 4, Heads = 2, HeadWidth = 2, Neurons = 16, Vocabulary = 5;
        bool isFolded = normalization == LensNormalization.LNPre;
        List<TensorData> tensors = [new("embed.W_E", [Vocabulary, Width], weights["wte.weight"]), new("pos_embed.W_pos", [6, Width], weights["wpe.weight"])];
        for (int layer = 0; layer < 2; layer++)
        {
            string from = $"h.{layer}.", to = $"blocks.{layer}.";
            if (!isFolded) AddNorm($"{from}ln_1", $"{to}ln1");
            if (!isFolded) AddNorm($"{from}ln_2", $"{to}ln2");
            var (attention, attentionBias) = Folded($"{from}ln_1", weights[$"{from}attn.c_attn.weight"], weights[$"{from}attn.c_attn.bias"]);
            foreach (var (part, letter) in "QKV".Index())
            {
                // Of entry h, i, j the row is i, and the column that of feature j of head h.
                var entries = Enumerable.Range(0, Heads * Width * HeadWidth)
                    .Select(e => attention[e / HeadWidth % Width * 3 * Width + part * Width + e / HeadWidth / Width * HeadWidth + e % HeadWidth]);
                tensors.Add(new($"{to}attn.W_{letter}", [Heads, Width, HeadWidth], [.. entries]));
                tensors.Add(new($"{to}attn.b_{letter}", [Heads, HeadWidth], attentionBias[(part * Width)..((part + 1) * Width)]));
            }

            tensors.Add(new($"{to}attn.W_O", [Heads, HeadWidth, Width], weights[$"{from}attn.c_proj.weight"]));
            tensors.Add(new($"{to}attn.b_O", [Width], weights[$"{from}attn.c_proj.bias"]));
            tensors.Add(new($"{to}attn.mask", [6, 6], new float[36]));
            tensors.Add(new($"{to}attn.IGNORE", [], [-1e5f]));
            var (mlp, mlpBias) = Folded($"{from}ln_2", weights[$"{from}mlp.c_fc.weight"], weights[$"{from}mlp.c_fc.bias"]);
            tensors.Add(new($"{to}mlp.W_in", [Width, Neurons], mlp));
            tensors.Add(new($"{to}mlp.b_in", [Neurons], mlpBias));
            tensors.Add(new($"{to}mlp.W_out", [Neurons, Width], weights[$"{from}mlp.c_proj.weight"]));
            tensors.Add(new($"{to}mlp.b_out", [Width], weights[$"{from}mlp.c_proj.bias"]));
        }

        if (!isFolded) AddNorm("ln_f", "ln_final");
        var (head, headBias) = Folded("ln_f", TensorData.Transposed(weights["lm_head.weight"], Vocabulary), new float[Vocabulary]);
        tensors.Add(new("unembed.W_U", [Width, Vocabulary], head));
        tensors.Add(new("unembed.b_U", [Vocabulary], headBias));
        Safetensors.Write(_folder["lens.safetensors"], tensors);

        var config = new TransformerLensConfig
        {
            DVocab = Vocabulary,
            NCtx = 6,
            DModel = Width,
            DHead = HeadWidth,
            DMlp = Neurons,
            NLayers = 2,
            NHeads = Heads,
            ActFn = ActivationName.GeluTanh,
            NormalizationType = normalization,
        };
        int[] tokens = [0, 4, 2, 1, 1, 3];
        float[] expected = network.Logits(tokens, 1, _backend);
        Close([.. expected.Select(value => (double)value)], config.Load(_folder["lens.safetensors"]).Logits(tokens, 1, _backend), 2e-6, "logits");

        void AddNorm(string from, string to)
        {
            tensors.Add(new($"{to}.w", [Width], weights[$"{from}.weight"]));
            tensors.Add(new($"{to}.b", [Width], weights[$"{from}.bias"]));
        }

        (float[] Weight, float[] Bias) Folded(string norm, float[] weight, float[] bias)
        {
            if (!isFolded) return (weight, bias);
            int outputs = bias.Length;
            float[] scale = weights[$"{norm}.weight"], shift = weights[$"{norm}.bias"];
            return (
                [.. weight.Select((value, i) => value * scale[i / outputs])],
                [.. bias.Select((value, o) => value + Enumerable.Range(0, Width).Sum(i => shift[i] * weight[i * outputs + o]))]);
        }
    }

    /// <summary>Of a model that has a head of its own, written as llama2.c does: in the order of its program, with neighbours of a head's features together.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AModelOfLlama2cIsTheSameNetwork(bool isTied)
    {
        var config = new LlamaConfig
        {
            VocabSize = 5,
            MaxPositionEmbeddings = 6,
            HiddenSize = 8,
            IntermediateSize = 6,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            RmsNormEps = 1e-5,
            TieWordEmbeddings = isTied,
        };
        var network = Filled(config.Build());
        var weights = network.NamedParameters().ToDictionary(entry => entry.Path, entry => entry.Parameter.Values.ToArray());
        using (var file = new BinaryWriter(File.Create(_folder["model.bin"])))
        {
            foreach (int size in new[] { 8, 6, 2, 2, 1, isTied ? 5 : -5, 6 }) file.Write(size);
            Write("model.embed_tokens");
            string[] attention = ["input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"];
            foreach (string part in attention.Concat(["post_attention_layernorm", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"]))
                for (int layer = 0; layer < 2; layer++) Write($"model.layers.{layer}.{part}");
            Write("model.norm");
            for (int i = 0; i < 2 * 6 * 2; i++) file.Write(-1f);
            if (!isTied) Write("lm_head");

            void Write(string name)
            {
                float[] values = weights[$"{name}.weight"];
                // A head has four rows: pairs (0, 2) and (1, 3) there are (0, 1) and (2, 3) here.
                if (name.EndsWith("q_proj", StringComparison.Ordinal) || name.EndsWith("k_proj", StringComparison.Ordinal))
                    values = [.. values.Chunk(4 * 8).SelectMany(head => new[] { 0, 2, 1, 3 }.SelectMany(row => head[(row * 8)..((row + 1) * 8)]))];
                foreach (float value in values) file.Write(value);
            }
        }

        var loaded = TransformerFiles.Load(_folder["model.bin"]);
        Assert.Equal(isTied, loaded.Head.IsTied);
        Assert.Equal(network.Logits([0, 4, 2, 1, 1, 3], 1, _backend), loaded.Logits([0, 4, 2, 1, 1, 3], 1, _backend));
        File.WriteAllBytes(_folder["model.bin"], File.ReadAllBytes(_folder["model.bin"])[..^4]);
        Assert.Contains("is no usable llama2.c model: its sizes need", Assert.Throws<FileContentException>(() => TransformerFiles.Load(_folder["model.bin"])).Message, StringComparison.Ordinal);
    }

    /// <summary>A network of the configuration with weights of every kind, whose files lie in the folder.</summary>
    private Transformer Saved(string name)
    {
        WriteConfig(_config);
        var network = Filled(TransformerFiles.ReadConfig(Path).Build());
        ModuleWeights.Save(_folder[name], network);
        return network;
    }

    private static Transformer Filled(Transformer network)
    {
        var random = new Random(3);
        foreach (var (_, parameter) in network.NamedParameters())
            foreach (ref float value in parameter.Values) value = random.NextSingle() * 2 - 1;
        return network;
    }

    private void WriteConfig(JsonObject config) => File.WriteAllText(_folder["config.json"], config.ToJsonString());

    private void Refuses(string sentence, JsonObject? config = null)
    {
        if (config is not null) WriteConfig(config);
        Assert.StartsWith(sentence, Assert.Throws<FileContentException>(() => TransformerFiles.Load(Path)).Message, StringComparison.Ordinal);
    }
}
