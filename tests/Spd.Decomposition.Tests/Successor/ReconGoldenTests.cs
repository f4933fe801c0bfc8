using System.Text.Json;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Data;
using Spd.Tests;
using static Spd.Decomposition.Tests.Successor.SuccessorGolden;

namespace Spd.Decomposition.Tests.Successor;

/// <summary>Every reconstruction of the successor, stochastic and adversarial, with its gradients, against the numbers of its code on a network of two matrices.</summary>
public sealed class ReconGoldenTests : IDisposable
{
    private readonly CpuBackend _backend = TestBackend.Create();

    public static TheoryData<string> Reconstructions => [.. Load("recon_mlp2").GetProperty("cases").EnumerateObject().Select(entry => entry.Name)];

    public static TheoryData<int> Searches => [.. Enumerable.Range(0, Load("pgd_mlp2").GetProperty("cases").GetArrayLength())];

    [Theory]
    [MemberData(nameof(Reconstructions))]
    public void ReconstructionsAndTheirGradientsAreTheRecordedOnes(string name)
    {
        var golden = Load("recon_mlp2");
        var recorded = golden.GetProperty("cases").GetProperty(name);
        var config = recorded.GetProperty("config");
        bool isSubset = name.Contains("subset", StringComparison.Ordinal), isLayerwise = name.Contains("layerwise", StringComparison.Ordinal);
        LossTerm term = name switch
        {
            "faithfulness" => new FaithfulnessLoss(),
            "hidden_acts_dev" => new HiddenActivationsReconLoss(),
            _ => new ReconLoss
            {
                Masks = name.StartsWith("ci", StringComparison.Ordinal) ? ReconMasks.CiMasked : name == "unmasked" ? ReconMasks.Unmasked : ReconMasks.Stochastic,
                Sites = isSubset ? ReconSites.Subset : isLayerwise ? ReconSites.Layerwise : ReconSites.All,
            },
        };
        var (step, inputs, model) = Step(golden, config, term);
        var samples = recorded.GetProperty("samples");
        foreach (var ((sample, site, kind), input) in inputs)
        {
            var from = kind == "route" && recorded.TryGetProperty("routes", out var routes) ? routes.GetProperty(site)
                : samples.GetArrayLength() > 0 ? samples[sample].GetProperty(site).GetProperty(kind) : default;
            if (from.ValueKind == JsonValueKind.Array) Set(step, input, Numbers(from));
        }

        Set(step, ((GivenData)step.Data).Input, GoldenCase.Flatten(golden.GetProperty("batch")));
        step.Step.Compute(0, 0);
        Close(recorded.GetProperty("loss"), step.Step.Program.TotalLoss, name);
        foreach (var (parameter, expected, isTransposed, what) in Parameters(model, recorded.GetProperty("grads")))
            Close(expected, step.Step.Program.Gradients.Of(parameter), $"{name}, gradient of {what}", 2e-5, isTransposed);
    }

    [Theory]
    [MemberData(nameof(Searches))]
    public void SearchesForMasksAreTheRecordedOnes(int number)
    {
        var golden = Load("pgd_mlp2");
        var recorded = golden.GetProperty("cases")[number];
        var config = recorded.GetProperty("config");
        string Text(string key) => config.TryGetProperty(key, out var value) ? value.ToString() : "";
        bool isLayerwise = Text("variant") == "layerwise";
        bool isRouted = Text("variant") == "subset";
        var term = new PgdReconLoss
        {
            Init = Text("init") switch { "ones" => SourceStart.Ones, "zeroes" => SourceStart.Zeroes, _ => SourceStart.Random },
            StepSize = config.GetProperty("step_size").GetDouble(),
            NSteps = config.GetProperty("n_steps").GetInt32(),
            Scope = Text("mask_scope") == "shared_across_batch" ? SourceScope.Single : SourceScope.Row,
            IsLayerwise = isLayerwise,
            Routing = isRouted ? new UniformSubset() : null,
        };
        var (step, inputs, model) = Step(golden, config, term);
        var forwards = recorded.GetProperty("forwards");
        int perSite = term.NSteps + 1;
        foreach (var (i, adversary) in step.Step.Adversaries.Index())
        {
            int update = 0;
            adversary.Started = searcher => FillSources(searcher, forwards[i * perSite]);
            adversary.Updated = searcher => CheckSources(searcher, forwards[i * perSite + ++update]);
        }

        foreach (var ((_, site, kind), input) in inputs)
            if (kind == "route" && isRouted) Set(step, input, Numbers(forwards[0].GetProperty("routes").GetProperty(site)));
        Set(step, ((GivenData)step.Data).Input, GoldenCase.Flatten(golden.GetProperty("batch")));
        step.Step.Compute(0, 0);
        foreach (var (i, adversary) in step.Step.Adversaries.Index())
            for (int ascent = 0; ascent < term.NSteps; ascent++)
                Close(forwards[i * perSite + ascent].GetProperty("loss"), adversary.AscentLosses[ascent], $"ascent {ascent} of search {i}");
        Close(recorded.GetProperty("loss"), step.Step.Program.TotalLoss, "loss");
        foreach (var (parameter, expected, isTransposed, what) in Parameters(model, recorded.GetProperty("grads")))
            Close(expected, step.Step.Program.Gradients.Of(parameter), $"gradient of {what}", 2e-5, isTransposed);

        // Recorded [rows or 1, C + 1]: ours has a column for each.
        void FillSources(Adversary adversary, JsonElement forward)
        {
            foreach (var (parameter, values) in Sources(adversary, forward)) values.CopyTo(parameter.Values);
        }

        void CheckSources(Adversary adversary, JsonElement forward)
        {
            foreach (var (parameter, values) in Sources(adversary, forward)) Close([.. values.Select(value => (double)value)], parameter.Values, $"sources '{parameter.Name}'");
        }

        IEnumerable<(Engine.Parameter Parameter, float[] Values)> Sources(Adversary adversary, JsonElement forward)
        {
            foreach (var site in model.Sites)
            {
                if (!forward.GetProperty("sources").TryGetProperty(site.Name, out var recordedSources)) continue;
                foreach (var entry in SourcesOf(adversary.Sources, site, recordedSources)) yield return entry;
            }
        }
    }

