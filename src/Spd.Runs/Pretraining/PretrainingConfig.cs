using Spd.Formats;
using System.ComponentModel.DataAnnotations;
using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Training;
using Spd.Networks.Transformers;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs.Pretraining;

/// <summary>The architectures that can be trained here.</summary>
public enum PretrainedArchitecture
{
    /// <summary>LlamaSimpleMLP, the small model that parameter decomposition is tried on.</summary>
    LlamaSimpleMlp,

    /// <summary>Llama.</summary>
    Llama,

    /// <summary>GPT-2.</summary>
    Gpt2,
}

/// <summary>How a language model is trained on a text. By default it is one that takes minutes.</summary>
public sealed record PretrainingConfig
{
    /// <summary>The architecture.</summary>
    public PretrainedArchitecture Architecture { get; init; }

    /// <summary>The text: a file, a folder of files, or a pattern.</summary>
    public string Text { get; init; } = "";

    /// <summary>The column or key with the texts; null for the usual.</summary>
    public string? Column { get; init; }

    /// <summary>The <c>tokenizer.json</c>, or a folder that holds it. The model's vocabulary is of its size.</summary>
    public string Tokenizer { get; init; } = "";

    /// <summary>Blocks.</summary>
    [Range(1, 10_000)]
    public int Layers { get; init; } = 2;

    /// <summary>Width of the residual stream.</summary>
    [Range(1, 1 << 20)]
    public int Width { get; init; } = 128;

    /// <summary>Heads.</summary>
    [Range(1, 100_000)]
    public int Heads { get; init; } = 4;

    /// <summary>Heads of keys and values; null for half as many as heads where that divides and the architecture has it, or else for as many.</summary>
    [Range(1, 100_000)]
    public int? KvHeads { get; init; }

    /// <summary>Neurons of a block's MLP; null for four times the width.</summary>
    [Range(1, 1 << 20)]
    public int? Ff { get; init; }

    /// <summary>Tokens of a sequence, the longest that the model takes.</summary>
    [Range(2, 1 << 20)]
    public int Context { get; init; } = 256;

    /// <summary>Steps.</summary>
    [AtLeast(1)]
    public int Steps { get; init; } = 1000;

    /// <summary>Sequences of a step.</summary>
    [BatchRows]
    public int Batch { get; init; } = 8;

    /// <summary>Full learning rate.</summary>
    [Positive]
    public double Lr { get; init; } = 2e-3;

    /// <summary>The share of it that the last step has.</summary>
    [Share]
    public double MinLrRatio { get; init; } = 0.1;

    /// <summary>Steps in which the learning rate rises; null for a twentieth of them.</summary>
    [Range(0, int.MaxValue)]
    public int? Warmup { get; init; }

    /// <summary>Weight decay of matrices, embeddings among them.</summary>
    [NotNegative]
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>The largest norm of the gradient.</summary>
    [Positive]
    public double Clip { get; init; } = 1;

    /// <summary>Seed of the initial weights and of the order of the text.</summary>
    public ulong Seed { get; init; }

    /// <summary>The files that it rests on, by the keys that name them.</summary>
    internal IReadOnlyDictionary<string, string> Files => new LanguageModelConfig { Tokenizer = Tokenizer, Data = new TextConfig { Text = Text } }.Files
        .ToDictionary(file => file.Key.Replace("target.", "", StringComparison.Ordinal).Replace("data.", "", StringComparison.Ordinal), file => file.Value);

    /// <summary>A configuration of values that are given, with every default filled in.</summary>
    /// <param name="values">The values, by their keys.</param>
    /// <exception cref="ConfigException">A value cannot be used, or two do not fit each other; one sentence says which.</exception>
    public static PretrainingConfig Of(IEnumerable<ConfigOverride> values)
    {
        var map = new ConfigMap("spd pretrain", []);
        foreach (var value in values) value.Apply(map);
        return PretrainingKeys.Table.Bind(new PretrainingConfig(), map, []).Complete();
    }

    /// <summary>Reads the file of a configuration.</summary>
    /// <param name="path">The file, as <see cref="ToYaml"/> writes it.</param>
    /// <exception cref="ConfigException">It is no such file; one sentence names it, the line and what is wrong.</exception>
    public static PretrainingConfig Read(string path) => PretrainingKeys.Table.Bind(new PretrainingConfig(), ConfigReader.ReadFile(path), []).Complete();

    /// <summary>The configuration as YAML, every key of it.</summary>
    public string ToYaml() => ConfigWriter.Write(PretrainingKeys.Table.Write(this));

    /// <summary>The command that trains so.</summary>
    /// <param name="folder">Its folder.</param>
    internal string Command(string folder)
    {
        var usual = FlatConfig.Read(new PretrainingConfig { Text = Text, Tokenizer = Tokenizer }.Complete().ToYaml());
        var own = FlatConfig.Read(ToYaml()).Where(entry => entry.Key is "text" or "tokenizer" || entry.Value != usual.GetValueOrDefault(entry.Key));
        return $"spd pretrain {Quoted.Word(folder)}{string.Concat(own.Select(entry => $" --{entry.Key.Replace('_', '-')} {Quoted.Word(entry.Value)}"))}";
    }

    /// <summary>The model for a vocabulary. Its head is the embedding's matrix, as is usual for small models.</summary>
    /// <param name="vocabulary">Tokens.</param>
    public TransformerConfig Model(int vocabulary) => Architecture switch
    {
        PretrainedArchitecture.Gpt2 => new Gpt2Config
        {
            VocabSize = vocabulary,
            NPositions = Context,
            NEmbd = Width,
            NLayer = Layers,
            NHead = Heads,
            NInner = Ff,
        },
        PretrainedArchitecture.Llama => new LlamaConfig
        {
            VocabSize = vocabulary,
            MaxPositionEmbeddings = Context,
            HiddenSize = Width,
            IntermediateSize = Ff!.Value,
            NumHiddenLayers = Layers,
            NumAttentionHeads = Heads,
            NumKeyValueHeads = KvHeads,
            TieWordEmbeddings = true,
        },
        _ => new LlamaSimpleConfig
        {
            VocabSize = vocabulary,
            BlockSize = Context,
            NEmbd = Width,
            NIntermediate = Ff!.Value,
            NLayer = Layers,
            NHead = Heads,
            NKeyValueHeads = KvHeads,
        },
    };

    /// <summary>The training: as language models are trained (VPD §10), with the second moment's decay of GPT-3 (Brown et al., 2020).</summary>
    public TrainingOptions Training => new()
    {
        Seed = Seed,
        Steps = Steps,
        BatchSize = Batch,
        LearningRate = Lr,
        Schedule = new LearningRateSchedule(ScheduleShape.HalfCosine) { WarmupSteps = Warmup, Floor = MinLrRatio },
        WeightDecay = WeightDecay,
        DecaysVectors = false,
        Beta2 = 0.95,
        ClipNorm = Clip,
    };

    private PretrainingConfig Complete() => this with
    {
        KvHeads = KvHeads ?? (Architecture != PretrainedArchitecture.Gpt2 && Heads % 2 == 0 ? Heads / 2 : Heads),
        Ff = Ff ?? checked(4 * Width),
        Warmup = Warmup ?? Steps / 20,
    };
}
