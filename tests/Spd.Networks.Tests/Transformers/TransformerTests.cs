using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Transformers;

namespace Spd.Networks.Tests.Transformers;

/// <summary>Transformers that are put together by hand, and what all of them do.</summary>
public sealed class TransformerTests : IDisposable
{
    private readonly CpuBackend _backend = TestBackend.Create();

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void WithoutBlocksLogitsAreThoseOfTheTokensVectors()
    {
        var embedding = new Embedding(3, 2);
        var network = new Transformer(("wte", embedding), ("wpe", new Embedding(4, 2)), [], null, ("head", new Linear(2, 2)), contextLength: 4);
        var parameters = network.NamedParameters().ToDictionary(entry => entry.Path, entry => entry.Parameter);
        new float[] { 1, 2, 3, 4, 5, 6 }.CopyTo(parameters["wte.weight"].Values);
        new float[] { 0, 0, 10, 20, 30, 40, 50, 60 }.CopyTo(parameters["wpe.weight"].Values);
        new float[] { 1, 0, 0, 2 }.CopyTo(parameters["head.weight"].Values);
        new float[] { 0.5f, 0 }.CopyTo(parameters["head.bias"].Values);
        // Token 2 at position 0, token 0 at position 1: (5, 6) and (11, 22).
        Assert.Equal([5.5f, 12, 11.5f, 44], network.Logits([2, 0], 1, _backend));
        Assert.Equal([5.5f, 12, 11.5f, 44, 1.5f, 4, 13.5f, 48], network.Logits([2, 0, 0, 1], 2, _backend));
    }

    /// <summary>The example of <see cref="Transformer"/>, with fewer tokens: it learns what follows, as any network can be trained.</summary>
    [Fact]
    public void ANetworkPutTogetherByHandLearnsASequence()
    {
        var network = new Transformer(
            ("wte", new Embedding(10, 16)), ("wpe", new Embedding(8, 16)),
            [("h.0", new TransformerBlock(
                ("ln_1", new LayerNorm(16)), ("attn", new Attention(16, new AttentionOptions { Heads = 4 })),
                ("ln_2", new LayerNorm(16)), ("mlp", new GatedMlp(16, 32))))],
            ("ln_f", new LayerNorm(16)), ("lm_head", new Linear(16, 10, bias: false)), contextLength: 8);
        network.Initialise(seed: 2);
        var graph = new Graph();
        var tokens = graph.Input(1);
        var objective = new Objective(graph);
        objective.Add("loss", graph.CrossEntropy(network.Forward(new ForwardPass(graph), tokens), tokens));
        var trained = new ParameterSet(network.TrainableParameters());
        var program = _backend.Compile(objective, network.BatchOf(2, 8), trained);
        program.Set(tokens, [1, 4, 1, 5, 9, 2, 6, 5, 2, 7, 1, 8, 2, 8, 1, 8]);
        program.Run(0, 0);
        Assert.Equal(Math.Log(10), program.Loss("loss"), 0.1);
        for (int step = 0; step < 300; step++)
        {
            program.Run(0, step);
            foreach (var parameter in trained.Parameters)
                for (int i = 0; i < parameter.Count; i++) parameter.Values[i] -= 0.3f * program.Gradients.Of(parameter)[i];
        }

        Assert.InRange(program.Loss("loss"), 0, 0.2);
    }

