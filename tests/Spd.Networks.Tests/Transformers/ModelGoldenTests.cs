using System.Text.Json;
using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Transformers;
using static Spd.Networks.Tests.Transformers.GoldenFiles;

namespace Spd.Networks.Tests.Transformers;

/// <summary>
/// Every number of the recorded models, which are loaded from folders as they come: logits, the residual stream and attention patterns on the way,
/// cross-entropies, gradients of every weight.
/// </summary>
public sealed class ModelGoldenTests : IDisposable
{
    // Float32 elsewhere was off by 3.5e-6, to two digits.
    private const double Share = 3.55e-6;

    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = TestBackend.Create();

    public static TheoryData<string, string> All
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (file, name) in Models()) data.Add(file, name);
            return data;
        }
    }

    public void Dispose()
    {
        _folder.Dispose();
        _backend.Dispose();
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(All))]
    public void EveryNumberIsThatWhichWasRecorded(string file, string name)
    {
        var recorded = Load(file, name);
        Check(recorded, GoldenModels.Network(recorded, name, _folder), path => path);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(All))]
    public void QueriesKeysAndValuesOfGpt2MayBeMapsOfTheirOwn(string file, string name)
    {
        var recorded = Load(file, name);
        if (GoldenModels.Kind(recorded, name) != "gpt2") return;
        var network = GoldenModels.Network(recorded, name, _folder, config => ((Gpt2Config)config) with { HasSplitAttention = true });
        Assert.Contains("transformer.h.1.attn.c_attn.k", network.LinearMaps().Select(map => map.Path));
        Check(recorded, network, path => path.Replace(".c_attn.q.", ".c_attn.", StringComparison.Ordinal));
    }

    /// <summary>Compares all that was recorded; a gradient of a part of a tensor is compared with the first rows of what was recorded of the whole.</summary>
    private void Check(JsonElement recorded, Transformer network, Func<string, string> nameOf)
    {
        var results = recorded.TryGetProperty("float64", out var block) ? block : recorded;
        int[] shape = Shape(recorded.GetProperty("tokens"));
        var graph = new Graph();
        var tokens = graph.Input(1);
        var pass = new ForwardPass(graph);
        var logits = network.Forward(pass, tokens);
        var losses = graph.ResultsOf(new CrossEntropy(logits, tokens));
        var objective = new Objective(graph);
        objective.Add("loss", losses[0]);
        var trace = results.TryGetProperty("trace", out var entries) ? GoldenModels.Trace(network, pass, tokens, entries).ToList() : [];
        var heads = results.TryGetProperty("attention_weights", out var weights) ? GoldenModels.Heads(network, pass, tokens).ToList() : [];
        var program = _backend.Compile(
            objective, network.BatchOf(shape[0], shape[1]), new ParameterSet(network.NamedParameters().Select(entry => entry.Parameter)),
            keep: [logits, losses[2], .. trace.SelectMany(entry => entry.Values), .. heads.SelectMany(block => new[] { block.Query, block.Key })]);
        program.Set(tokens, Singles(recorded.GetProperty("tokens")));
        program.Run(0, 0);

        Close(Doubles(results.GetProperty("logits")), program.Read(logits), Share, "logits");
        Close(Doubles(results.GetProperty("ce_per_position")), GoldenModels.WithoutLast(program.Read(losses[2]), shape[1]), Share, "cross-entropy");
        Close(Doubles(results.GetProperty("loss")), [(float)program.Loss("loss")], Share, "loss");
        foreach (var (name, values, arrange) in trace) Close(Doubles(entries.GetProperty(name)), arrange([.. values.Select(program.Read)]), Share, name);
        foreach (var (layer, (attention, query, key)) in heads.Index())
        {
            float[] patterns = AttentionPatterns.Of(program.Read(query), program.Read(key), shape[0], shape[1], attention);
            double[] expected = [.. weights.EnumerateArray().SelectMany(sequence => Doubles(sequence[layer]))];
            Close(expected, patterns, Share, $"attention of block {layer}");
        }

        if (trace.Count > 0) Assert.Equal(entries.EnumerateObject().Select(entry => entry.Name).Order(), trace.Select(entry => entry.Name).Order());

        var gradients = results.GetProperty("grads");
        int compared = 0;
        foreach (var (path, parameter) in network.NamedParameters())
        {
            if (!gradients.TryGetProperty(nameOf(path), out var gradient)) continue;
            compared++;
            double[] expected = Doubles(gradient);
            // Of c_attn the columns, or the entries of the bias, that make queries.
            if (nameOf(path) != path) expected = [.. expected.Chunk(Shape(gradient)[^1]).SelectMany(row => row[..(row.Length / 3)])];
            Close(expected, program.Gradients.Of(parameter).ToArray(), Share, $"gradient of {path}");
        }

        Assert.Equal(gradients.EnumerateObject().Count(), compared);
    }
}