    public void Dispose() => _backend.Dispose();

    /// <summary>Recorded sources <c>[…, C (+ 1)]</c>, as ours lie: <c>[C, …]</c>, and Δ's in a row of its own.</summary>
    internal static IEnumerable<(Engine.Parameter Parameter, float[] Values)> SourcesOf(AdversarialSources sources, Site site, JsonElement recorded)
    {
        float[] values = GoldenCase.Flatten(recorded);
        var (own, delta) = sources.Of(site);
        int width = site.C + (delta is null ? 0 : 1), columns = values.Length / width;
        Assert.Equal(columns, own.Columns);
        yield return (own, [.. Enumerable.Range(0, site.C * columns).Select(i => values[i % columns * width + i / columns])]);
        if (delta is not null) yield return (delta, [.. Enumerable.Range(0, columns).Select(column => values[column * width + site.C])]);
    }

    internal static float[] Numbers(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => [.. element.EnumerateArray().SelectMany(Numbers)],
        JsonValueKind.True => [1],
        JsonValueKind.False => [0],
        _ => [(float)element.GetDouble()],
    };

    private static void Set(GoldenStep step, Value input, float[] values)
    {
        foreach (var program in step.Step.Programs)
            if (program.Plan.Find(input) is { IsGiven: false }) program.Set(input, values);
    }

    private (GoldenStep Step, Dictionary<(int Sample, string Site, string Kind), Value> Inputs, ComponentModel Model) Step(JsonElement golden, JsonElement config, LossTerm term)
    {
        var network = Toy("mlp2", golden.GetProperty("target"));
        var counts = golden.GetProperty("C").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32());
        var model = ComponentModel.Create(
            network, [.. counts.Keys], 1, 0, 0, counts, new ImportanceOptions { Kind = ImportanceKind.SharedMlp, HiddenDims = [3] });
        foreach (var (parameter, recorded, isTransposed, _) in Parameters(model, golden.GetProperty("params"))) Fill(parameter, recorded, isTransposed);
        bool useDelta = config.TryGetProperty("delta_component", out var delta) && delta.GetBoolean();
        var options = new DecompositionOptions
        {
            LossTerms = [term],
            UseDeltaComponent = useDelta,
            NMaskSamples = config.TryGetProperty("n_mask_samples", out var samples) ? samples.GetInt32() : 1,
            BatchSize = golden.GetProperty("batch").GetArrayLength(),
            OutputLossType = config.GetProperty("output_loss_type").GetString() == "mse" ? OutputLoss.Mse : OutputLoss.Kl,
        };
        var inputs = new Dictionary<(int, string, string), Value>();
        bool isRouted = term is ReconLoss { Sites: ReconSites.Subset } or PgdReconLoss { Routing: not null };
        var data = new GivenData(golden.GetProperty("batch")[0].GetArrayLength());
        var step = new DecompositionStep(model, data, options, _backend, _ => (graph, site, sample) =>
        {
            Value Given(string kind, int rows) => inputs.TryGetValue((sample, site.Site.Name, kind), out var input)
                ? input
                : inputs[(sample, site.Site.Name, kind)] = graph.Input(rows);
            return new SiteMask(
                graph.Add(new Interpolate(site.Importance, Given("source", site.Site.C))), useDelta ? Given("delta_mask", 1) : null, isRouted ? Given("route", 1) : null);
        });
        return (new GoldenStep(step, data), inputs, model);
    }

    private sealed record GoldenStep(DecompositionStep Step, DataSource Data);
}