    [Fact]
    public void AnEmbeddingCanBeReplacedAndItsTiedHeadKeepsTheWeight()
    {
        var network = new Gpt2Config { VocabSize = 5, NPositions = 3, NEmbd = 4, NLayer = 1, NHead = 1 }.Build();
        network.Initialise(seed: 1);
        Assert.Equal((5, 4, true, false), (network.Embedding.Inputs, network.Embedding.Outputs, network.Embedding.IsTransposed, network.Embedding.IsTied));
        Assert.True(network.Head.IsTied);
        Assert.Same(network.Embedding.Weight, network.Head.Weight);

        // Factors whose product is the matrix: V picks features, as they are stored in the place of a site's.
        Parameter v = new("V", 4, 5), u = new("U", 4, 4);
        network.Embedding.EffectiveWeight().CopyTo(v.Values);
        for (int i = 0; i < 4; i++) u[i, i] = 1;
        List<Linear> seen = [];
        var graph = new Graph();
        var tokens = graph.Input(1);
        var plain = network.Forward(new ForwardPass(graph), tokens);
        var replaced = network.Forward(
            new ForwardPass(graph, (linear, input) =>
            {
                seen.Add(linear);
                return linear == network.Embedding ? graph.MatMul(u, linear.Apply(graph, v, input), transposed: true) : null;
            }), tokens);
        Assert.NotEqual(plain, replaced);
        Assert.Equal(network.LinearMaps().Select(map => map.Linear), seen);
        var program = _backend.Compile(new Objective(graph), network.BatchOf(2, 3), keep: [plain, replaced]);
        program.Set(tokens, [0, 1, 2, 3, 4, 0]);
        program.Run(0, 0);
        Assert.Equal(program.Read(plain), program.Read(replaced));
    }

    [Fact]
    public void DivergenceOfTwoPassesIsComputedInBlocksOfTheVocabulary()
    {
        var network = new LlamaConfig
        {
            VocabSize = 40,
            MaxPositionEmbeddings = 4,
            HiddenSize = 8,
            IntermediateSize = 6,
            NumHiddenLayers = 1,
            NumAttentionHeads = 2,
            TieWordEmbeddings = true,
        }.Build();
        var graph = new Graph();
        var tokens = graph.Input(1);
        var target = network.Forward(new ForwardPass(graph), tokens);
        var prediction = network.Forward(new ForwardPass(graph, (linear, input) => linear == network.Blocks[0].Attention.Output ? graph.Scale(input, 2) : null), tokens);
        Assert.IsType<UnembeddingDivergence>(graph.Divergence(prediction, target).Source);
    }

    [Fact]
    public void CrossEntropyInBlocksOfTheVocabularyIsThatOfItsLogits()
    {
        var network = new Gpt2Config { VocabSize = 700, NPositions = 5, NEmbd = 8, NLayer = 1, NHead = 2 }.Build();
        network.Initialise(seed: 1);
        var graph = new Graph();
        var tokens = graph.Multiply(graph.Positions(), graph.Positions());
        var logits = network.Forward(new ForwardPass(graph), tokens);
        var objective = new Objective(graph);
        objective.Add("of logits", graph.CrossEntropy(logits, tokens));
        objective.Add("in blocks", graph.CrossEntropy(logits, tokens, isUnembeddingFixed: true));
        var program = _backend.Compile(objective, network.BatchOf(3, 5));
        program.Run(0, 0);
        Assert.Equal(2, graph.Operations.Count(operation => operation is CrossEntropy or UnembeddingCrossEntropy));
        Assert.Equal(program.Losses[0], program.Losses[1], 1e-5 * program.Losses[0]);
    }

