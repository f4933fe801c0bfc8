using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Transformers;
using Spd.Runs.Activations;
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

    public override TargetConfig Defaults => new LanguageModelConfig();

    internal override ConfigKey<TargetConfig> TargetKey { get; } = TargetKeys.Target(LanguageModelKeys.Target);

    internal override KeyTable<TaskConfig> TaskKeys => LanguageModelKeys.Task(this);

    public override string ToYaml(TargetConfig config) => ConfigWriter.Write(LanguageModelKeys.Target.Write((LanguageModelConfig)config));

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

        int length = Math.Min(transformer.ContextLength, new TaskConfig().MaxSeqLen);
        var (_, heldOut, encoder) = Sequences((LanguageModelConfig)config, tokenizer, length);
        int tried = (int)Math.Min(heldOut.Count, TriedSequences), batch = Math.Min(tried, TriedAtOnce);
        var data = new TokenData(new Corpus(heldOut), length);
        var graph = new Graph();
        var tokens = data.Build(graph);
        var objective = new Objective(graph);
        objective.Add("cross-entropy", graph.CrossEntropy(transformer.Forward(new ForwardPass(graph), tokens), tokens, isUnembeddingFixed: true));
        var program = backend.Compile(objective, data.BatchOf(batch));
        double sum = 0;
        for (int i = 0; i < tried / batch; i++)
        {
            program.Run(seed: 0, step: i);
            sum += program.TotalLoss;
        }

        string starts = encoder.Start is { } start ? $"; each text begins with the token {start}"
            : encoder.End is { } end ? $"; texts are parted by the token {end}" : "";
        return string.Create(
            CultureInfo.InvariantCulture, $"its cross-entropy is {sum / (tried / batch):F3} nats a token on {tried / batch * batch} held-out sequences of {length} tokens{starts}");
    }

    public override TargetData Data(TargetConfig config, TaskConfig task)
    {
        var tokenizer = TokenizerOf((LanguageModelConfig)config);
        var (training, heldOut, _) = Sequences((LanguageModelConfig)config, tokenizer, task.MaxSeqLen);
        return new TargetData(new TokenData(new Corpus(training), task.MaxSeqLen), new TokenData(new Corpus(heldOut), task.MaxSeqLen))
        {
            Text = new HeldOutText(tokenizer, heldOut),
        };
    }

    internal override ConfigFault? Fault(TargetConfig config, TaskConfig task) => null;

    internal override IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed, Backend backend) =>
        evaluation is null ? [] : LanguageModelEvidence.Of(model, data.Evaluation, seed, backend);

    public override IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data, Backend backend) => [];

    internal override IReadOnlyList<RunPage> WritePages(ComponentModel model, TargetData data, Backend backend)
    {
        double weights = model.Network.NamedParameters().Sum(entry => (double)entry.Parameter.Count);
        var options = ActivationOptions.Quick(weights, data.Text!.Sequences.Length, model.Sites.Count);
        return [.. new RunActivations(model, data.Text, options, backend).Of(model.Sites).Select(ActivationPage.Of)];
    }

    private static Tokenizer TokenizerOf(LanguageModelConfig config) => Tokenizer.Load(config.Tokenizer ?? config.Load!);

    /// <summary>The text in sequences, from the cache of its tokens, which is made where there is none.</summary>
    /// <exception cref="ConfigException">Tokenizer or text cannot be used; one sentence says why.</exception>
    private static (TokenSequences Training, TokenSequences HeldOut, DocumentEncoder Encoder) Sequences(
        LanguageModelConfig config, Tokenizer tokenizer, int length)
    {
        bool isParted = tokenizer.Prepended.Count + tokenizer.Appended.Count > 0;
        var encoder = new DocumentEncoder(tokenizer.Identity, tokenizer.VocabularySize, text => tokenizer.Encode(text, addSpecialTokens: true))
        {
            End = isParted ? null : tokenizer.EndId,
        };
        var files = TextFiles.Find(config.Data.Text);
        Directory.CreateDirectory(config.TokenFolder);
        string name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{string.Join('\n', files)}\n{config.Data.Column}\n{encoder.Identity}")))[..16];
        var cache = TokenCache.OpenOrBuild(Path.Combine(config.TokenFolder, $"{name}.tokens"), files, config.Data.Column, encoder);
        long count = TokenSequences.CountIn(cache, length), heldOut = Math.Max(1, (long)(count * config.Data.HeldOutShare));
        var (training, evaluation) = TokenSequences.Split(cache, length, heldOut, seed: 0);
        return (training, evaluation, isParted && tokenizer.Prepended is [var first, ..] ? encoder with { Start = first } : encoder);
    }

    /// <summary>Sequences as examples of tokens.</summary>
    private sealed class Corpus(TokenSequences sequences) : IExamples
    {
        public void Fill(ulong seed, long step, int batch, int sequence, Span<float> values)
        {
            // The numbers themselves first, in the same memory.
            var ids = MemoryMarshal.Cast<float, int>(values);
            sequences.Fill(seed, step, batch, sequence, ids);
            for (int i = 0; i < ids.Length; i++) values[i] = ids[i];
        }
    }
}
