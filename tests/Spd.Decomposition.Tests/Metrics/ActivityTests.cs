using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Metrics;

/// <summary>What subcomponents of transformers do: when they are needed, what their directions say in tokens, what happens without them.</summary>
public sealed class ActivityTests
{
    private const int Vocabulary = 6, Length = 10;

    [Fact]
    public void ASubcomponentIsNeededAtItsTokenAndPromotesTheNext()
    {
        var model = Successor();
        var (reads, writes) = (model.Sites[0], model.Sites[1]);
        using var backend = TestBackend.Create();
        var activity = SiteActivity.Of(model, model.Sites, Text, sequences: 50, Length, top: 4, backend);
        var directions = new TokenDirections((Transformer)model.Network);
        foreach (var site in activity)
        {
            int[] expected = new int[Vocabulary];
            for (int sequence = 0; sequence < 50; sequence++) foreach (int token in Sequence(sequence)) expected[token]++;
            Assert.Equal(50 * Length, site.Positions);
            foreach (var one in site.Subcomponents)
            {
                // Subcomponent 5 is turned off: its gate has a bias that no activation overcomes.
                double share = one.Component == 5 ? 0 : (double)expected[one.Component] / site.Positions;
                Assert.Equal([share, share, share], one.Frequencies);
                Assert.Equal(share, one.MeanImportance, 1e-6);
                Assert.Equal(one.Component == 5 ? 0 : 4, one.Contexts.Count);
                Assert.All(one.Contexts, context => Assert.Equal((one.Component, 1f), (Sequence(context.Sequence)[context.Position], context.Importance)));
                // Of places that are as important, the first sequences; of one sequence, the first place.
                Assert.All(one.Contexts, context => Assert.Equal(Array.IndexOf(Sequence(context.Sequence), one.Component), context.Position));
                Assert.Equal(one.Contexts.Select(context => context.Sequence).Order(), one.Contexts.Select(context => context.Sequence));
            }
        }

        for (int c = 0; c < Vocabulary; c++)
        {
            Assert.Equal((c + 1) % Vocabulary, Largest(directions.Promoted(writes, c)!));
            Assert.Equal(c, Largest(directions.Read(reads, c)!));
            Assert.Null(directions.Promoted(reads, c));
            Assert.Null(directions.Read(writes, c));
        }

        // Without it, the token that it promotes loses, and all others gain alike: logits are 4 for the token itself, 6 for its successor, and 0.
        var effect = new Ablation(model, writes, Length, contexts: 3, backend).Of(2, activity[1].Subcomponents[2].Contexts, Text);
        double before = Math.Exp(6) / (Math.Exp(6) + Math.Exp(4) + 4), after = 1 / (5 + Math.Exp(4));
        Assert.Equal(4, effect.Contexts);
        Assert.Equal(after - before, effect.ProbabilityChange[3], 1e-5);
        Assert.Equal(0, effect.ProbabilityChange.Sum(), 1e-5);
        var none = new Ablation(model, writes, Length, contexts: 3, backend).Of(4, activity[1].Subcomponents[2].Contexts, Text);
        Assert.Equal(0, none.Divergence, 1e-6);
        Assert.Equal(0, none.LogProbabilityChange, 1e-6);
    }

    [Fact]
    public void TheMostImportantPlacesAreThoseOfALookAtEveryOne()
    {
        const int Sequences = 37, Top = 5;
        var model = ComponentModel.Create(Random(norm: features => new RmsNorm(features)), ["h.0.*.*"], c: 7, k: 0, seed: 3);
        using var backend = TestBackend.Create();
        int[] reads = new int[Sequences];
        var activity = SiteActivity.Of(model, model.Sites.Skip(2).ToList(), Counted, Sequences, Length, Top, backend);
        Assert.All(reads, count => Assert.Equal(1, count));
        Assert.Equal(model.Sites.Skip(2).Select(site => site.Name), activity.Select(site => site.Site.Name));

        var graph = new Graph();
        var x = graph.Input(1);
        var sites = CausalImportance.Build(graph, model, x).Sites;
        var program = backend.Compile(new Objective(graph), new Engine.Planning.Batch(1, Length), keep: [.. sites.SelectMany(site => new[] { site.Importance, site.Inner })]);
        var all = new List<(int Site, int C, ActivationContext Context)>();
        for (int sequence = 0; sequence < Sequences; sequence++)
        {
            program.Set(x, [.. Sequence(sequence).Select(token => (float)token)]);
            program.Run(0, 0);
            foreach (var site in sites)
            {
                float[] importance = program.Read(site.Importance), inner = program.Read(site.Inner);
                for (int i = 0; i < importance.Length; i++) all.Add((site.Site.Index, i % 7, new(sequence, i / 7, importance[i], inner[i])));
            }
        }

        foreach (var site in activity)
        {
            foreach (var one in site.Subcomponents)
            {
                var own = all.Where(entry => entry.Site == site.Site.Index && entry.C == one.Component).Select(entry => entry.Context).ToList();
                var expected = own.Where(context => context.Position < Length - 1 && context.Importance > 0.01f).GroupBy(context => context.Sequence)
                    .Select(group => group.OrderByDescending(context => (context.Importance, Math.Abs(context.Inner), -context.Position)).First())
                    .OrderByDescending(context => (context.Importance, Math.Abs(context.Inner), -context.Sequence)).Take(Top);
                Assert.Equal(expected, one.Contexts);
                Assert.Equal(SiteActivity.Thresholds.Select(threshold => own.Count(context => context.Importance > threshold) / (double)own.Count), one.Frequencies);
                Assert.Equal(own.Average(context => Math.Max((double)context.Importance, 0)), one.MeanImportance, 1e-9);
                Assert.Equal(own.Max(context => context.Importance), one.Largest);
            }
        }

        Assert.Contains(activity.SelectMany(site => site.Subcomponents), one => one.Contexts.Count == Top && one.Contexts[^1].Importance < 1);

        void Counted(long number, Span<int> tokens)
        {
            reads[number]++;
            Text(number, tokens);
        }
    }

