using System.Text.Json;
using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks;
using Spd.Tests;
using static Spd.Decomposition.Tests.Successor.SuccessorGolden;

namespace Spd.Decomposition.Tests.Successor;

/// <summary>The successor's functions and losses, each alone, against the numbers of its code.</summary>
public sealed class FunctionGoldenTests : IDisposable
{
    private readonly CpuBackend _backend = TestBackend.Create();

    public static TheoryData<string> Squashings => ["normal", "hard", "leaky_hard", "upper_leaky_hard", "lower_leaky_hard", "swish_hard"];

    [Theory]
    [MemberData(nameof(Squashings))]
    public void SquashingsAndTheirGradientsAreTheRecordedOnes(string name)
    {
        var golden = Load("sigmoids");
        var recorded = golden.GetProperty(name);
        foreach (var (i, upstream) in golden.GetProperty("upstream").EnumerateArray().Index())
        {
            var graph = new Graph();
            var x = Parameter("x", golden.GetProperty("x"));
            var weights = new Parameter("upstream", x.Rows);
            weights.Values.Fill((float)upstream.GetDouble());
            var y = graph.Add(Function(name, graph.Weight(x)));
            var objective = new Objective(graph);
            objective.Add("y", graph.Add(new InnerProduct(y, graph.Weight(weights))));
            var program = _backend.Compile(objective, 1, new ParameterSet([x]), keep: [y]);
            program.Run(0, 0);
            Close(recorded.GetProperty("value"), program.Read(y), name);
            Close(recorded.GetProperty("grads")[i], program.Gradients.Of(x), $"{name}, gradient at {upstream}", 1e-5);
        }

        static Operation Function(string name, Value x) => name switch
        {
            "normal" => new Sigmoid(x),
            "hard" => new HardSigmoid(x),
            "leaky_hard" => new LowerLeakyHardSigmoid(x),
            "upper_leaky_hard" => new HardSigmoid(x, 0.01f),
            "lower_leaky_hard" => new LeakyHardSigmoid(x),
            _ => new SwishHardSigmoid(x),
        };
    }

    [Fact]
    public void PowersOfImportancesAreTheRecordedOnes()
    {
        var golden = Load("importance_minimality");
        foreach (var recorded in golden.GetProperty("cases").EnumerateArray())
        {
            double Number(string key) => recorded.GetProperty(key).GetDouble();
            // A thousand steps, so that the recorded fraction is a step.
            const int Steps = 1000;
            long step = (long)Math.Round(Number("current_frac_of_training") * Steps);
            var term = new ImportanceMinimalityLoss
            {
                Pnorm = Number("pnorm"),
                Beta = Number("beta"),
                Eps = Number("eps"),
                PAnnealStartFrac = Number("p_anneal_start_frac"),
                PAnnealEndFrac = Number("p_anneal_end_frac"),
                PAnnealFinalP = recorded.GetProperty("p_anneal_final_p") is { ValueKind: JsonValueKind.Number } final ? final.GetDouble() : null,
            };
            Assert.Equal(Number("effective_p"), term.PowerOver(Steps).At(step), 1e-12);
            var (program, shifts) = Minimised(golden.GetProperty("ci_upper"), term, Steps, step);
            Close(recorded.GetProperty("loss"), program.Loss("importance_minimality"), $"{recorded.GetProperty("pnorm")}");
            // Where p is below 1, the gradient of a zero is that of ε alone.
            foreach (var (name, shift) in shifts) Close(recorded.GetProperty("grads").GetProperty(name), GradientOf(program, shift), $"gradient of {name}", 2e-5);
        }

        foreach (var recorded in golden.GetProperty("anneal").EnumerateArray())
        {
            double Number(string key) => recorded.GetProperty(key).GetDouble();
            if (recorded.GetProperty("final").ValueKind != JsonValueKind.Number) continue;
            var schedule = new FractionSchedule(1000, Number("start"), Number("end"), Number("initial"), Number("final"));
            Assert.Equal(Number("p"), schedule.At((long)Math.Round(Number("frac") * 1000)), 1e-9);
        }
    }

