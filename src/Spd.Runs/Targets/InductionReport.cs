using Spd.Decomposition;
using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>What two layers do that answer by induction (Olsson et al., "In-context learning and induction heads", 2022).</summary>
/// <param name="PreviousToken">In the first block, the attention of the answer's position to the S before it, which tells what stands there that an S came before.</param>
/// <param name="Induction">In the last block, the attention of the last position to the one behind the first S, where the answer stands.</param>
/// <param name="Accuracy">The share of sequences that are answered rightly.</param>
internal sealed record InductionBehaviour(double PreviousToken, double Induction, double Accuracy);

/// <summary>A subcomponent that sequences need.</summary>
/// <param name="C">Its number.</param>
/// <param name="Uses">The sum of its causal importances over a sequence, as a mean; importances below 0 count as 0.</param>
/// <param name="Without">What is left where it alone is taken out of the CI-masked network.</param>
internal sealed record InductionSubcomponent(int C, double Uses, InductionBehaviour Without);

/// <summary>The subcomponents of a site that sequences need, those of most uses first.</summary>
/// <param name="Site">The site.</param>
/// <param name="Subcomponents">The subcomponents.</param>
/// <param name="Without">What is left without all of them.</param>
internal sealed record InductionSite(string Site, IReadOnlyList<InductionSubcomponent> Subcomponents, InductionBehaviour Without);

/// <summary>What the first and the last block attend to in one sequence, of each the head that does its part of the work most.</summary>
/// <param name="Name">The kind of mask, or the site whose subcomponents are left out.</param>
/// <param name="First">The first block's probabilities <c>[query, key]</c>.</param>
/// <param name="Last">The last block's.</param>
internal sealed record InductionMap(string Name, double[,] First, double[,] Last);

