using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Networks.Transformers;
using static Spd.Networks.Tests.Transformers.GoldenFiles;

namespace Spd.Networks.Tests.Transformers;

/// <summary>A text that is read token by token has the logits that it has as a whole.</summary>
public sealed class TextGeneratorTests : IDisposable
{
    private const int Vocabulary = 23, Context = 75;

    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = TestBackend.Create();

    public static TheoryData<string, string> Recorded => ModelGoldenTests.All;

    public static TheoryData<string> Kinds => [.. Configs.Keys];

    private static Dictionary<string, TransformerConfig> Configs { get; } = new()
    {
        ["gpt2"] = new Gpt2Config
        {
            VocabSize = Vocabulary,
            NPositions = Context,
            NEmbd = 12,
            NLayer = 2,
            NHead = 3,
        },
        ["gpt2, split"] = new Gpt2Config
        {
            VocabSize = Vocabulary,
            NPositions = Context,
            NEmbd = 12,
            NLayer = 1,
            NHead = 2,
            HasSplitAttention = true,
        },
        ["gpt_neo"] = new GptNeoConfig
        {
            VocabSize = Vocabulary,
            MaxPositionEmbeddings = Context,
            HiddenSize = 12,
            NumLayers = 2,
            NumHeads = 3,
            IsLocal = [false, true],
            WindowSize = 9,
        },
        ["llama"] = new LlamaConfig
        {
            VocabSize = Vocabulary,
            MaxPositionEmbeddings = Context,
            HiddenSize = 16,
            IntermediateSize = 20,
            NumHiddenLayers = 2,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
        },
        ["LlamaSimple"] = new LlamaSimpleConfig
        {
            VocabSize = Vocabulary,
            BlockSize = Context,
            NEmbd = 16,
            NIntermediate = 20,
            NLayer = 2,
            NHead = 2,
        },
        ["TransformerLens"] = new TransformerLensConfig
        {
            DVocab = Vocabulary,
            NCtx = Context,
            DModel = 12,
            DHead = 5,
            DMlp = 9,
            NLayers = 2,
            NHeads = 2,
            ActFn = ActivationName.Relu,
        },
        ["induction"] = new InductionConfig
        {
            VocabSize = Vocabulary - 2,
            SeqLen = Context,
            DModel = 12,
            NHeads = 2,
            NLayers = 2,
            FfFanout = 1,
            UseFf = false,
            UsePosEncoding = true,
            UseLayerNorm = false,
        },
    };

    public void Dispose()
    {
        _folder.Dispose();
        _backend.Dispose();
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Recorded))]
    public void RecordedModelsReadTokenByTokenHaveTheirLogits(string file, string name)
    {
        var recorded = Load(file, name);
        var network = GoldenModels.Network(recorded, name, _folder);
        int[] shape = Shape(recorded.GetProperty("tokens")), tokens = [.. Singles(recorded.GetProperty("tokens")).Select(token => (int)token)];
        var results = recorded.TryGetProperty("float64", out var block) ? block : recorded;
        List<float> logits = [];
        foreach (int[] sequence in tokens.Chunk(shape[1]))
        {
            var generator = new TextGenerator(network, _backend, sequence.Length);
            foreach (int token in sequence) logits.AddRange(generator.Read([token]));
        }

        Close(Doubles(results.GetProperty("logits")), logits, 3.5e-6, "logits");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void LogitsAreThoseOfTheWhole(string kind)
    {
        var network = Configs[kind].Build();
        var random = new RandomSequence(seed: 1, stream: 0);
        foreach (var (_, parameter) in network.NamedParameters()) random.FillNormal(parameter.Values, 0.4);
        int[] tokens = [.. Enumerable.Range(0, Context).Select(_ => (int)(random.NextUniform() * Vocabulary))];
        float[][] expected = [.. network.Logits(tokens, 1, _backend).Chunk(Vocabulary)];
        var generator = new TextGenerator(network, _backend, longest: 1000);
        Assert.Equal((0, Context), (generator.Length, generator.Longest));
        // Many at once, in blocks with a rest, and one by one.
        foreach (int end in new[] { 1, 2, 68, 69, 70, Context })
        {
            float[] logits = generator.Read(tokens[generator.Length..end]);
            Assert.Equal(end, generator.Length);
            Close([.. expected[end - 1].Select(value => (double)value)], logits, 1e-5, $"{kind} at {end}");
        }
    }

    [Fact]
    public void WhatIsRefusedLeavesTheTextAsItWas()
    {
        var network = Configs["llama"].Build();
        network.Initialise(seed: 1);
        var generator = new TextGenerator(network, _backend, longest: 3);
        generator.Read([1, 2]);
        Refuses([], "no tokens were given");
        Refuses([3, 4], "2 tokens were given after 2, but only 3 can be read");
        Refuses([Vocabulary], $"there is no token {Vocabulary}: the vocabulary has {Vocabulary}, numbered from 0");
        Close([.. network.Logits([1, 2, 3], 1, _backend)[^Vocabulary..].Select(value => (double)value)], generator.Read([3]), 1e-5, "after what was refused");

        void Refuses(int[] tokens, string sentence)
        {
            Assert.StartsWith(sentence, Assert.Throws<ArgumentException>(() => generator.Read(tokens)).Message, StringComparison.Ordinal);
            Assert.Equal(2, generator.Length);
        }
    }

    [Fact]
    public void TokensAreDrawnAsTheSoftmaxSays()
    {
        const int Draws = 20_000;
        float[] logits = [1, float.NegativeInfinity, 3, 2.5f, 3];
        Assert.Equal(2, TextGenerator.Choose(logits, 0, new RandomSequence(0, NetworkStreams.Tokens)));
        foreach (double temperature in new[] { 0.5, 1, 3 })
        {
            var random = new RandomSequence(7, NetworkStreams.Tokens);
            int[] counts = new int[logits.Length];
            for (int i = 0; i < Draws; i++) counts[TextGenerator.Choose(logits, temperature, random)]++;
            double sum = logits.Sum(logit => Math.Exp(logit / temperature));
            for (int i = 0; i < logits.Length; i++) Assert.Equal(Math.Exp(logits[i] / temperature) / sum, (double)counts[i] / Draws, 0.015);
            Assert.Equal(0, counts[1]);
        }

        Assert.Throws<ArgumentException>(() => TextGenerator.Choose([1, float.NaN], 1, new RandomSequence(0, 0)));
        Assert.Throws<ArgumentException>(() => TextGenerator.Choose([float.NegativeInfinity], 1, new RandomSequence(0, 0)));
        Assert.Throws<ArgumentException>(() => TextGenerator.Choose([], 0, new RandomSequence(0, 0)));
    }
}