    [Fact]
    public void SmoothCountsOfImportancesAreTheRecordedOnes()
    {
        var golden = Load("smooth_l0");
        foreach (var recorded in golden.GetProperty("cases").EnumerateArray())
        {
            double gamma = recorded.GetProperty("gamma").GetDouble();
            bool hasFrequency = recorded.GetProperty("reference_datapoint_count").ValueKind == JsonValueKind.Number;
            var term = new SmoothImportanceLoss
            {
                GammaStart = gamma,
                GammaEnd = gamma,
                NormalizeAtOne = recorded.GetProperty("normalize_at_one").GetBoolean(),
                Coeff = 1,
                FrequencyCoeff = hasFrequency ? 0.5 : 0,
                ReferenceDatapointCount = hasFrequency ? recorded.GetProperty("reference_datapoint_count").GetDouble() : 1,
            };
            var (program, shifts) = Minimised(golden.GetProperty("ci_upper"), term, 10, 3);
            Close(recorded.GetProperty("activity"), program.Loss("importance_minimality"), "activity");
            if (hasFrequency) Close(recorded.GetProperty("frequency"), program.Loss("importance_frequency"), "frequency");
            foreach (var (name, shift) in shifts)
            {
                double[] expected = [.. GoldenCase.Doubles(recorded.GetProperty("grad_activity").GetProperty(name))];
                if (hasFrequency) expected = [.. expected.Zip(GoldenCase.Doubles(recorded.GetProperty("grad_frequency").GetProperty(name)), (activity, frequency) => activity + 0.5 * frequency)];
                Close(expected, GradientOf(program, shift), $"γ {gamma}, gradient of {name}");
            }
        }

        foreach (var recorded in golden.GetProperty("gamma_linear_anneal").EnumerateArray())
        {
            var term = new SmoothImportanceLoss();
            Assert.Equal(recorded.GetProperty("gamma").GetDouble(), term.GammaOver(recorded.GetProperty("total_steps").GetInt32()).At(recorded.GetProperty("step").GetInt64()), 1e-9);
        }
    }

    [Fact]
    public void MovingFrequenciesAreTheRecordedOnes()
    {
        var golden = Load("smooth_l0").GetProperty("ema");
        double halflife = golden.GetProperty("halflife_steps").GetDouble(), gamma = golden.GetProperty("gamma").GetDouble();
        var term = new SmoothImportanceLoss
        {
            GammaStart = gamma,
            GammaEnd = gamma,
            Coeff = 0,
            FrequencyCoeff = 1,
            FrequencyHalflife = halflife,
            ReferenceDatapointCount = golden.GetProperty("reference_datapoint_count").GetDouble(),
        };
        List<MovingFrequencies>? averages = null;
        foreach (var (step, recorded) in golden.GetProperty("steps").EnumerateArray().Index())
        {
            var (program, shifts) = Minimised(recorded.GetProperty("ci_upper"), term, 10, step, ref averages);
            Close(recorded.GetProperty("frequency_ema"), program.Loss("importance_frequency"), $"step {step}");
            foreach (var (name, shift) in shifts) Close(recorded.GetProperty("grad_frequency_ema").GetProperty(name), GradientOf(program, shift), $"step {step}, gradient of {name}");
            foreach (var (average, name) in averages!.Zip(shifts.Keys))
            {
                Close(recorded.GetProperty("f_batch").GetProperty(name), program.Read(average.Batch), $"step {step}, frequencies of {name}");
                average.Add(program.Read(average.Batch));
                Close(recorded.GetProperty("ema_after").GetProperty(name), average.Average.Values, $"step {step}, average of {name}");
            }
        }
    }

    [Fact]
    public void FaithfulnessIsTheRecordedOne()
    {
        var golden = Load("faithfulness");
        var modules = golden.GetProperty("W").EnumerateObject().Select(entry => (entry.Name, (Module)new Linear(entry.Value[0].GetArrayLength(), entry.Value.GetArrayLength(), bias: false))).ToArray();
        foreach (var (name, module) in modules) Fill(((Linear)module).Weight, golden.GetProperty("W").GetProperty(name));
        var counts = golden.GetProperty("params").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetProperty("U").GetArrayLength());
        var model = ComponentModel.Create(new Sequential(modules), ["*"], 1, 0, 0, counts);
        foreach (var site in model.Sites)
        {
            Fill(site.V, golden.GetProperty("params").GetProperty(site.Name).GetProperty("V"), isTransposed: true);
            Fill(site.U, golden.GetProperty("params").GetProperty(site.Name).GetProperty("U"));
        }

