using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Spd.Networks.Transformers;

/// <summary>
/// The shape of a GPT-Neo of Hugging Face (<c>model_type: gpt_neo</c>), of which kind the TinyStories models are: <c>transformer.h.N.attn.attention.q_proj</c>,
/// <c>mlp.c_fc</c>; scores are not scaled, and some blocks see the last positions alone.
/// </summary>
public sealed record GptNeoConfig : TransformerConfig
{
    private const string Local = "local", Global = "global";

    /// <summary>Tokens of the vocabulary.</summary>
    [Range(1, 1 << 24)]
    public required int VocabSize { get; init; }

    /// <summary>The longest sequence.</summary>
    [Range(1, 1 << 24)]
    public required int MaxPositionEmbeddings { get; init; }

    /// <summary>Width of the residual stream.</summary>
    [Range(1, 1 << 20)]
    public required int HiddenSize { get; init; }

    /// <summary>Blocks.</summary>
    [Range(1, 10_000)]
    public required int NumLayers { get; init; }

    /// <summary>Heads.</summary>
    [Range(1, 100_000)]
    public required int NumHeads { get; init; }

    /// <summary>Neurons of a block's MLP; null for four times the width.</summary>
    [Range(1, 1 << 20)]
    public int? IntermediateSize { get; init; }

    /// <summary>For each block whether it sees the last positions alone.</summary>
    public required IReadOnlyList<bool> IsLocal { get; init; }

    /// <summary>How many positions such a block sees.</summary>
    [Range(1, int.MaxValue)]
    public int WindowSize { get; init; } = 256;

    /// <summary>ε of the norms.</summary>
    [Positive]
    public double LayerNormEpsilon { get; init; } = 1e-5;

    /// <summary>The activation function of the neurons.</summary>
    public ActivationName ActivationFunction { get; init; } = ActivationName.GeluTanh;

    /// <summary>Whether the head's matrix is the embedding's.</summary>
    public bool TieWordEmbeddings { get; init; } = true;

    /// <inheritdoc/>
    public override string ClassName => "transformers.GPTNeoForCausalLM";

    private protected override string Prefix => "transformer.";

    private protected override IReadOnlyList<string> Buffers => [".attn.attention.bias", ".attn.attention.masked_bias"];

    private protected override double Weights =>
        ((double)VocabSize + MaxPositionEmbeddings) * HiddenSize + (double)NumLayers * HiddenSize * (4.0 * HiddenSize + 2.0 * Neurons);

    private int Neurons => IntermediateSize ?? 4 * HiddenSize;

    /// <inheritdoc/>
    public override Transformer Build()
    {
        Check();
        var embedding = new Embedding(VocabSize, HiddenSize);
        var attention = new AttentionOptions { Heads = NumHeads, Scale = 1, HasOutputBias = true, Output = "out_proj" };
        return new Transformer(
            ("transformer.wte", embedding), ("transformer.wpe", new Embedding(MaxPositionEmbeddings, HiddenSize)),
            [.. Enumerable.Range(0, NumLayers).Select(layer => ($"transformer.h.{layer}", new TransformerBlock(
                ("ln_1", new LayerNorm(HiddenSize, LayerNormEpsilon)),
                ("attn.attention", new Attention(HiddenSize, attention with { Window = IsLocal[layer] ? WindowSize : 0 })),
                ("ln_2", new LayerNorm(HiddenSize, LayerNormEpsilon)), ("mlp", new FeedForward(
                    ("c_fc", new Linear(HiddenSize, Neurons)), ActivationFunction, ("c_proj", new Linear(Neurons, HiddenSize)))))))],
            ("transformer.ln_f", new LayerNorm(HiddenSize, LayerNormEpsilon)), ("lm_head", Head(embedding, TieWordEmbeddings)), MaxPositionEmbeddings);
    }

    internal override void Check()
    {
        base.Check();
        ThrowIfIndivisible("hidden_size", HiddenSize, "num_heads", NumHeads);
        if (IsLocal.Count != NumLayers) throw new ArgumentException($"attention_layers speaks of {IsLocal.Count} blocks, but num_layers is {NumLayers}");
    }

