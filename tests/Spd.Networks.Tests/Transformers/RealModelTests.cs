using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Transformers;
using static Spd.Networks.Tests.Transformers.GoldenFiles;

namespace Spd.Networks.Tests.Transformers;

/// <summary>Models that others trained.</summary>
public sealed class RealModelTests : IDisposable
{
    private const string Stories = "models/stories260K/";

    private readonly CpuBackend _backend = TestBackend.Create();

    public void Dispose() => _backend.Dispose();

    [Theory]
    [InlineData("stories260K.bin")]
    [InlineData("hf")]
    public void StoriesHaveTheLogitsOfTheReferenceProgram(string name)
    {
        string file = SharedFiles.Find(name == "hf" ? $"{Stories}hf/config.json" : Stories + name);
        var network = TransformerFiles.Load(name == "hf" ? Path.GetDirectoryName(file)! : file);
        Assert.Equal((512, 512), (network.VocabularySize, network.ContextLength));
        int[] tokens =
        [
            .. File.ReadLines(SharedFiles.Find($"{Stories}stories260K_tokens.txt")).First(line => line.StartsWith("tokens:", StringComparison.Ordinal))["tokens:".Length..]
                .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(token => int.Parse(token, CultureInfo.InvariantCulture)),
        ];
        float[] expected = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(SharedFiles.Find($"{Stories}stories260K_logits.f32"))).ToArray();
        float[] logits = network.Logits(tokens, 1, _backend);
        Assert.Equal(expected.Length, logits.Length);
        // The program's own distance from exact arithmetic is 1.6e-5.
        Assert.InRange(expected.Zip(logits, (a, b) => Math.Abs(a - b)).Max(), 0, 4e-5);
    }

    [Fact]
    public void BothFilesOfStoriesAreOneNetwork()
    {
        var first = TransformerFiles.Load(SharedFiles.Find($"{Stories}stories260K.bin"));
        var second = TransformerFiles.Load(Path.GetDirectoryName(SharedFiles.Find($"{Stories}hf/config.json"))!);
        Assert.Equal(first.NamedParameters().Select(entry => entry.Path), second.NamedParameters().Select(entry => entry.Path));
        foreach (var ((path, a), (_, b)) in first.NamedParameters().Zip(second.NamedParameters())) Assert.True(a.Values.SequenceEqual(b.Values), path);
    }

    [Fact]
    public void EveryNumberRecordedOfStoriesIsReached()
    {
        var network = TransformerFiles.Load(SharedFiles.Find($"{Stories}stories260K.bin"));
        using var document = JsonDocument.Parse(File.ReadAllText(SharedFiles.Find("golden/transformer/stories260K.json")));
        var recorded = document.RootElement;
        float[] tokens = Singles(recorded.GetProperty("tokens"));
        var graph = new Graph();
        var x = graph.Input(1);
        var pass = new ForwardPass(graph);
        var logits = network.Forward(pass, x);
        var losses = graph.ResultsOf(new CrossEntropy(logits, x));
        Dictionary<string, Value> residuals = new() { ["embed"] = network.Embed(pass, x) };
        Dictionary<string, (Value Query, Value Key, Attention Attention)> patterns = [];
        var stream = residuals["embed"];
        foreach (var (layer, block) in network.Blocks.Index())
        {
            var (query, key, _) = block.Attention.Projections(pass, block.AttentionInput(pass, stream));
            patterns[$"model.layers.{layer}.self_attn.probs"] = (query, key, block.Attention);
            residuals[$"model.layers.{layer}.after_attn"] = block.AfterAttention(pass, stream);
            residuals[$"model.layers.{layer}.after_mlp"] = stream = block.Forward(pass, stream);
        }

        residuals["norm"] = network.Hidden(pass, x);
        var program = _backend.Compile(
            new Objective(graph), network.BatchOf(1, tokens.Length),
            keep: [logits, losses[2], .. residuals.Values, .. patterns.Values.SelectMany(pattern => new[] { pattern.Query, pattern.Key })]);
        program.Set(x, tokens);
        program.Run(0, 0);

        // Cross-entropies, about 1 at most here, are off by as much as logits, for which the recorded bound is absolute.
        const double Share = 3.5e-6, OfLogits = 1.1e-5;
        Is("cross_entropy_per_position", GoldenModels.WithoutLast(program.Read(losses[2]), tokens.Length), OfLogits);
        Is("mean_cross_entropy", [GoldenModels.WithoutLast(program.Read(losses[2]), tokens.Length).Average()], Share);
        float[][] rows = [.. program.Read(logits).Chunk(network.VocabularySize)];
        Is("logits_last_position", rows[^1], Share);
        Is("logits_norm_per_position", Of(rows, Norm), Share);
        Is("logsumexp_per_position", Of(rows, LogSum), Share);
        Is("entropy_per_position", Of(rows, Entropy), Share);
        var top = rows.Select(row => row.Select((value, id) => (value, id)).OrderByDescending(entry => entry.value).Take(5).ToList()).ToList();
        Is("top5_ids", [.. top.SelectMany(row => row.Select(entry => (float)entry.id))], 0);
        Is("top5_logits", [.. top.SelectMany(row => row.Select(entry => entry.value))], Share);
        foreach (var (name, value) in residuals)
        {
            float[][] vectors = [.. program.Read(value).Chunk(value.Rows)];
            Is("residual_norms", Of(vectors, Norm), Share, name);
            Is("residual_means", Of(vectors, row => row.Average(entry => (double)entry)), Share, name);
            Is("residual_first4", [.. vectors.SelectMany(row => row[..4])], Share, name);
        }

        foreach (var (name, (query, key, attention)) in patterns)
        {
            float[] probabilities = AttentionPatterns.Of(program.Read(query), program.Read(key), 1, tokens.Length, attention);
            Is("attention_sum_of_squared_probs", [.. probabilities.Chunk(tokens.Length).Select(row => (float)row.Sum(p => (double)p * p))], Share, name);
        }

        void Is(string what, float[] computed, double share, string? part = null) => Close(
            Doubles(part is null ? recorded.GetProperty(what) : recorded.GetProperty(what).GetProperty(part)), computed, share, $"{what} {part}");
        static float[] Of(float[][] rows, Func<float[], double> function) => [.. rows.Select(row => (float)function(row))];
        static double Norm(float[] row) => Math.Sqrt(row.Sum(value => (double)value * value));
        static double LogSum(float[] row) => Math.Log(row.Sum(value => Math.Exp(value)));
        static double Entropy(float[] row)
        {
            double sum = LogSum(row);
            return row.Sum(value => Math.Exp(value - sum) * (sum - value));
        }
    }

    [Fact]
    public void TheTransformerThatLearntAdditionReachesItsAccuracy()
    {
        const int Modulus = 113, Equals = 113;
        var config = new TransformerLensConfig
        {
            DVocab = 114,
            NCtx = 3,
            DModel = 128,
            DHead = 32,
            DMlp = 512,
            NLayers = 1,
            NHeads = 4,
            ActFn = ActivationName.Relu,
        };
        var network = config.Load(SharedFiles.Find("models/modular_addition/model_epoch_60000.pt"));
        Assert.Equal(
            [
                "embed.W_E", "pos_embed.W_pos", "blocks.0.attn.W_Q", "blocks.0.attn.W_K", "blocks.0.attn.W_V", "blocks.0.attn.W_O",
                "blocks.0.mlp.W_in", "blocks.0.mlp.W_out", "unembed.W_U",
            ],
            network.LinearMaps().Select(map => map.Path));
        var pairs = from a in Enumerable.Range(0, Modulus) from b in Enumerable.Range(0, Modulus) select (a, b);
        float[] logits = network.Logits([.. pairs.SelectMany(pair => new[] { pair.a, pair.b, Equals })], Modulus * Modulus, _backend);
        float[][] answers = [.. logits.Chunk(config.DVocab).Where((_, position) => position % 3 == 2).Select(row => row[..Modulus])];
        int[] sums = [.. pairs.Select(pair => (pair.a + pair.b) % Modulus)];
        Assert.InRange(Accuracy.Of([.. answers.SelectMany(row => row)], sums), 0.99967, 0.9997);
        Assert.Equal(0.00724, answers.Zip(sums, (row, sum) => Math.Log(row.Sum(value => Math.Exp(value - row[sum])))).Average(), 5);
    }
}
