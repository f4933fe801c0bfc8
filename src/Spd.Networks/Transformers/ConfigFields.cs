using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spd.Formats;

namespace Spd.Networks.Transformers;

/// <summary>
/// The fields of a model's <c>config.json</c>. Each is asked for once, as one that is used, one that must have a certain value since no other is supported, or
/// one that changes nothing; a field that nobody asked for may change what the network computes, and is refused.
/// </summary>
/// <param name="path">The file, for messages.</param>
/// <param name="root">Its object.</param>
/// <param name="options">The type whose properties say the ranges of fields.</param>
internal sealed class ConfigFields(string path, JsonElement root, [DynamicallyAccessedMembers(OptionRanges.Needed)] Type options)
{
    // What any model of Hugging Face may say of how it was made, how texts are drawn from it, and what else it was used for.
    private static readonly string[] OfNoConsequence =
    [
        "_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal", "_commit_hash", "_name_or_path", "architectures", "bad_words_ids",
        "begin_suppress_tokens", "bos_token_id", "chunk_size_feed_forward", "decoder_start_token_id", "diversity_penalty", "do_sample", "dtype", "early_stopping",
        "encoder_no_repeat_ngram_size", "eos_token_id", "exponential_decay_length_penalty", "finetuning_task", "forced_bos_token_id", "forced_eos_token_id",
        "gradient_checkpointing", "id2label", "initializer_range", "keys_to_ignore_at_inference", "label2id", "length_penalty", "max_length", "min_length", "model_type",
        "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "output_attentions", "output_hidden_states", "output_past", "output_scores",
        "pad_token_id", "prefix", "problem_type", "remove_invalid_values", "repetition_penalty", "return_dict", "return_dict_in_generate", "sep_token_id",
        "suppress_tokens", "task_specific_params", "temperature", "tf_legacy_loss", "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript",
        "transformers_version", "typical_p", "use_bfloat16", "use_cache", "num_labels", "resid_pdrop", "embd_pdrop", "attn_pdrop", "attention_dropout", "embed_dropout",
        "resid_dropout", "classifier_dropout", "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
    ];

    // The first name of each is the one that is written.
    private static readonly (string Name, ActivationName Activation)[] Activations =
    [
        ("relu", ActivationName.Relu), ("gelu", ActivationName.Gelu), ("gelu_new", ActivationName.GeluTanh), ("gelu_fast", ActivationName.GeluTanh),
        ("gelu_pytorch_tanh", ActivationName.GeluTanh), ("silu", ActivationName.Silu), ("swish", ActivationName.Silu), ("tanh", ActivationName.Tanh),
        ("sigmoid", ActivationName.Sigmoid), ("linear", ActivationName.Identity),
    ];

    private readonly HashSet<string> _asked = [.. OfNoConsequence];

    /// <summary>A whole number that must be there.</summary>
    public int Integer(string name) => OptionalInteger(name) ?? throw Error($"has no {Quoted.Of(name)}, a whole number");

    /// <summary>A whole number; null where there is none.</summary>
    public int? OptionalInteger(string name) => Find(name) is not { } field ? null
        : field.ValueKind == JsonValueKind.Number && field.TryGetInt32(out int number) ? InRange(name, number)
        : throw Error($"has {Shown(field)} as {Quoted.Of(name)}, which is no whole number");

    /// <summary>A number.</summary>
    public double Number(string name, double otherwise) => Find(name) is not { } field ? otherwise
        : field.ValueKind == JsonValueKind.Number && field.TryGetDouble(out double number) && double.IsFinite(number) ? InRange(name, number)
        : throw Error($"has {Shown(field)} as {Quoted.Of(name)}, which is no number");

    /// <summary>A number that need not be whole, as it is written: with a point or an exponent, by which other programs know it from a whole one.</summary>
    public static JsonNode Real(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return JsonNode.Parse(text.AsSpan().ContainsAny('.', 'E') ? text : $"{text}.0")!;
    }

    /// <summary>A truth value.</summary>
    public bool Flag(string name, bool otherwise) => Find(name)?.ValueKind switch
    {
        null => otherwise,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Error($"has {Shown(root.GetProperty(name))} as {Quoted.Of(name)}, which is neither true nor false"),
    };

    /// <summary>An activation function by the name that Hugging Face has for it.</summary>
    public ActivationName Activation(string name, string otherwise)
    {
        // Hugging Face's models do not take a null for the usual one either.
        if (root.TryGetProperty(name, out var given) && given.ValueKind == JsonValueKind.Null)
            throw Error($"has null as {Quoted.Of(name)}, but the name of an activation function is needed, such as {Quoted.Of(otherwise)}");
        string? text = Find(name) is { } field ? field.ValueKind == JsonValueKind.String ? field.GetString() : Shown(field) : otherwise;
        return Array.FindIndex(Activations, known => known.Name == text) is >= 0 and var found
            ? Activations[found].Activation
            : throw Error($"has {Quoted.Of(text!)} as {Quoted.Of(name)}, an activation function that is not supported");
    }

    /// <summary>The name that Hugging Face has for an activation function.</summary>
    public static string NameOf(ActivationName activation) => Activations.First(known => known.Activation == activation).Name;

    /// <summary>A field that is asked for by whoever knows what it may be; null where there is none.</summary>
    public JsonElement? Find(string name)
    {
        _asked.Add(name);
        return root.TryGetProperty(name, out var field) && field.ValueKind != JsonValueKind.Null ? field : null;
    }

    /// <summary>Refuses any other value of a field than the one that is computed.</summary>
    /// <param name="name">The field.</param>
    /// <param name="value">The value, in JSON.</param>
    public void Expect(string name, string value)
    {
        if (Find(name) is { } field && field.GetRawText() != value) throw Unsupported(name, field);
    }

    /// <summary>Names fields that change nothing.</summary>
    public void Ignore(params IEnumerable<string> names) => _asked.UnionWith(names);

    /// <summary>Refuses fields that nobody asked for.</summary>
    public void ThrowIfAnyIsLeft()
    {
        foreach (var field in root.EnumerateObject().Where(field => !_asked.Contains(field.Name)))
        {
            throw Error(
                $"has the field {Quoted.Of(field.Name)}, which is not known and may change what the network computes: remove it from the file if it does not");
        }
    }

    /// <summary>An exception about a value that is not supported.</summary>
    public FileContentException Unsupported(string name, JsonElement value) =>
        Error($"has {Shown(value)} as {Quoted.Of(name)}, which is not supported: the network would compute something else than is computed here");

    /// <summary>An exception with a sentence about the file.</summary>
    public FileContentException Error(string what) => new($"{Quoted.Path(path)} {what}");

    private static string Shown(JsonElement value) => Quoted.Bare(value.GetRawText());

    private T InRange<T>(string name, T value)
        where T : struct, IConvertible
    {
        if (OptionRanges.Of(options, name) is { } range && !range.IsValid(value))
        {
            double number = value.ToDouble(null);
            throw Error(FormattableString.Invariant($"has {number} as {Quoted.Of(name)}, but it must be {OptionRanges.InWords(range, number)}"));
        }

        return value;
    }
}