/// <summary>
/// A decomposed network with induction heads: what its heads attend to and how many sequences it answers, under each kind of mask and without some of its
/// subcomponents. Where there are several heads, a number is that of the one for which it is largest.
/// </summary>
/// <param name="Kinds">The network itself and its decomposition under each kind of mask, by the ends of keys.</param>
/// <param name="Sites">The sites.</param>
/// <param name="Maps">Attention in the first of the sequences: of the kinds, and without the subcomponents of a site.</param>
/// <param name="Tokens">That sequence.</param>
internal sealed record InductionReport(
    IReadOnlyDictionary<string, InductionBehaviour> Kinds, IReadOnlyList<InductionSite> Sites, IReadOnlyList<InductionMap> Maps, IReadOnlyList<int> Tokens)
{
    /// <summary>Uses from which on a subcomponent counts as needed.</summary>
    public const double LeastUses = 0.02;

    /// <summary>Sequences on which <see cref="AccuracyOf"/> measures a network.</summary>
    public const int Sequences = BatchSize * Batches;

    private const string Target = "target", Stochastic = "stochastic", Masked = "ci_masked";

    // Of which attention is told and drawn: the network, what is trained toward it, and what is needed.
    private static readonly string[] Attentive = [Target, Stochastic, Masked];

    // Sequences that training does not draw: its seeds are far from this one.
    private const ulong Seed = 0x1D0C_7105;
    private const int BatchSize = 256, Batches = 16;

    // What has less left than this share has lost its carrier.
    private const double CarriedShare = 0.5;

    private static readonly (string Name, MaskSource Masks)[] MaskKinds =
    [
        ("unmasked", Masks.Ones), (Stochastic, Masks.Stochastic(DecompositionStreams.Masks)), (Masked, Masks.Importance), ("rounded_masked", Masks.RoundedImportance),
    ];

    /// <summary>Measures a decomposition.</summary>
    /// <param name="model">The components of a <see cref="LastLogits"/>.</param>
    /// <param name="sequences">The sequences.</param>
    /// <param name="seed">Seed of random masks.</param>
    /// <param name="backend">What computes.</param>
    public static InductionReport Of(ComponentModel model, InductionSequences sequences, ulong seed, Backend backend)
    {
        var network = (LastLogits)model.Network;
        var graph = new Graph();
        var x = sequences.Build(graph);
        var answers = graph.Add(new Examples(sequences.Labels, Features: 1));
        var target = CausalImportance.Build(graph, model, x);
        var kept = model.Sites.ToDictionary(site => site, site => new Parameter($"{site.Name}.kept", site.C));
        foreach (var parameter in kept.Values) parameter.Values.Fill(1);
        var kinds = MaskKinds.Select(kind => (kind.Name, Pass: PassWith(kind.Masks))).Prepend((Name: Target, Pass: new Observed(network, new ForwardPass(graph), x))).ToList();
        var ablated = PassWith((_, site, _) => graph.Multiply(site.Importance, graph.Broadcast(kept[site.Site])));
        var whole = backend.Compile(
            new Objective(graph), sequences.BatchOf(BatchSize),
            keep: [x, answers, .. kinds.SelectMany(kind => kind.Pass.Values), .. target.Sites.Select(site => site.Importance)]);
        whole.Run(seed, step: 0);
        float[] tokens = whole.Read(x), labels = whole.Read(answers);
        int[] answerAt = [.. tokens.Chunk(sequences.Length).Select(sequence => sequences.SourceOf(sequence))];
        var maps = new List<InductionMap>();
        var behaviours = kinds.ToDictionary(kind => kind.Name, kind => Measure(whole, kind.Pass, Attentive.Contains(kind.Name) ? kind.Name : null));

        // Masks are the importances times what is kept, so that no other program has to know of them.
        var part = backend.Compile(new Objective(graph), sequences.BatchOf(BatchSize), keep: ablated.Values);
        var sites = target.Sites.Select(site =>
        {
            double[] uses = new double[site.Site.C];
            foreach (var (i, importance) in whole.Read(site.Importance).Index()) uses[i % uses.Length] += Math.Max(0, importance) / BatchSize;
            int[] needed = [.. Enumerable.Range(0, uses.Length).Where(c => uses[c] > LeastUses).OrderByDescending(c => uses[c])];
            return new InductionSite(
                site.Site.Name, [.. needed.Select(c => new InductionSubcomponent(c, uses[c], Without(site.Site, [c], map: null)))],
                Without(site.Site, needed, site.Site.Name));
        });
        return new InductionReport(behaviours, [.. sites], maps, [.. tokens[..sequences.Length].Select(token => (int)token)]);

        Observed PassWith(MaskSource masks) => new(network, model.MaskedPass(graph, target.Sites, masks), x);

        InductionBehaviour Without(Site site, IReadOnlyList<int> subcomponents, string? map)
        {
            foreach (int c in subcomponents) kept[site].Values[c] = 0;
            part.Run(seed, step: 0);
            foreach (int c in subcomponents) kept[site].Values[c] = 1;
            return Measure(part, ablated, map);
        }

        InductionBehaviour Measure(Program program, Observed pass, string? map)
        {
            var (first, previous) = pass.Blocks[0].MostAttentive(program, sequences.Length, sequence => (answerAt[sequence], answerAt[sequence] - 1));
            var (last, induction) = pass.Blocks[^1].MostAttentive(program, sequences.Length, sequence => (sequences.Length - 1, answerAt[sequence]));
            if (map is not null) maps.Add(new InductionMap(map, first, last));
            return new InductionBehaviour(previous, induction, Accuracy.Of(program.Read(pass.Logits), [.. labels.Select(label => (int)label)]));
        }
    }

    /// <summary>The share of fresh sequences that a network answers rightly.</summary>
    public static double AccuracyOf(Module network, InductionSequences sequences, Backend backend)
    {
        var graph = new Graph();
        var x = sequences.Build(graph);
        var answers = graph.Add(new Examples(sequences.Labels, Features: 1));
        var logits = network.Forward(new ForwardPass(graph), x);
        var program = backend.Compile(new Objective(graph), sequences.BatchOf(BatchSize), keep: [logits, answers]);
        return Enumerable.Range(0, Batches).Average(batch =>
        {
            program.Run(Seed, batch);
            return Accuracy.Of(program.Read(logits), [.. program.Read(answers).Select(answer => (int)answer)]);
        });
    }

    /// <summary>The evidence by the keys of <see cref="Metric"/>.</summary>
    public IEnumerable<(string Metric, MetricValue Value)> Evidence()
    {
        yield return ("accuracy_rows", new(BatchSize));
        foreach (var (name, behaviour) in Kinds) yield return ($"accuracy_{name}", new(behaviour.Accuracy));
        foreach (string name in Attentive) yield return ($"previous_token_{name}", new(Kinds[name].PreviousToken));
        foreach (string name in Attentive) yield return ($"induction_{name}", new(Kinds[name].Induction));
        yield return ("induction_needed", BySite(site => site.Subcomponents.Count));
        yield return ("previous_token_carriers", new(Carriers(behaviour => behaviour.PreviousToken)));
        yield return ("induction_carriers", new(Carriers(behaviour => behaviour.Induction)));
        yield return ("previous_token_without", BySite(site => site.Without.PreviousToken));
        yield return ("induction_without", BySite(site => site.Without.Induction));
        yield return ("accuracy_without", BySite(site => site.Without.Accuracy));

        MetricValue BySite(Func<InductionSite, double> value) => new(Sites.ToDictionary(site => site.Site, value));
    }

    private int Carriers(Func<InductionBehaviour, double> of) =>
        Sites.SelectMany(site => site.Subcomponents).Count(each => of(each.Without) < CarriedShare * of(Kinds[Masked]));

    /// <summary>A pass of the network, and what is looked at of it.</summary>
    private sealed class Observed
    {
        public Observed(LastLogits network, ForwardPass pass, Value tokens)
        {
            foreach (var block in network.Transformer.Blocks)
            {
                var (query, key) = network.Transformer.QueriesAndKeys(pass, tokens, block);
                Blocks.Add(new Heads(block.Attention, query, key));
            }

            Logits = network.Forward(pass, tokens);
        }

        public List<Heads> Blocks { get; } = [];

        public Value Logits { get; }

        public IReadOnlyList<Value> Values => [Logits, .. new[] { Blocks[0], Blocks[^1] }.SelectMany(heads => new[] { heads.Query, heads.Key })];
    }

    /// <summary>The heads of a block.</summary>
    private sealed record Heads(Attention Attention, Value Query, Value Key)
    {
        /// <summary>What the head whose mean attention between given positions is largest attends to in the first sequence, and that mean.</summary>
        /// <param name="program">What has computed queries and keys.</param>
        /// <param name="length">Positions of a sequence.</param>
        /// <param name="between">Of a sequence the position that attends, and the one that it attends to.</param>
        public (double[,] Map, double Mean) MostAttentive(Program program, int length, Func<int, (int From, int To)> between)
        {
            float[] queries = program.Read(Query), keys = program.Read(Key);
            int sequences = queries.Length / Query.Rows / length;
            double[] row = new double[length];
            return Enumerable.Range(0, Attention.Options.Heads).Select(head =>
            {
                double[,] map = new double[length, length];
                double sum = 0;
                for (int sequence = 0; sequence < sequences; sequence++)
                {
                    var q = queries.AsSpan(sequence * length * Query.Rows, length * Query.Rows);
                    var k = keys.AsSpan(sequence * length * Key.Rows, length * Key.Rows);
                    var (from, to) = between(sequence);
                    Attention.Probabilities(q, k, head, from, row);
                    sum += row[to];
                    for (int position = 0; sequence == 0 && position < length; position++)
                    {
                        Attention.Probabilities(q, k, head, position, row);
                        for (int key = 0; key < length; key++) map[position, key] = row[key];
                    }
                }

                return (Map: map, Mean: sum / sequences);
            }).MaxBy(head => head.Mean);
        }
    }
}
