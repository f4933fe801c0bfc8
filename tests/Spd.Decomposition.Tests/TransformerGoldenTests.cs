using System.Text.Json;
using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Transformers;
using Spd.Tests;

namespace Spd.Decomposition.Tests;

/// <summary>
/// Whole steps on small transformers, every matrix and the embedding decomposed, against float64: intermediates, masks, outputs, losses and gradients, in all
/// and of each loss alone. Cases are told by what is in them; those with a delta component or gates on a site's input are another method's.
/// </summary>
public sealed class TransformerGoldenTests
{
    private static readonly string Folder = Environment.GetEnvironmentVariable(GoldenCase.FolderVariable) is { Length: > 0 } folder
        ? folder
        : Path.Combine(AppContext.BaseDirectory, "golden", "transformer");

    private static readonly string[] StepFiles = [.. FilesThat(root => root.TryGetProperty("config", out var config)
        && config.TryGetProperty("variant", out var variant) && variant.GetString() == "linear" && !config.GetProperty("delta_component").GetBoolean())];

    public static TheoryData<string> Steps => [.. StepFiles];

    public static TheoryData<string> Terms => [.. FilesThat(root => root.TryGetProperty("grads_per_term", out _) && StepFiles.Contains(root.GetProperty("of").GetString()!))];

    public static TheoryData<string> Embeddings => [.. FilesThat(root => root.TryGetProperty("target_embedding", out _))];