    [Fact]
    public void MemoryDoesNotGrowWithTheText()
    {
        var model = ComponentModel.Create(Random(norm: features => new RmsNorm(features)), ["h.0.*.*"], c: 7, k: 0, seed: 3);
        using var backend = TestBackend.Create(threads: 1);
        Allocated(100);
        long some = Allocated(100), many = Allocated(4000);
        // What is kept of all positions would be 100 times this.
        Assert.InRange(many - some, 0, 3900 * 6 * 7 * 40);

        long Allocated(int sequences)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            var activity = SiteActivity.Of(model, model.Sites, Text, sequences, Length, top: 3, backend);
            Assert.All(activity, site => Assert.All(site.Subcomponents, one => Assert.InRange(one.Contexts.Count, 0, 3)));
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Theory]
    [InlineData("h.0.attn.q_proj", false)]
    [InlineData("h.0.attn.k_proj", false)]
    [InlineData("h.0.attn.v_proj", false)]
    [InlineData("h.0.attn.o_proj", false)]
    [InlineData("h.0.mlp.gate_proj", false)]
    [InlineData("h.0.mlp.down_proj", false)]
    [InlineData("wte", false)]
    [InlineData("lm_head", false)]
    [InlineData("h.0.attn.k_proj", true)]
    [InlineData("h.0.mlp.down_proj", true)]
    public void AnAblationIsTheNetworkWithoutThatMatrix(string name, bool isLastAsked)
    {
        const int C = 2;
        var network = Random(norm: features => new LayerNorm(features));
        var model = ComponentModel.Create(isLastAsked ? new LastLogits(network) : network, [name], c: 5, k: 0, seed: 2);
        var site = model.Sites[0];
        // So that something is lost with it, whichever matrix it is of.
        Given.Numbers(site.Inputs, seed: 1).CopyTo(site.V.Row(C));
        Given.Numbers(site.Outputs, seed: 2).CopyTo(site.U.Row(C));
        using var backend = TestBackend.Create();
        ActivationContext[] contexts = [new(3, 0, 1, 1), new(8, 4, 1, 1), new(5, 8, 1, 1), new(3, 7, 1, 1), new(1, 2, 1, 1)];
        static int Answer(long sequence) => (int)(sequence % Vocabulary);
        var effect = new Ablation(model, site, Length, contexts.Length, backend).Of(C, contexts, Text, isLastAsked ? Answer : null);

        float[,] without = site.Sum(), taken = site.Subcomponent(C);
        float[] full = Logits(site.Sum(), out var attention);
        for (int i = 0; i < site.Outputs; i++) for (int j = 0; j < site.Inputs; j++) without[i, j] -= taken[i, j];
        float[] less = Logits(without, out var attentionWithout);
        double divergence = 0, change = 0;
        double[] probabilities = new double[Vocabulary];
        for (int i = 0; i < contexts.Length; i++)
        {
            double[] p = Softmax(full, i), q = Softmax(less, i);
            int next = isLastAsked ? Answer(contexts[i].Sequence) : Sequence(contexts[i].Sequence)[contexts[i].Position + 1];
            divergence += p.Zip(q, (a, b) => a * Math.Log(a / b)).Sum() / contexts.Length;
            change += Math.Log(q[next] / p[next]) / contexts.Length;
            for (int token = 0; token < Vocabulary; token++) probabilities[token] += (q[token] - p[token]) / contexts.Length;
        }

        Assert.True(divergence > 1e-3, $"{divergence} is too small to tell anything");
        Assert.Equal(divergence, effect.Divergence, 5e-5);
        Assert.Equal(change, effect.LogProbabilityChange, 5e-5);
        Assert.All(probabilities.Zip(effect.ProbabilityChange), pair => Assert.Equal(pair.First, pair.Second, 2e-5));

        // Of each head what the position attends to, or what it and those behind it attend to.
        Assert.Equal(name.Contains("attn", StringComparison.Ordinal) ? contexts.Length : 0, effect.Attention.Count);
        foreach (var (i, effects) in effect.Attention.Index())
        {
            int position = contexts[i].Position, readers = name.EndsWith("k_proj", StringComparison.Ordinal) || name.EndsWith("v_proj", StringComparison.Ordinal) ? Math.Min(9, Length - position) : 1;
            Assert.Equal(
                Enumerable.Range(0, 2).SelectMany(head => Enumerable.Range(position, readers).Select(reader => (head, reader))), effects.Select(one => (one.Head, one.Reader)));
            Assert.All(effects, one => Assert.All(attention(i, one.Head, one.Reader).Zip(one.With), pair => Assert.Equal(pair.First, pair.Second, 1e-5)));
            Assert.All(effects, one => Assert.All(attentionWithout(i, one.Head, one.Reader).Zip(one.Without), pair => Assert.Equal(pair.First, pair.Second, 1e-5)));
        }

        bool decides = name.EndsWith("q_proj", StringComparison.Ordinal) || name.EndsWith("k_proj", StringComparison.Ordinal);
        Assert.Equal(decides, effect.Attention.SelectMany(effects => effects).Any(one => one.With.Zip(one.Without).Any(pair => Math.Abs(pair.First - pair.Second) > 1e-3)));

        float[] Logits(float[,] matrix, out Func<int, int, int, double[]> attentionOf)
        {
            var twin = Random(norm: features => new LayerNorm(features));
            var linear = twin.LinearMaps().Single(map => map.Path == name).Linear;
            for (int i = 0; i < site.Outputs; i++) for (int j = 0; j < site.Inputs; j++) (linear.IsTransposed ? ref linear.Weight[j, i] : ref linear.Weight[i, j]) = matrix[i, j];
            int[] tokens = [.. contexts.SelectMany(context => Sequence(context.Sequence))];
            var graph = new Graph();
            var x = graph.Input(1);
            var (query, key) = twin.QueriesAndKeys(new ForwardPass(graph), x, twin.Blocks[0]);
            var program = backend.Compile(new Objective(graph), twin.BatchOf(contexts.Length, Length), keep: [query, key]);
            program.Set(x, [.. tokens.Select(token => (float)token)]);
            program.Run(0, 0);
            float[] queries = program.Read(query), keys = program.Read(key);
            attentionOf = (context, head, reader) =>
            {
                double[] attended = new double[Length];
                var part = (context * Length * query.Rows)..((context + 1) * Length * query.Rows);
                twin.Blocks[0].Attention.Probabilities(queries.AsSpan(part), keys.AsSpan(part), head, reader, attended);
                return attended;
            };
            return twin.Logits(tokens, contexts.Length, backend);
        }

        double[] Softmax(float[] logits, int context)
        {
            int asked = isLastAsked ? Length - 1 : contexts[context].Position;
            double[] powers = [.. Enumerable.Range(0, Vocabulary).Select(token => Math.Exp(logits[(context * Length + asked) * Vocabulary + token]))];
            return [.. powers.Select(power => power / powers.Sum())];
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void DirectionsPassThroughTheWeightsOfNorms(bool isCentred)
    {
        var network = Random(isCentred ? features => new LayerNorm(features) : features => new RmsNorm(features));
        foreach (var (path, parameter) in network.NamedParameters().Where(entry => entry.Path.Contains("ln_", StringComparison.Ordinal)))
            Given.Numbers(parameter.Count, path.Length).CopyTo(parameter.Values);
        var model = ComponentModel.Create(network, ["h.0.mlp.*", "wte", "wpe", "lm_head"], c: 3, k: 0, seed: 1);
        var sites = model.Sites.ToDictionary(site => site.Name);
        var directions = new TokenDirections(network);
        float[] finalWeight = Weight("ln_f.weight"), mlpWeight = Weight("h.0.ln_2.weight"), unembedding = network.Head.EffectiveWeight();
        var (down, gate) = (sites["h.0.mlp.down_proj"], sites["h.0.mlp.gate_proj"]);
        for (int token = 0; token < Vocabulary; token++)
        {
            float[] u = down.U.Row(1).ToArray(), e = network.Embedding.Weight.Row(token).ToArray();
            double promoted = u.Select((value, i) => (value - (isCentred ? u.Average() : 0)) * finalWeight[i] * unembedding[token * u.Length + i]).Sum();
            double read = e.Select((value, i) => (value - (isCentred ? e.Average() : 0)) * mlpWeight[i] * gate.V[1, i]).Sum();
            Assert.Equal(promoted, directions.Promoted(down, 1)![token], 1e-6);
            Assert.Equal(read, directions.Read(gate, 1)![token], 1e-6);
            Assert.Equal(sites["lm_head"].U[1, token], directions.Promoted(sites["lm_head"], 1)![token]);
            Assert.Equal(sites["wte"].V[1, token], directions.Read(sites["wte"], 1)![token]);
        }

        // Positions are added to the stream, but are no tokens.
        Assert.NotNull(directions.Promoted(sites["wpe"], 0));
        Assert.Null(directions.Read(sites["wpe"], 0));
        Assert.NotNull(directions.Read(sites["lm_head"], 0));
        Assert.Null(directions.Promoted(gate, 0));
        Assert.Null(directions.Read(down, 0));

        float[] Weight(string path) => network.NamedParameters().Single(entry => entry.Path == path).Parameter.Values.ToArray();
    }

    private static int Largest(double[] scores) => Array.IndexOf(scores, scores.Max());

    private static void Text(long number, Span<int> tokens) => Sequence(number).CopyTo(tokens);

    private static int[] Sequence(long number)
    {
        var random = new RandomSequence((ulong)number, NetworkStreams.RowChoice);
        float[] numbers = new float[Length];
        random.FillUniform(numbers, 0, Vocabulary);
        return [.. numbers.Select(value => Math.Min((int)value, Vocabulary - 1))];
    }

    /// <summary>
    /// Every token has a neuron of its own, which adds 6 to the logit of the next token: to a stream that has 4 at the token itself. Attention adds nothing. Both
    /// matrices of the MLP are split by neurons, and subcomponent c is needed where neuron c gives 1.
    /// </summary>
    private static ComponentModel Successor()
    {
        var network = new Transformer(
            ("wte", new Embedding(Vocabulary, Vocabulary)), null,
            [("h.0", new TransformerBlock(
                null, ("attn", new Attention(Vocabulary, new AttentionOptions { Heads = 1 })),
                null, ("mlp", new FeedForward(("in", new Linear(Vocabulary, Vocabulary)), ActivationName.Relu, ("out", new Linear(Vocabulary, Vocabulary))))))],
            null, ("lm_head", new Linear(Vocabulary, Vocabulary, bias: false)), Length);
        var linears = network.LinearMaps().ToDictionary(map => map.Path, map => map.Linear.Weight);
        for (int token = 0; token < Vocabulary; token++)
        {
            linears["wte"][token, token] = 4;
            linears["h.0.mlp.in"][token, token] = 0.25f;
            linears["h.0.mlp.out"][(token + 1) % Vocabulary, token] = 6;
            linears["lm_head"][token, token] = 1;
        }

        var model = ComponentModel.Create(network, ["h.0.mlp.*"], Vocabulary, k: 0, seed: 1);
        foreach (var site in model.Sites)
        {
            bool isOut = site.Index == 1;
            site.V.Values.Clear();
            site.U.Values.Clear();
            site.Gate.Weight!.Values.Fill(1);
            site.Gate.Bias!.Values.Clear();
            site.Gate.Bias[5, 0] = -2;
            for (int c = 0; c < Vocabulary; c++)
            {
                site.V[c, c] = isOut ? 1 : 0.25f;
                site.U[c, isOut ? (c + 1) % Vocabulary : c] = isOut ? 6 : 1;
            }
        }

        return model;
    }

    private static Transformer Random(Func<int, Module> norm)
    {
        const int Features = 8;
        var network = new Transformer(
            ("wte", new Embedding(Vocabulary, Features)), ("wpe", new Embedding(Length, Features)),
            [("h.0", new TransformerBlock(
                ("ln_1", norm(Features)), ("attn", new Attention(Features, new AttentionOptions { Heads = 2 })),
                ("ln_2", norm(Features)), ("mlp", new GatedMlp(Features, 12))))],
            ("ln_f", norm(Features)), ("lm_head", new Linear(Features, Vocabulary, bias: false)), Length);
        foreach (var (_, linear) in network.LinearMaps()) Given.Numbers(linear.Weight.Count, linear.Inputs + 100 * linear.Outputs).CopyTo(linear.Weight.Values);
        return network;
    }
}
