using System.Globalization;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Transformers;
using Spd.Runs.Configuration;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>Language models of others, decomposed on text.</summary>
internal sealed class LanguageModelTarget : TargetKind
{
    // What a loaded model is tried on.
    private const int TriedSequences = 16, TriedAtOnce = 4;

    /// <summary>The one of its kind.</summary>
    public static readonly LanguageModelTarget Instance = new();

    public override string TaskName => "lm";

    public override string ModelKey => "model";

    public override string LoadKey => "target.model";

    public override TargetConfig Defaults => new LanguageModelConfig();

    internal override ConfigKey<TargetConfig> TargetKey { get; } = TargetKeys.Target(LanguageModelKeys.Target);

    internal override KeyTable<TaskConfig> TaskKeys => LanguageModelKeys.Task(this);

    public override string ToYaml(TargetConfig config) => ConfigWriter.Write(LanguageModelKeys.Target.Write((LanguageModelConfig)config));

    internal override string? ReleasedClass(TargetConfig config) => TransformerFiles.ReadConfig(config.Load!).ClassName is { } name && name.StartsWith(LanguageModelConfig.HuggingFace, StringComparison.Ordinal) ? name : null;

    internal override string? SuccessorClass(TargetConfig config) => TransformerFiles.ReadConfig(config.Load!).ClassName;

    internal override string SuccessorTask => TaskName;

    internal override string? WhyNone(string path) => Directory.Exists(path) ? null : WeightFile.WhyNone(path);

    public override IReadOnlyList<string> Load(TargetConfig config, Module network)
    {
        var shape = ((LanguageModelConfig)config).Changed(TransformerFiles.ReadConfig(config.Load!));
        shape.Load(TransformerFiles.WeightsOf(config.Load!), (Transformer)network);
        return [];
    }

    public override string Verify(TargetConfig config, Module network, Backend backend)
    {
        var transformer = (Transformer)network;
        var tokenizer = TokenizerOf((LanguageModelConfig)config);
        int known = tokenizer.VocabularySize;
        if (known > transformer.VocabularySize)
        {
            throw new TargetException(
                $"the tokenizer gives tokens up to {known - 1}, but the network in '{config.Load}' knows {transformer.VocabularySize}, numbered from 0: "
                + "name the tokenizer that belongs to it with --set target.tokenizer=PATH");
        }

        int length = Math.Min(transformer.ContextLength, ((LanguageModelConfig)config).TriedLength);
        var text = Sequences((LanguageModelConfig)config, tokenizer, length);
        var loss = new HeldOutLoss(transformer, text.HeldOut, TriedSequences, TriedAtOnce, backend);
        string starts = text.Encoder.Start is { } start ? $"; each text begins with the token {start}"
            : text.Encoder.End is { } end ? $"; texts are parted by the token {end}" : "";
        return string.Create(
            CultureInfo.InvariantCulture, $"its cross-entropy is {loss.Measure():F3} nats a token on {loss.Sequences} held-out sequences of {length} tokens{starts}");
    }

    public override TargetData Data(TargetConfig config, TaskConfig task)
    {
        var tokenizer = TokenizerOf((LanguageModelConfig)config);
        var text = Sequences((LanguageModelConfig)config, tokenizer, task.MaxSeqLen);
        return new TargetData(TextSequences.DataOf(text.Training), TextSequences.DataOf(text.HeldOut)) { Text = new HeldOutText(tokenizer, text.HeldOut) };
    }

    internal override ConfigFault? Fault(TargetConfig config, TaskConfig task) => null;

    internal override IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed, Backend backend) =>
        evaluation is null ? [] : LanguageModelEvidence.Of(model, data.Evaluation, seed, backend);

    public override IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data, Backend backend) => [];

    private static Tokenizer TokenizerOf(LanguageModelConfig config)
    {
        if (config.Tokenizer is null && !File.Exists(Path.Combine(config.Load!, Tokenizer.FileName)))
            throw new ConfigException($"{Quoted.Path(config.Load!)} holds no {Tokenizer.FileName}, and target.tokenizer names none: name it with --set target.tokenizer=PATH");
        config.RequireFiles();
        return Tokenizer.Load(config.Tokenizer ?? config.Load!);
    }

    private static TextSequences Sequences(LanguageModelConfig config, Tokenizer tokenizer, int length) =>
        TextSequences.Of(config.Data, config.TokenFolder, tokenizer, length, config.Tokenizing);
}
