using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Components;

/// <summary>Subcomponents that are switched off or scaled in place, against the target with their share taken from its weights.</summary>
public sealed class ScaledSubcomponentsTests
{
    private const int Vocabulary = 7, Length = 5, Rows = 2 * Length;

    [Theory]
    [InlineData("tms", "linear*", 0)]
    [InlineData("tms", "linear*", -0.5)]
    [InlineData("tied", "linear*", 0)]
    [InlineData("chain", "linear*", 0)]
    [InlineData("residual", "*mlp_*", 0.25)]
    [InlineData("transformer", "wte wpe h.0.*.* lm_head", 0)]
    [InlineData("transformer", "h.0.*.*", 2)]
    public void TheyAreWhatIsTakenFromTheWeights(string kind, string pattern, double scale)
    {
        var network = Network(kind);
        var model = ComponentModel.Create(network, pattern.Split(' '), c: 6, k: 2, seed: 4);
        using var backend = TestBackend.Create();
        ScaledSubcomponents[] scaled = [.. model.Sites.Select(site => new ScaledSubcomponents(site, kind == "tied" ? [1, 4] : [site.Index % 6, 5 - (site.Index % 2)], scale))];
        // A site may come in parts.
        var parts = scaled.SelectMany(entry => entry.Subcomponents.Distinct().Select(c => entry with { Subcomponents = [c] })).ToList();
        bool isText = kind == "transformer";
        float[] before = Outputs(network, model.ScaledPass, [], isText, backend), after = Outputs(network, model.ScaledPass, parts, isText, backend);
        if (!isText) Assert.Equal(after, MaskedOutputs.With(model, Inputs(network, isText), Rows, backend, parts));

        foreach (var (site, c) in parts.Select(entry => (entry.Site, entry.Subcomponents[0])).Where(entry => !entry.Site.Linear.IsTied))
        {
            for (int o = 0; o < site.Outputs; o++)
            {
                for (int i = 0; i < site.Inputs; i++)
                {
                    ref float weight = ref site.Linear.Weight.Values[site.Linear.IsTransposed ? (i * site.Outputs) + o : (o * site.Inputs) + i];
                    weight += (float)((scale - 1) * site.U[c, o] * site.V[c, i]);
                }
            }
        }

        float[] expected = Outputs(network, model.ScaledPass, [], isText, backend);
        Assert.NotEqual(before, expected);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], after[i], 1e-4 * (1 + Math.Abs(expected[i])));
    }

    [Fact]
    public void WhatCannotBeScaledIsSaid()
    {
        var model = ComponentModel.Create(Network("chain"), ["linear*"], c: 6, k: 2, seed: 4);
        var (site, graph) = (model.Sites[0], new Graph());
        Refuses("no subcomponent 6", new ScaledSubcomponents(site, [6]));
        Refuses("no subcomponent -1", new ScaledSubcomponents(site, [-1]));
        Refuses("named twice", new ScaledSubcomponents(site, [2]), new ScaledSubcomponents(site, [1, 2], 0.5));
        Refuses("no subcomponent of 'linear0' is named", new ScaledSubcomponents(site, []));
        Refuses("another model", new ScaledSubcomponents(ComponentModel.Create(Network("chain"), ["linear*"], c: 6, k: 2, seed: 4).Sites[0], [1]));

        void Refuses(string reason, params ScaledSubcomponents[] scaled) =>
            Assert.Contains(reason, Assert.Throws<ArgumentException>(() => model.ScaledPass(graph, scaled)).Message, StringComparison.Ordinal);
    }

    private static Module Network(string kind)
    {
        Module network = kind switch
        {
            "tms" => new Tms(new TmsModelConfig { TiedWeights = false, NHiddenLayers = 1 }),
            "tied" => new Tms(new TmsModelConfig()),
            "residual" => new ResidualMlp(new ResidualMlpConfig { NFeatures = 5, DEmbed = 40, DMlp = 6, NLayers = 2, InBias = true }),
            "transformer" => new Transformer(
                ("wte", new Embedding(Vocabulary, 8)), ("wpe", new Embedding(Length, 8)),
                [("h.0", new TransformerBlock(
                    null, ("attn", new Attention(8, new AttentionOptions { Heads = 2 })),
                    null, ("mlp", new FeedForward(("in", new Linear(8, 12, isTransposed: true)), ActivationName.Gelu, ("out", new Linear(12, 8))))))],
                null, ("lm_head", new Linear(8, Vocabulary, bias: false)), Length),
            _ => Given.Chain(5, 6, 4),
        };
        if (kind is not "chain") network.Initialise(3);
        return network;
    }

    private static float[] Outputs(
        Module network, Func<Graph, IReadOnlyList<ScaledSubcomponents>, ForwardPass> pass, IReadOnlyList<ScaledSubcomponents> scaled, bool isText, Backend backend)
    {
        var graph = new Graph();
        float[] inputs = Inputs(network, isText);
        var x = graph.Input(inputs.Length / Rows);
        var output = network.Forward(pass(graph, scaled), x);
        var program = backend.Compile(new Objective(graph), isText ? new Batch(Rows / Length, Length) : new Batch(Rows, 1), keep: [output]);
        program.Set(x, inputs);
        program.Run(seed: 0, step: 0);
        return program.Read(output);
    }

    private static float[] Inputs(Module network, bool isText) => isText
        ? [.. Enumerable.Range(0, Rows).Select(i => (float)((i * i + 1) % Vocabulary))]
        : Given.Numbers(Rows * 5, network.GetType().Name.Length, 0);
}
