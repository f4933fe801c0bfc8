using System.Text.Json;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Tests;
using static Spd.Decomposition.Tests.Successor.SuccessorGolden;

namespace Spd.Decomposition.Tests.Successor;

/// <summary>Whole training steps with adversaries whose sources last, against three steps inside the authors' own loop.</summary>
public sealed class TrainingGoldenTests
{
    // Moments and sources are those of several steps, each rounded.
    private const double StateTolerance = 5e-5;

    public static TheoryData<string> Cases => [.. Load("persistent_pgd").GetProperty("cases").EnumerateObject().Select(entry => entry.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void LastingAdversariesTrainAsRecorded(string name)
    {
        var golden = Load("persistent_pgd").GetProperty("cases").GetProperty(name);
        var config = golden.GetProperty("config");
        var coefficients = config.GetProperty("coeffs");
        var steps = golden.GetProperty("steps");
        string toy = config.GetProperty("toy").GetString()!;
        var terms = new LossTerm[]
        {
            new PersistentPgdReconLoss
            {
                Coeff = coefficients.GetProperty("PersistentPGDReconLoss").GetDouble(),
                Optimizer = RuleOf(config.GetProperty("optimizer")),
                Scope = ScopeOf(config.GetProperty("scope")),
                NWarmupSteps = config.GetProperty("n_warmup_steps").GetInt32(),
                UseSigmoidParameterization = config.TryGetProperty("use_sigmoid_parameterization", out var isSigmoid) && isSigmoid.GetBoolean(),
            },
            new FaithfulnessLoss { Coeff = coefficients.GetProperty("FaithfulnessLoss").GetDouble() },
        };
        var batch = steps[0].GetProperty("batch");
        var data = new GivenBatches(toy == "mlp2" ? LastLength(batch) : 1, toy == "mlp2" ? 1 : LastLength(batch));
        var network = Toy(toy, golden.GetProperty("target"));
        var model = ComponentModel.Create(network, ["linear1", "linear2"], 1, 0, 0, CountsOf(golden.GetProperty("params_init")), ImportancesOf(golden.GetProperty("params_init")));
        foreach (var (parameter, recorded, isTransposed, _) in Parameters(model, golden.GetProperty("params_init"))) Fill(parameter, recorded, isTransposed);
        using var backend = TestBackend.Create();
        var options = new DecompositionOptions
        {
            LossTerms = terms,
            UseDeltaComponent = config.GetProperty("delta_component").GetBoolean(),
            Lr = 0.01,
            Steps = steps.GetArrayLength(),
            BatchSize = batch.GetArrayLength(),
            OutputLossType = toy == "mlp2" ? OutputLoss.Mse : OutputLoss.Kl,
        };
        var step = new DecompositionStep(model, data, options, backend);
        var adversary = step.Adversaries.Single();
        FillSources(adversary, golden.GetProperty("ppgd_initial_sources")[0]);
        foreach (var (number, recorded) in steps.EnumerateArray().Index())
        {
            var updates = recorded.GetProperty("ppgd_updates");
            int update = 0;
            adversary.Updated = searcher => CheckUpdate(searcher, updates[update++], $"step {number}, update {update}");
            foreach (var program in step.Programs)
                if (program.Plan.Find(data.Input) is { IsGiven: false }) program.Set(data.Input, GoldenCase.Flatten(recorded.GetProperty("batch")));
            var result = step.Run(number);
            Assert.Equal(updates.GetArrayLength(), update);
            var forwards = recorded.GetProperty("ppgd_forwards");
            for (int ascent = 0; ascent < adversary.Ascents; ascent++) Close(forwards[ascent].GetProperty("loss"), adversary.AscentLosses[ascent], $"step {number}, ascent {ascent}", StateTolerance);
            var losses = recorded.GetProperty("losses");
            Close(losses.GetProperty("PersistentPGDReconLoss"), result.Loss("persistent_pgd_recon"), $"step {number}", StateTolerance);
            Close(losses.GetProperty("FaithfulnessLoss"), result.Loss("faithfulness"), $"step {number}", StateTolerance);
            Close(losses.GetProperty("total"), result.TotalLoss, $"step {number}", StateTolerance);
            foreach (var (parameter, expected, isTransposed, what) in Parameters(model, recorded.GetProperty("grads")))
                Close(expected, step.Program.Gradients.Of(parameter), $"step {number}, gradient of {what}", StateTolerance, isTransposed);
            foreach (var (parameter, expected, isTransposed, what) in Parameters(model, recorded.GetProperty("params_after")))
                Close(expected, parameter.Values, $"step {number}, {what}", StateTolerance, isTransposed);
        }

        void CheckUpdate(Adversary searcher, JsonElement recorded, string what)
        {
            var state = searcher.State.ToDictionary(entry => entry.Name, entry => entry.Values);
            foreach (var site in model.Sites)
            {
                Check("sources_after", parameter => parameter.Values.ToArray());
                Check("grads", parameter => searcher.Gradients!.Of(parameter).ToArray());
                if (recorded.TryGetProperty("m", out _)) Check("m", parameter => Moment(parameter, "first_moment"));
                if (recorded.TryGetProperty("v", out _)) Check("v", parameter => Moment(parameter, "second_moment"));

                void Check(string key, Func<Engine.Parameter, float[]> actual)
                {
                    foreach (var (parameter, values) in ReconGoldenTests.SourcesOf(searcher.Sources, site, recorded.GetProperty(key).GetProperty(site.Name)))
                        Close([.. values.Select(value => (double)value)], actual(parameter), $"{what}, {key} of {parameter.Name}", StateTolerance);
                }
            }

            float[] Moment(Engine.Parameter parameter, string moment) => state.Single(entry => entry.Key.EndsWith($"{parameter.Name}.{moment}", StringComparison.Ordinal)).Value.ToArray();
        }

        void FillSources(Adversary searcher, JsonElement recorded)
        {
            foreach (var site in model.Sites)
                foreach (var (parameter, values) in ReconGoldenTests.SourcesOf(searcher.Sources, site, recorded.GetProperty(site.Name))) values.CopyTo(parameter.Values);
        }
    }

    [Fact]
    public void AStepWithEveryLossTrainsAsRecorded()
    {
        var golden = Load("training_step_everything");
        var steps = golden.GetProperty("steps");
        var parameters = golden.GetProperty("params_init");
        var model = ComponentModel.Create(Toy("mlp2", golden.GetProperty("target")), ["linear1", "linear2"], 1, 0, 0, CountsOf(parameters), ImportancesOf(parameters));
        foreach (var (parameter, recorded, isTransposed, _) in Parameters(model, parameters)) Fill(parameter, recorded, isTransposed);
        var options = new DecompositionOptions
        {
            LossTerms =
            [
                new FaithfulnessLoss(),
                new ImportanceMinimalityLoss { Coeff = 0.02, Beta = 0.5, PAnnealStartFrac = 0, PAnnealFinalP = 0.4 },
                new ReconLoss(),
                new ReconLoss { Sites = ReconSites.Layerwise },
                new ReconLoss { Sites = ReconSites.Subset, Coeff = 0.5 },
                new ReconLoss { Masks = ReconMasks.CiMasked, Coeff = 0.25 },
                new PgdReconLoss { Coeff = 0.5, StepSize = 1, Routing = new UniformSubset() },
                new PersistentPgdReconLoss { Coeff = 0.5, Scope = SourceScope.Single, Optimizer = new AdamSources { Beta1 = 0.5, Beta2 = 0.99, StartVal = 0.05 } },
                new HiddenActivationsReconLoss { Coeff = 0.25 },
            ],
            UseDeltaComponent = true,
            Lr = 0.01,
            LrSchedule = ScheduleShape.HalfCosine,
            LrFinalValFrac = 0.1,
            Steps = steps.GetArrayLength(),
            BatchSize = 4,
            GradClipNormComponents = 0.5,
            GradClipNormCiFns = 0.1,
            FaithfulnessWarmupSteps = 2,
            FaithfulnessWarmupLr = 0.01,
        };
        var draws = new Dictionary<(StreamPurpose Purpose, string Site, string Kind), Value>();
        using var backend = TestBackend.Create();
        var data = new GivenBatches(5, 1);
        var step = new DecompositionStep(model, data, options, backend, purpose => (graph, site, _) =>
        {
            Value Given(string kind, int rows) => draws.TryGetValue((purpose, site.Site.Name, kind), out var input)
                ? input
                : draws[(purpose, site.Site.Name, kind)] = graph.Input(rows);
            return new SiteMask(
                graph.Add(new Interpolate(site.Importance, Given("source", site.Site.C))), Given("delta_mask", 1),
                purpose == DecompositionStreams.SubsetMasks || purpose == DecompositionStreams.PgdRoutes ? Given("route", 1) : null);
        });
        var lasting = step.Adversaries.Single(adversary => adversary.StartsAnew is null);
        var fresh = step.Adversaries.Single(adversary => adversary.StartsAnew is not null);
        foreach (var site in model.Sites)
            foreach (var (parameter, values) in ReconGoldenTests.SourcesOf(lasting.Sources, site, golden.GetProperty("ppgd_initial_sources")[0].GetProperty(site.Name))) values.CopyTo(parameter.Values);
        foreach (var (number, recorded) in steps.EnumerateArray().Index())
        {
            var given = recorded.GetProperty("draws").EnumerateArray().ToDictionary(draw => draw.GetProperty("loss_fn").GetString()!);
            var search = given["pgd_recon_subset_loss"].GetProperty("pgd_forwards")[0];
            fresh.Started = adversary =>
            {
                foreach (var site in model.Sites)
                    foreach (var (parameter, values) in ReconGoldenTests.SourcesOf(adversary.Sources, site, search.GetProperty("sources").GetProperty(site.Name))) values.CopyTo(parameter.Values);
            };
            foreach (var ((purpose, site, kind), input) in draws)
            {
                string loss = purpose == DecompositionStreams.Masks ? "stochastic_recon_loss" : purpose == DecompositionStreams.LayerwiseMasks ? "stochastic_recon_layerwise_loss"
                    : purpose == DecompositionStreams.SubsetMasks ? "stochastic_recon_subset_loss" : "stochastic_hidden_acts_recon_loss";
                var from = purpose == DecompositionStreams.PgdRoutes ? search.GetProperty("routes").GetProperty(site) : given[loss].GetProperty("samples")[0].GetProperty(site).GetProperty(kind);
                if (purpose != DecompositionStreams.PgdRoutes || kind == "route") Set(input, ReconGoldenTests.Numbers(from));
            }

            Set(data.Input, GoldenCase.Flatten(recorded.GetProperty("batch")));
            var result = step.Run(number);
            var losses = recorded.GetProperty("losses");
            foreach (var (key, name) in new[]
            {
                ("FaithfulnessLoss", "faithfulness"), ("ImportanceMinimalityLoss", "importance_minimality"), ("StochasticReconLoss", "stochastic_recon"),
                ("StochasticReconLayerwiseLoss", "stochastic_recon_layerwise"), ("StochasticReconSubsetLoss", "stochastic_recon_subset"), ("CIMaskedReconLoss", "ci_masked_recon"),
                ("PGDReconSubsetLoss", "pgd_recon_subset"), ("PersistentPGDReconLoss", "persistent_pgd_recon"), ("StochasticHiddenActsReconLoss", "stochastic_hidden_acts_recon"),
            })
                Close(losses.GetProperty(key), result.Loss(name), $"step {number}, {name}", StateTolerance);
            Close(losses.GetProperty("total"), result.TotalLoss, $"step {number}, total", StateTolerance);
            Close(recorded.GetProperty("lr"), result.LearningRate, $"step {number}, learning rate");
            // Gradients are clipped in place.
            foreach (var (parameter, expected, isTransposed, what) in Parameters(model, recorded.GetProperty("grads_clipped")))
                Close(expected, step.Program.Gradients.Of(parameter), $"step {number}, gradient of {what}", StateTolerance, isTransposed);
            foreach (var (parameter, expected, isTransposed, what) in Parameters(model, recorded.GetProperty("params_after")))
                Close(expected, parameter.Values, $"step {number}, {what}", StateTolerance, isTransposed);
        }

        void Set(Value input, float[] values)
        {
            foreach (var program in step.Programs)
                if (program.Plan.Find(input) is { IsGiven: false }) program.Set(input, values);
        }
    }

    internal static Dictionary<string, int> CountsOf(JsonElement parameters) =>
        parameters.GetProperty("components").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetProperty("U").GetArrayLength());

    /// <summary>The recorded kind: weights of three dimensions belong to single subcomponents.</summary>
    internal static ImportanceOptions ImportancesOf(JsonElement parameters)
    {
        var first = parameters.GetProperty("ci_fn").GetProperty("linear1").GetProperty("layers")[0];
        bool isOfSubcomponents = first.GetProperty("W")[0][0].ValueKind == JsonValueKind.Array;
        return new ImportanceOptions { Kind = isOfSubcomponents ? ImportanceKind.Mlp : ImportanceKind.SharedMlp, HiddenDims = [LastLength(first.GetProperty("b"))] };
    }

    internal static SourceRule RuleOf(JsonElement optimizer)
    {
        double Number(JsonElement from, string key) => from.GetProperty(key).GetDouble();
        var schedule = optimizer.GetProperty("lr_schedule");
        SourceRule rule = optimizer.GetProperty("type").GetString() == "sign"
            ? new SignSources()
            : new AdamSources { Beta1 = Number(optimizer, "beta1"), Beta2 = Number(optimizer, "beta2"), Eps = Number(optimizer, "eps") };
        return rule with
        {
            StartVal = Number(schedule, "start_val"),
            WarmupPct = Number(schedule, "warmup_pct"),
            FinalValFrac = Number(schedule, "final_val_frac"),
            FnType = schedule.GetProperty("fn_type").GetString() == "cosine" ? ScheduleShape.HalfCosine : ScheduleShape.Constant,
        };
    }

    internal static SourceScope ScopeOf(JsonElement scope) => scope.GetProperty("type").GetString() switch
    {
        "single_source" => SourceScope.Single,
        "broadcast_across_batch" => SourceScope.Position,
        "repeat_across_batch" => new SourceScope(scope.GetProperty("n_sources").GetInt32(), true),
        _ => SourceScope.RowAndPosition,
    };

    /// <summary>Batches of rows, or of sequences, that the test gives to the programs.</summary>
    internal sealed class GivenBatches(int features, int length) : DataSource
    {
        public override int Features => features;

        public override int Length => length;

        public Value Input { get; private set; } = null!;

        public override Value Build(Graph graph) => Input = graph.Input(features);
    }
}