    [Fact]
    public void ASequenceThatIsTooLongIsRefused()
    {
        var network = new Gpt2Config { VocabSize = 5, NPositions = 3, NEmbd = 4, NLayer = 1, NHead = 1 }.Build();
        Assert.Equal(3, network.ContextLength);
        Assert.StartsWith(
            "a sequence of 4 tokens was given to a network that takes at most 3: cut it",
            Assert.Throws<ArgumentException>(() => network.Logits([0, 1, 2, 3], 1, _backend)).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "there is no token 5: the vocabulary has 5, numbered from 0",
            Assert.Throws<ArgumentException>(() => network.Logits([0, 5], 1, _backend)).Message, StringComparison.Ordinal);
        Assert.StartsWith("3 tokens are not 2 sequences", Assert.Throws<ArgumentException>(() => network.Logits([0, 1, 2], 2, _backend)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SizesThatDoNotFitAreRefused()
    {
        var embedding = new Embedding(5, 4);
        Refuses(() => new Transformer(("e", embedding), null, [], null, ("head", new Linear(6, 5)), 3), "tokens have vectors of 4 features, but 'head' takes 6");
        Refuses(() => new Transformer(("e", embedding), ("p", new Embedding(2, 4)), [], null, ("head", new Linear(4, 5)), 3), "2 positions have vectors, but a sequence may have 3");
        Refuses(() => new Attention(5, new AttentionOptions { Heads = 2 }), "5 features cannot be divided among 2 heads");
        Refuses(() => new Attention(6, new AttentionOptions { Heads = 3, KeyHeads = 2 }), "3 heads cannot share 2 heads of keys and values");
        Refuses(() => new Attention(6, new AttentionOptions { Heads = 2, RotaryBase = 1e4 }), "heads of 3 features, an odd number, have no rotary positions");
        Refuses(
            () => new Attention(8, new AttentionOptions { Heads = 4, KeyHeads = 2, SinusoidalPositions = 5 }),
            "sinusoidal positions are as wide as 4 heads of queries, but there are 2 of keys");
        Refuses(() => new Attention(6, new AttentionOptions { Heads = 0 }), "Heads is 0, but it must be");
        Refuses(() => new LlamaConfig
        {
            VocabSize = 0,
            MaxPositionEmbeddings = 4,
            HiddenSize = 8,
            IntermediateSize = 6,
            NumHiddenLayers = 1,
            NumAttentionHeads = 2,
        }.Build(), "VocabSize is 0, but it must be");

        static void Refuses(Func<object> make, string sentence) =>
            Assert.StartsWith(sentence, Assert.ThrowsAny<ArgumentException>(make).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WeightsStartAsGpt2sDo()
    {
        const int Width = 64, Layers = 4;
        var network = new Gpt2Config { VocabSize = 200, NPositions = 50, NEmbd = Width, NLayer = Layers, NHead = 4 }.Build();
        network.Initialise(seed: 5);
        foreach (var (path, parameter) in network.NamedParameters())
        {
            float[] values = parameter.Values.ToArray();
            if (path.EndsWith(".bias", StringComparison.Ordinal)) Assert.All(values, value => Assert.Equal(0, value));
            else if (path.Contains("ln_", StringComparison.Ordinal)) Assert.All(values, value => Assert.Equal(1, value));
            else
            {
                double expected = 0.02 / (path.Contains("c_proj", StringComparison.Ordinal) ? Math.Sqrt(2 * Layers) : 1);
                double deviation = Math.Sqrt(values.Average(value => (double)value * value));
                Assert.InRange(deviation / expected, 0.95, 1.05);
            }
        }

        Assert.Equal(network.NamedParameters().Count(), network.NamedParameters().Select(entry => entry.Parameter).Distinct().Count());
    }

    [Fact]
    public void ThoseOfTransformerLensStartAlike()
    {
        const int Width = 64;
        var network = new TransformerLensConfig { DVocab = 40, NCtx = 20, DModel = Width, DHead = 16, DMlp = 100, NLayers = 2, NHeads = 4, ActFn = ActivationName.Relu }.Build();
        network.Initialise(seed: 5);
        foreach (var (path, map) in network.LinearMaps())
        {
            Assert.True(Math.Sqrt(map.Weight.Values.ToArray().Average(value => (double)value * value)) is > 0.76 / 8 and < 0.84 / 8, path);
            Assert.All(map.Bias?.Values.ToArray() ?? [], value => Assert.Equal(0, value));
        }
    }

    [Fact]
    public void NamesAreThoseOfTheFiles()
    {
        var llama = new LlamaConfig
        {
            VocabSize = 5,
            MaxPositionEmbeddings = 4,
            HiddenSize = 8,
            IntermediateSize = 6,
            NumHiddenLayers = 1,
            NumAttentionHeads = 2,
        }.Build();
        Assert.Equal(
            [
                "model.embed_tokens", "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj", "model.layers.0.self_attn.v_proj",
                "model.layers.0.self_attn.o_proj", "model.layers.0.mlp.gate_proj", "model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj", "lm_head",
            ],
            llama.LinearMaps().Select(map => map.Path));
        var simple = new LlamaSimpleConfig { VocabSize = 5, BlockSize = 4, NEmbd = 8, NIntermediate = 6, NLayer = 1, NHead = 2 }.Build();
        Assert.Equal(
            ["wte", "h.0.attn.q_proj", "h.0.attn.k_proj", "h.0.attn.v_proj", "h.0.attn.o_proj", "h.0.mlp.c_fc", "h.0.mlp.down_proj", "lm_head"],
            simple.LinearMaps().Select(map => map.Path));
    }
}