        foreach (string kind in new[] { "absolute", "relative" })
        {
            var objective = new Objective(new Graph());
            FaithfulnessLoss.AddTo(objective, "faithfulness", model.Sites, 1, isRelative: kind == "relative");
            var program = _backend.Compile(objective, 1, model.Factors);
            program.Run(0, 0);
            Close(golden.GetProperty(kind), program.TotalLoss, kind);
            foreach (var site in model.Sites)
            {
                var gradients = golden.GetProperty($"grad_{kind}").GetProperty(site.Name);
                Close(gradients.GetProperty("V"), program.Gradients.Of(site.V), $"{kind}, V of {site.Name}", isTransposed: true);
                Close(gradients.GetProperty("U"), program.Gradients.Of(site.U), $"{kind}, U of {site.Name}");
            }
        }
    }

    [Fact]
    public void AMatrixOfZerosHasNoRelativeFaithfulnessAndSaysSo()
    {
        var model = ComponentModel.Create(new Sequential(("linear", new Linear(2, 2))), ["*"], 2, 0, 0);
        var refusal = Assert.Throws<SiteSelectionException>(() => FaithfulnessLoss.AddTo(new Objective(new Graph()), "faithfulness", model.Sites, 1, isRelative: true));
        Assert.Contains("'linear' is zero", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("linear_mask_delta_bias")]
    [InlineData("linear_no_mask_delta")]
    [InlineData("linear_mask_only")]
    [InlineData("linear_all_ones_is_target")]
    [InlineData("embedding_mask_delta")]
    public void SitesWithTheirDeltaAreTheRecordedOnes(string name)
    {
        var recorded = Load("delta_component").GetProperty(name);
        bool isEmbedding = name.StartsWith("embedding", StringComparison.Ordinal), hasDelta = recorded.GetProperty("delta_mask").ValueKind == JsonValueKind.Array;
        var w = recorded.GetProperty("target_weight");
        bool hasBias = recorded.GetProperty("bias").ValueKind == JsonValueKind.Array, hasMask = recorded.GetProperty("mask").ValueKind == JsonValueKind.Array;
        var linear = isEmbedding ? new Embedding(w.GetArrayLength(), w[0].GetArrayLength()) : new Linear(w[0].GetArrayLength(), w.GetArrayLength(), hasBias);
        Fill(linear.Weight, w);
        if (hasBias) Fill(linear.Bias!, recorded.GetProperty("bias"));
        var model = ComponentModel.Create(new Sequential(("site", linear)), ["site"], recorded.GetProperty("U").GetArrayLength(), 0, 0);
        var site = model.Sites[0];
        Fill(site.V, recorded.GetProperty("V"), isTransposed: true);
        Fill(site.U, recorded.GetProperty("U"));

        var graph = new Graph();
        var x = graph.Input(isEmbedding ? 1 : site.Inputs);
        Value? mask = hasMask ? graph.Input(site.C) : null, delta = hasDelta ? graph.Input(1) : null;
        var y = model.Network.Forward(model.MaskedPass(graph, model.Sites, _ => new SiteMask(mask, delta)), x);
        var dy = graph.Input(site.Outputs);
        Value[] by = [graph.Weight(site.V), graph.Weight(site.U), .. new[] { isEmbedding ? null : x, mask, delta }.OfType<Value>()];
        var gradients = Derivative.Of(graph, [(y, dy)], by);
        // Sums over the batch are kept as sums.
        Value[] keep = [y, .. by.Select(value => gradients[value]!)];
        var program = _backend.Compile(new Objective(graph), new Batch(2, 3), keep: keep);
        program.Set(x, GoldenCase.Flatten(recorded.GetProperty("x")));
        if (mask is not null) program.Set(mask, GoldenCase.Flatten(recorded.GetProperty("mask")));
        if (delta is not null) program.Set(delta, GoldenCase.Flatten(recorded.GetProperty("delta_mask")));
        program.Set(dy, GoldenCase.Flatten(recorded.GetProperty("dout")));
        program.Run(0, 0);
        Close(recorded.GetProperty("out"), program.Read(y), "out");
        var grads = recorded.GetProperty("grads");
        // Where all masks are one, the gradients of the factors cancel.
        Close(grads.GetProperty("V"), program.Read(gradients[by[0]]!), "gradient of V", isTransposed: true, tolerance: 1e-5);
        Close(grads.GetProperty("U"), program.Read(gradients[by[1]]!), "gradient of U", 1e-5);
        if (!isEmbedding) Close(grads.GetProperty("x"), program.Read(gradients[x]!), "gradient of x");
        if (mask is not null) Close(grads.GetProperty("mask"), program.Read(gradients[mask]!), "gradient of the mask");
        if (delta is not null) Close(grads.GetProperty("delta_mask"), program.Read(gradients[delta]!), "gradient of the mask of Δ");
    }

    [Fact]
    public void SubsetsOfSitesAreTheRecordedOnes()
    {
        foreach (var entry in Load("routing").EnumerateObject().Where(entry => entry.Name.StartsWith("uniform_k_subset", StringComparison.Ordinal)))
        {
            double[] k = [.. GoldenCase.Doubles(entry.Value.GetProperty("k"))], noise = [.. GoldenCase.Doubles(entry.Value.GetProperty("noise"))];
            int modules = entry.Value.GetProperty("modules").GetArrayLength(), positions = k.Length;
            var graph = new Graph();
            Value noiseInput = graph.Input(modules), choice = graph.Input(1);
            var routes = graph.Add(new RandomSubset(noiseInput, choice));
            var program = _backend.Compile(new Objective(graph), positions, keep: [routes]);
            program.Set(noiseInput, [.. Enumerable.Range(0, positions * modules).Select(i => (float)noise[i % modules * positions + i / modules])]);
            program.Set(choice, [.. k.Select(number => (float)((number - 0.5) / modules))]);
            program.Run(0, 0);
            float[] expected = [.. Enumerable.Range(0, positions * modules).Select(i =>
                GoldenBooleans(entry.Value.GetProperty("routes").EnumerateObject().ElementAt(i % modules).Value)[i / modules] ? 1f : 0)];
            Assert.Equal(expected, program.Read(routes));
        }

        static bool[] GoldenBooleans(JsonElement element) => element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray().SelectMany(GoldenBooleans)] : [element.GetBoolean()];
    }

    [Fact]
    public void SubsetsOfEverySizeAreEquallyLikely()
    {
        const int Sites = 4, Rows = 20_000;
        var graph = new Graph();
        var routes = graph.Add(new RandomSubset(graph.Uniform(Sites, 1), graph.Uniform(1, 2)));
        var program = _backend.Compile(new Objective(graph), Rows, keep: [routes]);
        program.Run(3, 0);
        float[] read = program.Read(routes);
        for (int size = 1; size <= Sites; size++)
            Assert.Equal(1.0 / Sites, read.Chunk(Sites).Count(row => row.Sum() == size) / (double)Rows, 0.02);
        for (int site = 0; site < Sites; site++) Assert.Equal((Sites + 1.0) / (2 * Sites), read.Where((_, i) => i % Sites == site).Average(route => (double)route), 0.02);
    }

    public void Dispose() => _backend.Dispose();

    private (Engine.Execution.Program Program, Dictionary<string, Value> Shifts) Minimised(JsonElement importances, LossTerm term, int steps, long step)
    {
        List<MovingFrequencies>? averages = null;
        return Minimised(importances, term, steps, step, ref averages);
    }

    /// <summary>A term over given importances, run once; the gradients by the importances are kept.</summary>
    private (Engine.Execution.Program Program, Dictionary<string, Value> Gradients) Minimised(
        JsonElement importances, LossTerm term, int steps, long step, ref List<MovingFrequencies>? averages)
    {
        var graph = new Graph();
        var sites = new List<SiteActivations>();
        var counts = importances.EnumerateObject().ToDictionary(entry => entry.Name, entry => LastLength(entry.Value));
        var model = ComponentModel.Create(new Sequential([.. counts.Keys.Select(name => (name, (Module)new Linear(2, 2)))]), ["*"], 1, 0, 0, counts);
        foreach (var site in model.Sites) sites.Add(new SiteActivations(site, null!, null!, null!, null!, graph.Input(site.C)));
        var objective = new Objective(graph);
        var batch = new Batch(importances.EnumerateObject().First().Value.GetArrayLength(), importances.EnumerateObject().First().Value[0].GetArrayLength());
        var context = new LossContext(objective, model, new CausalImportance(null!, null!, sites), new DecompositionOptions { Steps = steps }.LossSettings, batch, null);
        term.AddTo(context);
        // Averages go on from those of the step before.
        if (averages is not null)
            foreach (var (before, now) in averages.Zip(context.Averages)) before.Average.Values.CopyTo(now.Average.Values);
        averages = context.Averages;
        var seeds = objective.Terms.Select(part => (part.Loss, graph.Scale(graph.Number(part.Coefficient), part.Weight))).ToList();
        var gradients = Derivative.Of(graph, seeds, [.. sites.Select(site => site.PenalisedImportance)]);
        var program = _backend.Compile(objective, batch, keep: [.. gradients.Values.OfType<Value>(), .. context.Averages.Select(average => average.Batch)]);
        foreach (var site in sites) program.Set(site.PenalisedImportance, GoldenCase.Flatten(importances.GetProperty(site.Site.Name)));
        program.Run(0, step);
        return (program, sites.ToDictionary(site => site.Site.Name, site => gradients[site.PenalisedImportance]!));
    }

    private static float[] GradientOf(Engine.Execution.Program program, Value gradient) => program.Read(gradient);
}
