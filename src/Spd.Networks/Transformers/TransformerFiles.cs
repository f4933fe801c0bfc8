using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Spd.Formats;

namespace Spd.Networks.Transformers;

/// <summary>Transformers as they come: folders of Hugging Face's files, and models of llama2.c.</summary>
public static class TransformerFiles
{
    /// <summary>The file of a model's configuration in its folder.</summary>
    public const string ConfigName = "config.json";

    // As Hugging Face's library looks for them.
    private static readonly string[] WeightNames = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    private static readonly Dictionary<string, Architecture> Architectures = new()
    {
        ["gpt2"] = new(typeof(Gpt2Config), Gpt2Config.Read),
        ["gpt_neo"] = new(typeof(GptNeoConfig), GptNeoConfig.Read),
        ["llama"] = new(typeof(LlamaConfig), LlamaConfig.Read),
        [LlamaSimpleConfig.Gated] = new(typeof(LlamaSimpleConfig), fields => LlamaSimpleConfig.Read(fields, hasGatedMlp: true)),
        [LlamaSimpleConfig.Plain] = new(typeof(LlamaSimpleConfig), fields => LlamaSimpleConfig.Read(fields, hasGatedMlp: false)),
    };

    /// <summary>Loads a network.</summary>
    /// <param name="path">
    /// A folder with <c>config.json</c> and <c>model.safetensors</c>, <c>pytorch_model.bin</c> or the index of either in several files; or a model of llama2.c.
    /// </param>
    /// <param name="configure">What is to be changed in its configuration, as <see cref="Gpt2Config.HasSplitAttention"/>; null for nothing.</param>
    /// <exception cref="FileContentException">A file is damaged or of another kind, a field of the configuration is not supported, or weights are not the network's.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static Transformer Load(string path, Func<TransformerConfig, TransformerConfig>? configure = null)
    {
        var config = ReadConfig(path);
        using var file = WeightFile.Open(WeightsOf(path));
        return (configure?.Invoke(config) ?? config).Load(file);
    }

    /// <summary>
    /// Writes a network as the files that Hugging Face's library, and <see cref="Load"/>, read; each whole or not at all, and last the configuration, by which a
    /// folder is known to hold a model. A head that is tied is not written twice.
    /// </summary>
    /// <param name="folder">The folder, which exists; files of these names are replaced.</param>
    /// <param name="config">The configuration that the network was built of.</param>
    /// <param name="network">The network.</param>
    /// <param name="beginningId">The token of the beginning of a text, which that library is told of; null for none.</param>
    /// <param name="endId">That of its end.</param>
    /// <exception cref="NotSupportedException">There are no such files for this architecture.</exception>
    /// <exception cref="IOException">A file cannot be written; an older one of its name is untouched.</exception>
    public static void Save(string folder, TransformerConfig config, Transformer network, int? beginningId = null, int? endId = null)
    {
        var fields = config.ToJson();
        if (fields.ContainsKey("architectures"))
        {
            // Where nothing is said of them, that library takes the tokens and the type of the models that it was written for.
            (fields["bos_token_id"], fields["eos_token_id"], fields["torch_dtype"]) = (beginningId, endId, "float32");
        }

        // That library loads no file that does not say which program's layout it has.
        Safetensors.Write(Path.Combine(folder, WeightNames[0]), config.WeightsOf(network), new Dictionary<string, string> { ["format"] = "pt" });
        AtomicFile.WriteText(Path.Combine(folder, ConfigName), $"{fields.ToJsonString(Indented)}\n");
    }

    /// <summary>The file of a model's weights, or the index of several: in its folder, or the model of llama2.c itself.</summary>
    /// <exception cref="FileContentException">The folder holds none.</exception>
    public static string WeightsOf(string path) => !Directory.Exists(path) ? path : WeightNames.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists)
        ?? throw new FileContentException($"{Quoted.Path(path)} holds no weights: there is none of {Quoted.List(WeightNames)} in it");

    /// <summary>Whether a path is a folder with the configuration of a model.</summary>
    public static bool IsFolder(string path) => File.Exists(Path.Combine(path, ConfigName));

    /// <summary>Whether a path is that of a language model: such a folder, or a model of llama2.c.</summary>
    public static bool IsModel(string path) => IsFolder(path) || WeightFile.IsLlama2c(path);

    /// <summary>Reads the configuration of a folder, or of a model of llama2.c.</summary>
    /// <exception cref="FileContentException">It is damaged, of an architecture that is not known, or has a field that is not supported.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    public static TransformerConfig ReadConfig(string folder)
    {
        if (!Directory.Exists(folder))
        {
            using var file = WeightFile.Open(folder);
            return file.Format == WeightFile.Llama2c
                ? LlamaConfig.Of(file)
                : throw new FileContentException($"{Quoted.Path(folder)} holds weights alone: name the folder in which it lies beside a config.json");
        }

        string path = Path.Combine(folder, ConfigName);
        if (!File.Exists(path)) throw new FileContentException($"{Quoted.Path(folder)} holds no {ConfigName}, which says what kind of network its weights are of");
        var root = JsonFile.ReadObject(path);
        string? kind = root.TryGetProperty("model_type", out var field) && field.ValueKind == JsonValueKind.String ? field.GetString() : null;
        if (kind is null || !Architectures.TryGetValue(kind, out var architecture))
        {
            throw new FileContentException(
                $"{Quoted.Path(path)} has {(kind is null ? "no text" : Quoted.Of(kind))} as 'model_type'; known are {Quoted.List(Architectures.Keys)}");
        }

        var fields = new ConfigFields(path, root, architecture.Config);
        var config = architecture.Read(fields);
        fields.Expect("is_encoder_decoder", "false");
        fields.Expect("add_cross_attention", "false");
        fields.Expect("pruned_heads", "{}");
        fields.Expect("cross_attention_hidden_size", "null");
        fields.Ignore("is_decoder", "tie_encoder_decoder");
        fields.ThrowIfAnyIsLeft();
        try
        {
            config.Check();
        }
        catch (ArgumentException exception)
        {
            throw new FileContentException($"{Quoted.Path(path)} is of no network: {exception.Message}", exception);
        }

        return config;
    }

    /// <summary>An architecture: the type of its configuration, and what reads it.</summary>
    private sealed record Architecture(
        [DynamicallyAccessedMembers(OptionRanges.Needed)][property: DynamicallyAccessedMembers(OptionRanges.Needed)] Type Config, Func<ConfigFields, TransformerConfig> Read);
}