    [Theory]
    [MemberData(nameof(Steps))]
    public void AStepMatchesInEveryNumber(string file)
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, file)));
        using var replay = new Replay(golden.RootElement);
        var recorded = golden.RootElement.GetProperty("float64");
        replay.Run();
        replay.Check(replay.Step.Target.TargetOutput, recorded.GetProperty("target_logits"), "target logits");
        foreach (var site in replay.Step.Target.Sites)
        {
            var layer = recorded.GetProperty("layers").GetProperty(site.Site.Name);
            replay.Check(site.Input, layer.GetProperty("pre_weight_acts"), $"{site.Site.Name} a");
            replay.Check(site.Inner, layer.GetProperty("inner_acts"), $"{site.Site.Name} h");
            replay.Check(site.GateOutput, layer.GetProperty("gate_raw"), $"{site.Site.Name} gate");
            replay.Check(site.Importance, layer.GetProperty("ci_lower"), $"{site.Site.Name} lower-leaky");
            replay.Check(site.PenalisedImportance, layer.GetProperty("ci_upper"), $"{site.Site.Name} upper-leaky");
        }

        replay.Check(replay.StochasticLogits, recorded.GetProperty("stochastic_logits"), "stochastic logits");
        var divergences = recorded.GetProperty("layerwise_kl_per_site");
        foreach (var (site, term) in replay.Step.Target.Sites.Zip(replay.Step.Objective.Terms.Where(term => term.Name == LossNames.StochasticReconLayerwise)))
            Close([replay.Number(term.Loss)], [divergences.GetProperty(site.Site.Name).GetDouble()], $"divergence with {site.Site.Name} masked");
        Close([replay.Number(replay.Unmasked)], [recorded.GetProperty("unmasked_kl").GetDouble()], "divergence unmasked");
        Close([replay.Step.Program.Loss(LossNames.StochasticRecon)], [GoldenCase.Doubles(recorded.GetProperty("stochastic_kl_per_position")).Average()], "stochastic divergences");
        foreach (var loss in recorded.GetProperty("losses").EnumerateObject())
            Close([loss.Name == "total" ? replay.Step.Program.TotalLoss : replay.Step.Program.Loss(loss.Name)], [loss.Value.GetDouble()], loss.Name);
        replay.CheckGradients(recorded.GetProperty("grads_total"), "total");
    }

    [Theory]
    [MemberData(nameof(Terms))]
    public void EachLossHasItsOwnGradients(string file)
    {
        using var terms = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, file)));
        using var golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, terms.RootElement.GetProperty("of").GetString()!)));
        foreach (var term in terms.RootElement.GetProperty("grads_per_term").EnumerateObject())
        {
            using var replay = new Replay(golden.RootElement, term.Name);
            replay.Run();
            replay.CheckGradients(term.Value, term.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Embeddings))]
    public void AnEmbeddingIsComparedByItselfAndUnembedded(string file)
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, file)));
        var root = golden.RootElement;
        JsonElement embedding = root.GetProperty("target_embedding"), samples = root.GetProperty("uniform"), tokens = root.GetProperty("tokens");
        var (vocabulary, features) = (embedding.GetArrayLength(), embedding[0].GetArrayLength());
        var network = new Transformer(
            ("wte", new Embedding(vocabulary, features)), null, [], null, ("lm_head", new Linear(features, vocabulary, bias: false)), tokens[0].GetArrayLength());
        GoldenCase.Flatten(embedding).CopyTo(network.Embedding.Weight.Values);
        GoldenCase.Flatten(root.GetProperty("lm_head")).CopyTo(network.Head.Weight.Values);
        foreach (string kind in new[] { "embedding", "unembedded" })
        {
            var recorded = root.GetProperty("float64").GetProperty(kind);
            var options = new DecompositionOptions
            {
                C = root.GetProperty("params").GetProperty("U").GetArrayLength(),
                NMaskSamples = samples.GetArrayLength(),
                BatchSize = tokens.GetArrayLength(),
                TargetModulePatterns = ["wte"],
                FaithfulnessCoeff = null,
                StochasticReconCoeff = null,
                StochasticReconLayerwiseCoeff = null,
                ImportanceMinimalityCoeff = null,
                EmbeddingReconCoeff = 1,
                IsEmbedUnembedRecon = kind == "unembedded",
            };
            var model = ComponentModel.Create(network, options.TargetModulePatterns, options.C, k: 0, seed: 0);
            Set(model.Sites[0], root.GetProperty("params"));
            var data = new GivenTokens(tokens);
            var uniforms = new List<Value>();
            using var backend = TestBackend.Create();
            var step = new DecompositionStep(model, data, options, backend, _ => Masks.From((graph, site, _) =>
            {
                uniforms.Add(graph.Input(site.Site.C));
                return uniforms[^1];
            }));
            step.Program.Set(data.Input, GoldenCase.Flatten(tokens));
            foreach (var (i, uniform) in uniforms.Index()) step.Program.Set(uniform, GoldenCase.Flatten(samples[i]));
            step.Compute(0, 0);
            Close([step.Program.Loss(LossNames.EmbeddingRecon)], [recorded.GetProperty("loss").GetDouble()], kind);
            CheckGradients(step, model.Sites[0], recorded.GetProperty("grads"), kind);
        }
    }

    [Fact]
    public void TheFolderHoldsCases()
    {
        Assert.NotEmpty(Steps);
        Assert.NotEmpty(Terms);
        Assert.NotEmpty(Embeddings);
    }

    private static IEnumerable<string> FilesThat(Func<JsonElement, bool> isKind) => Directory.EnumerateFiles(Folder, "*.json").Order(StringComparer.Ordinal)
        .Where(file =>
        {
            using var document = JsonDocument.Parse(File.ReadAllText(file));
            return isKind(document.RootElement);
        }).Select(file => Path.GetFileName(file));

    // As parts of the largest entry, float32 in another program is off by up to 1.7e-5, and by 9.6e-5 on the Llama.
    private static void Close(IReadOnlyList<double> computed, IReadOnlyList<double> recorded, string what, double tolerance = 1e-4)
    {
        Assert.Equal(recorded.Count, computed.Count);
        double largest = recorded.Max(Math.Abs);
        for (int i = 0; i < recorded.Count; i++)
        {
            if (!(Math.Abs(computed[i] - recorded[i]) <= tolerance * largest + 1e-9))
                Assert.Fail($"{what}, entry {i}: {computed[i]:G9}, recorded {recorded[i]:G9}, the largest is {largest:G4}");
        }
    }

    private static IEnumerable<(Parameter Parameter, double[] Values)> Recorded(Site site, JsonElement block)
    {
        yield return (site.V, GoldenCase.Transposed(block.GetProperty("V")));
        yield return (site.U, [.. GoldenCase.Doubles(block.GetProperty("U"))]);
        foreach (var (name, parameter) in site.Gate.NamedParameters()) yield return (parameter, [.. GoldenCase.Doubles(block.GetProperty("gate").GetProperty(name))]);
    }

    private static void Set(Site site, JsonElement block)
    {
        foreach (var (parameter, values) in Recorded(site, block))
            for (int i = 0; i < values.Length; i++) parameter.Values[i] = (float)values[i];
    }

    private static void CheckGradients(DecompositionStep step, Site site, JsonElement recorded, string what)
    {
        foreach (var (parameter, values) in Recorded(site, recorded))
            Close([.. step.Gradients.Of(parameter).ToArray().Select(value => (double)value)], values, $"gradient of {what} by {parameter.Name}");
    }

    private sealed class GivenTokens(JsonElement tokens) : DataSource
    {
        public override int Features => 1;

        public override int Length => tokens[0].GetArrayLength();

        public Value Input { get; private set; } = null!;

        public override Value Build(Graph graph) => Input = graph.Input(1);
    }

    /// <summary>A recorded step on the recorded network, fed with its tokens and random numbers.</summary>
    private sealed class Replay : IDisposable
    {
        private readonly CpuBackend _backend = TestBackend.Create();
        private readonly ComponentModel _model;
        private readonly GivenTokens _data;
        private readonly JsonElement _golden;
        private readonly Dictionary<(StreamPurpose Purpose, string Site), Value> _uniforms = [];
        private readonly Program _observed;

        /// <param name="golden">The case.</param>
        /// <param name="only">The one loss, with coefficient 1; null for all with theirs.</param>
        public Replay(JsonElement golden, string? only = null)
        {
            _golden = golden;
            var config = golden.GetProperty("config");
            using var folder = new TemporaryFolder();
            File.WriteAllText(folder["config.json"], config.GetProperty("model").GetRawText());
            Safetensors.Write(folder["model.safetensors"], golden.GetProperty("weights").EnumerateObject().Select(weight => new TensorData(
                weight.Name, weight.Value[0].ValueKind == JsonValueKind.Array ? [weight.Value.GetArrayLength(), weight.Value[0].GetArrayLength()] : [weight.Value.GetArrayLength()],
                GoldenCase.Flatten(weight.Value))));
            var network = TransformerFiles.Load(Path.GetDirectoryName(folder["config.json"])!);
            string[] sites = [.. golden.GetProperty("site_order").EnumerateArray().Select(site => site.GetString()!)];
            double? Coefficient(string name) => only is null ? config.GetProperty("coefficients").GetProperty(name).GetDouble() : only == name ? 1 : null;
            var options = new DecompositionOptions
            {
                CBySite = sites.ToDictionary(site => site, site => config.GetProperty("C").GetProperty(site).GetInt32()),
                TargetModulePatterns = sites,
                OutputLossType = OutputLoss.Kl,
                NMaskSamples = config.GetProperty("n_mask_samples").GetInt32(),
                Pnorm = config.GetProperty("importance_minimality").GetProperty("p").GetDouble(),
                FaithfulnessCoeff = Coefficient(LossNames.Faithfulness),
                StochasticReconCoeff = Coefficient(LossNames.StochasticRecon),
                StochasticReconLayerwiseCoeff = Coefficient(LossNames.StochasticReconLayerwise),
                ImportanceMinimalityCoeff = Coefficient(LossNames.ImportanceMinimality),
                BatchSize = golden.GetProperty("tokens").GetArrayLength(),
            };
            _model = ComponentModel.Create(network, sites, options.C, k: 0, seed: 0, options.CBySite);
            foreach (var site in _model.Sites) Set(site, golden.GetProperty("params").GetProperty(site.Name));
            _data = new GivenTokens(golden.GetProperty("tokens"));
            Step = new DecompositionStep(_model, _data, options, _backend, purpose => Masks.From((graph, site, _) =>
                _uniforms[(purpose, site.Site.Name)] = graph.Input(site.Site.C)));
            var unmasked = new Objective(Step.Graph);
            Reconstruction.AddLoss(
                unmasked, _model, Step.Target, "unmasked", 1, Masks.Ones, Reconstruction.AllSites, samples: 1, OutputLoss.Kl);
            Unmasked = unmasked.Terms[0].Loss;
            // The divergence reads what the logits are of, and not the logits.
            StochasticLogits = Step.Objective.Terms.FirstOrDefault(term => term.Name == LossNames.StochasticRecon)?.Loss.Source switch
            {
                UnembeddingDivergence unembedded => Step.Graph.MatMul(unembedded.W, unembedded.X),
                { } divergence => divergence.Inputs[0],
                null => Step.Target.TargetOutput,
            };
            Value[] kept =
            [
                Step.Target.TargetOutput, StochasticLogits, Unmasked, .. Step.Objective.Terms.Select(term => term.Loss),
                .. Step.Target.Sites.SelectMany(site => new[] { site.Input, site.Inner, site.GateOutput, site.Importance, site.PenalisedImportance }),
            ];
            _observed = _backend.Compile(new Objective(Step.Graph), _data.BatchOf(options.BatchSize), keep: kept);
        }

        public DecompositionStep Step { get; }

        public Value StochasticLogits { get; }

        public Value Unmasked { get; }

        public void Run()
        {
            foreach (var program in new[] { _observed, Step.Program })
            {
                Give(program, _data.Input, _golden.GetProperty("tokens"));
                foreach (var ((purpose, site), value) in _uniforms)
                {
                    string loss = purpose == DecompositionStreams.Masks ? LossNames.StochasticRecon : LossNames.StochasticReconLayerwise;
                    Give(program, value, _golden.GetProperty("random").GetProperty(loss).GetProperty(site).GetProperty("mask"));
                }
            }

            _observed.Run(0, 0);
            Step.Compute(0, 0);

            static void Give(Program program, Value input, JsonElement values)
            {
                if (program.Plan.Find(input) is not null) program.Set(input, GoldenCase.Flatten(values));
            }
        }

        public double Number(Value value) => _observed.ReadNumber(value);

        public void Check(Value value, JsonElement recorded, string what) =>
            Close([.. _observed.Read(value).Select(number => (double)number)], [.. GoldenCase.Doubles(recorded)], what);

        public void CheckGradients(JsonElement recorded, string what)
        {
            foreach (var site in _model.Sites) TransformerGoldenTests.CheckGradients(Step, site, recorded.GetProperty(site.Name), what);
        }

        public void Dispose() => _backend.Dispose();
    }
}