    internal static GptNeoConfig Read(ConfigFields fields)
    {
        int layers = fields.Integer("num_layers");
        return new GptNeoConfig
        {
            VocabSize = fields.Integer("vocab_size"),
            MaxPositionEmbeddings = fields.Integer("max_position_embeddings"),
            HiddenSize = fields.Integer("hidden_size"),
            NumLayers = layers,
            NumHeads = fields.Integer("num_heads"),
            IntermediateSize = fields.OptionalInteger("intermediate_size"),
            IsLocal = Layers(fields, layers),
            WindowSize = fields.OptionalInteger("window_size") ?? 256,
            LayerNormEpsilon = fields.Number("layer_norm_epsilon", 1e-5),
            ActivationFunction = fields.Activation("activation_function", "gelu_new"),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", true),
        };
    }

    internal override JsonObject ToJson() => new()
    {
        ["architectures"] = new JsonArray("GPTNeoForCausalLM"),
        ["model_type"] = "gpt_neo",
        ["vocab_size"] = VocabSize,
        ["max_position_embeddings"] = MaxPositionEmbeddings,
        ["hidden_size"] = HiddenSize,
        ["num_layers"] = NumLayers,
        ["num_heads"] = NumHeads,
        ["intermediate_size"] = IntermediateSize,
        // Hugging Face's library makes the kinds of the blocks of the repetitions.
        ["attention_types"] = new JsonArray(new JsonArray(new JsonArray([.. IsLocal.Select(isLocal => (JsonNode)(isLocal ? Local : Global))]), 1)),
        ["window_size"] = WindowSize,
        ["layer_norm_epsilon"] = ConfigFields.Real(LayerNormEpsilon),
        ["activation_function"] = ConfigFields.NameOf(ActivationFunction),
        ["tie_word_embeddings"] = TieWordEmbeddings,
    };

    /// <summary>
    /// The kinds of the blocks: one by one, <c>["global", "local"]</c>, or in repetitions, <c>[[["global", "local"], 6]]</c>; where both are there they are the same.
    /// </summary>
    private static List<bool> Layers(ConfigFields fields, int layers)
    {
        const string OneByOne = "attention_layers", Repeated = "attention_types";
        List<bool>? direct = fields.Find(OneByOne) is { } list ? [.. Kinds(OneByOne, list, list)] : null, expanded = null;
        if (fields.Find(Repeated) is { } groups)
        {
            expanded = [];
            foreach (var group in groups.ValueKind == JsonValueKind.Array ? groups.EnumerateArray() : throw fields.Unsupported(Repeated, groups))
            {
                bool isPair = group.ValueKind == JsonValueKind.Array && group.GetArrayLength() == 2 && group[1].ValueKind == JsonValueKind.Number;
                if (!isPair || !group[1].TryGetInt32(out int times)) throw fields.Unsupported(Repeated, groups);
                var kinds = Kinds(Repeated, groups, group[0]).ToList();
                for (int i = 0; i < times && expanded.Count <= layers; i++) expanded.AddRange(kinds);
            }
        }

        if (direct is not null && expanded is not null && !direct.SequenceEqual(expanded))
            throw fields.Error($"has '{OneByOne}' and '{Repeated}', which say different things of the blocks");
        var said = direct ?? expanded ?? [.. Enumerable.Range(0, layers).Select(layer => layer % 2 == 1)];
        return said.Count == layers
            ? said
            : throw fields.Error($"has {layers} as 'num_layers', but '{(direct is null ? Repeated : OneByOne)}' speaks of another number of blocks");

        IEnumerable<bool> Kinds(string name, JsonElement whole, JsonElement kinds) => kinds.ValueKind != JsonValueKind.Array
            ? throw fields.Unsupported(name, whole)
            : kinds.EnumerateArray().Select(kind => (kind.ValueKind == JsonValueKind.String ? kind.GetString() : null) switch
            {
                Local => true,
                Global => false,
                _ => throw fields.Unsupported(name, whole),
            });
    }
}
