using System.Text.Json;
using Spd.Engine.Cpu;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Tests;

namespace Spd.Decomposition.Tests;

/// <summary>
/// Every number of the authors' recorded runs: intermediates, losses, gradients of each loss and of the total,
/// parameters after each of three steps.
/// </summary>
public sealed class GoldenTests
{
    private const double Relative = 1e-4, Floor = 1e-3;

    public static TheoryData<string> Cases => [.. GoldenCase.Files()];

    [Fact]
    public void TheFolderHoldsCases() => Assert.NotEmpty(GoldenCase.Files());

    [Theory]
    [MemberData(nameof(Cases))]
    public void ThreeStepsMatchInEveryNumber(string file) => ThreeStepsMatch(file, isReassociated: true);

    [Theory]
    [MemberData(nameof(Cases))]
    public void ThreeStepsMatchWithTheResidualStreamComputedToo(string file) => ThreeStepsMatch(file, isReassociated: false);

    private static void ThreeStepsMatch(string file, bool isReassociated)
    {
        using var golden = GoldenCase.Load(file);
        using var replay = new Replay(golden, golden.Options, isReassociated);
        for (int step = 0; step < golden.Steps.Count; step++)
        {
            var recorded = golden.Steps[step];
            var result = replay.Run(step);
            AssertClose([result.LearningRate], [recorded.GetProperty("lr").GetDouble()], $"step {step}, learning rate");
            // Adam steps an entry whose gradient is rounding alone as far as any other: reassociated, which rounds otherwise, only losses are compared
            // after its first step.
            bool isExact = !replay.IsReassociated || step == 0;
            if (isExact) replay.CheckIntermediates(recorded);
            if (isExact) replay.CheckMasksAndOutputs(recorded);
            foreach (var loss in recorded.GetProperty("losses").EnumerateObject())
            {
                double computed = loss.Name == "total" ? result.TotalLoss : result.Loss(OurName(loss.Name));
                AssertClose([computed], [loss.Value.GetDouble()], $"step {step}, loss {loss.Name}");
            }

            if (isExact) replay.CheckGradients(recorded.GetProperty("grads"), $"step {step}, total gradient");
            if (!replay.IsReassociated) replay.CheckParameters(recorded.GetProperty("params_after"), $"after step {step}");
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void EachLossHasItsOwnGradients(string file)
    {
        using var golden = GoldenCase.Load(file);
        foreach (var term in golden.Block.GetProperty("step0_per_term").EnumerateObject())
        {
            string name = OurName(term.Name);
            using var replay = new Replay(golden, OnlyTerm(golden.Options, name));
            AssertClose([replay.Run(0).Loss(name)], [term.Value.GetProperty("loss").GetDouble()], $"loss {name}");
            replay.CheckGradients(term.Value.GetProperty("grads"), $"gradient of {name}");
        }
    }

    private static string OurName(string recorded) => recorded == "output_recon" ? LossNames.OutRecon : recorded;

    private static DecompositionOptions OnlyTerm(DecompositionOptions options, string name)
    {
        double? If(string term) => term == name ? 1 : null;
        return options with
        {
            FaithfulnessCoeff = If(LossNames.Faithfulness),
            ReconCoeff = If(LossNames.Recon),
            StochasticReconCoeff = If(LossNames.StochasticRecon),
            ReconLayerwiseCoeff = If(LossNames.ReconLayerwise),
            StochasticReconLayerwiseCoeff = If(LossNames.StochasticReconLayerwise),
            ImportanceMinimalityCoeff = If(LossNames.ImportanceMinimality),
            SchattenCoeff = If(LossNames.Schatten),
            OutReconCoeff = If(LossNames.OutRecon),
        };
    }

    private static void AssertClose(IReadOnlyList<double> computed, IReadOnlyList<double> recorded, string what, double floor = Floor)
    {
        Assert.Equal(recorded.Count, computed.Count);
        for (int i = 0; i < recorded.Count; i++)
        {
            double allowed = Relative * Math.Max(Math.Abs(recorded[i]), floor);
            if (!(Math.Abs(computed[i] - recorded[i]) <= allowed))
            {
                Assert.Fail(
                    $"{what}, entry {i}: {computed[i]:G9}, recorded {recorded[i]:G9}, "
                    + $"apart by {Math.Abs(computed[i] - recorded[i]) / allowed:F2} of the tolerance");
            }
        }
    }

    /// <summary>A decomposition step fed with a recorded run's batch and random numbers.</summary>
    private sealed class Replay : IDisposable
    {
        private readonly GoldenCase _golden;
        private readonly ComponentModel _model;
        private readonly CpuBackend _backend = TestBackend.Create();
        private readonly GivenData _data;
        private readonly Dictionary<(StreamPurpose Purpose, int Sample, string Site), Value> _uniforms = [];
        private readonly Dictionary<(StreamPurpose Purpose, int Sample, string Site), Value> _masks = [];

        // The step's computation once more, with all kept that is recorded.
        private readonly Program _observed;

        public Replay(GoldenCase golden, DecompositionOptions options, bool isReassociated = true)
        {
            _golden = golden;
            _model = ComponentModel.Create(golden.BuildNetwork(isReassociated), options.TargetModulePatterns, options.C, options.NCiMlpNeurons, seed: 0);
            var before = golden.Steps[0].GetProperty("params_before");
            foreach (var site in _model.Sites)
            {
                foreach (var (parameter, values) in GoldenCase.Recorded(site, before))
                    for (int i = 0; i < values.Length; i++) parameter.Values[i] = (float)values[i];
            }

            _data = new GivenData(golden.Steps[0].GetProperty("batch")[0].GetArrayLength());
            Step = new DecompositionStep(_model, _data, options, _backend, stochasticMasks: RecordedMasks);
            Value[] kept =
            [
                Step.Target.TargetOutput,
                .. Step.Target.Sites.SelectMany(site => new[] { site.Input, site.Inner, site.GateOutput, site.Importance, site.PenalisedImportance }),
                .. _masks.Values, .. Outputs(LossNames.StochasticRecon), .. Outputs(LossNames.StochasticReconLayerwise), .. Outputs(LossNames.OutRecon),
            ];
            _observed = _backend.Compile(Step.Objective, options.BatchSize, _model.Parameters, keep: kept);
        }

        public DecompositionStep Step { get; }

        public bool IsReassociated => _model.Network is ResidualMlp { IsReassociated: true };

        public StepResult Run(int step)
        {
            var recorded = _golden.Steps[step];
            Set(_data.Input, GoldenCase.Flatten(recorded.GetProperty("batch")));
            foreach (var ((purpose, sample, site), value) in _uniforms)
                Set(value, GoldenCase.Flatten(Samples(recorded, purpose)[sample].GetProperty("uniform").GetProperty(site)));
            _observed.Run(_golden.Options.Seed, step);
            return Step.Run(step);
        }

        public void CheckIntermediates(JsonElement recorded)
        {
            Check(Step.Target.TargetOutput, recorded.GetProperty("target_out"), "target output");
            foreach (var site in Step.Target.Sites)
            {
                var layer = recorded.GetProperty("layers").GetProperty(site.Site.Name);
                Check(site.Input, layer.GetProperty("pre_weight_acts"), $"{site.Site.Name} a");
                Check(site.Inner, layer.GetProperty("inner_acts"), $"{site.Site.Name} h");
                Check(site.GateOutput, layer.GetProperty("gate_raw"), $"{site.Site.Name} gate");
                Check(site.Importance, layer.GetProperty("ci_lower"), $"{site.Site.Name} lower-leaky");
                Check(site.PenalisedImportance, layer.GetProperty("ci_upper"), $"{site.Site.Name} upper-leaky");
            }
        }

        public void CheckMasksAndOutputs(JsonElement recorded)
        {
            foreach (var ((purpose, sample, site), value) in _masks)
                Check(value, Samples(recorded, purpose)[sample].GetProperty("mask").GetProperty(site), $"{purpose} mask of {site}");

            // The outputs come in the order of the recorded calls: all sites per sample, then per sample one site at a time, then unmasked.
            var calls = recorded.GetProperty("masked_forwards_in_call_order").EnumerateArray().ToList();
            var options = _golden.Options;
            var stochastic = Outputs(LossNames.StochasticRecon);
            var layerwise = Outputs(LossNames.StochasticReconLayerwise);
            int call = 0;
            foreach (var output in stochastic) Check(output, calls[call++].GetProperty("out"), "output, all sites masked");
            for (int sample = 0; sample < (layerwise.Count == 0 ? 0 : options.NMaskSamples); sample++)
            {
                for (int i = 0; i < _model.Sites.Count; i++, call++)
                {
                    string replaced = calls[call].GetProperty("replaced_layers")[0].GetString()!;
                    int site = _model.Sites.Single(candidate => candidate.Name == replaced).Index;
                    Check(layerwise[sample * _model.Sites.Count + site], calls[call].GetProperty("out"), $"output, {replaced} masked");
                }
            }

            foreach (var output in Outputs(LossNames.OutRecon)) Check(output, calls[call++].GetProperty("out"), "output, unmasked");
            // Losses whose masks are not drawn make calls of their own, in an order that is not recorded.
            if (options.ReconCoeff is null && options.ReconLayerwiseCoeff is null) Assert.Equal(calls.Count, call);

            foreach (var site in _model.Sites)
            {
                // V and U have been stepped since: the recorded product belongs to the parameters before the step.
                var before = GoldenCase.Recorded(site, recorded.GetProperty("params_before")).Take(2).Select(entry => entry.Values).ToArray();
                double[] product = [.. from o in Enumerable.Range(0, site.U.Columns)
                                       from i in Enumerable.Range(0, site.V.Columns)
                                       select Enumerable.Range(0, site.C).Sum(c => before[0][c * site.V.Columns + i] * before[1][c * site.U.Columns + o])];
                AssertClose(
                    product,
                    [.. GoldenCase.Doubles(recorded.GetProperty("layers").GetProperty(site.Name).GetProperty("VU_weight(d_out,d_in)"))],
                    $"{site.Name} (VU)ᵀ");
            }
        }

        public void CheckGradients(JsonElement recorded, string what)
        {
            foreach (var site in _model.Sites)
            {
                foreach (var (parameter, values) in GoldenCase.Recorded(site, recorded))
                {
                    // Reassociated, a gradient goes through the product of two weights, whose larger entries round in all of it.
                    double floor = IsReassociated ? Math.Max(Floor, values.Max(Math.Abs) / 10) : Floor;
                    AssertClose([.. Step.Gradients.Of(parameter).ToArray().Select(value => (double)value)], values, $"{what}, {parameter.Name}", floor);
                }
            }
        }

        public void CheckParameters(JsonElement recorded, string what)
        {
            foreach (var site in _model.Sites)
            {
                foreach (var (parameter, values) in GoldenCase.Recorded(site, recorded))
                    AssertClose([.. parameter.Values.ToArray().Select(value => (double)value)], values, $"{what}, {parameter.Name}");
            }
        }

        public void Dispose() => _backend.Dispose();

        private static JsonElement Samples(JsonElement recorded, StreamPurpose purpose) =>
            recorded.GetProperty(purpose == DecompositionStreams.Masks ? "stochastic_recon" : "stochastic_recon_layerwise").GetProperty("samples");

        private List<Value> Outputs(string loss) => [.. Step.Objective.Terms.Where(term => term.Name == loss).Select(term => term.Loss.Source.Inputs[0])];

        // A loss by itself may read neither the batch nor random numbers.
        private void Set(Value input, float[] values)
        {
            foreach (var program in new[] { _observed, Step.Program })
                if (program.Plan.Find(input) is not null) program.Set(input, values);
        }

        private MaskSource RecordedMasks(StreamPurpose purpose)
        {
            var source = Masks.From((graph, site, sample) => _uniforms[(purpose, sample, site.Site.Name)] = graph.Input(site.Site.C));
            return (graph, site, sample) => _masks[(purpose, sample, site.Site.Name)] = source(graph, site, sample)!.Components!;
        }

        private void Check(Value value, JsonElement recorded, string what) =>
            AssertClose([.. _observed.Read(value).Select(number => (double)number)], [.. GoldenCase.Doubles(recorded)], what);
    }
}
