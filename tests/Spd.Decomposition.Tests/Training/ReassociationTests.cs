using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Networks;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Training;

public sealed class ReassociationTests
{
    private const int DEmbed = 1000;

    private static readonly SparseFeatures Data = new(20, 0.1, low: -1);

    private static readonly DecompositionOptions Options = new()
    {
        C = 30,
        NCiMlpNeurons = 4,
        BatchSize = 300,
        Steps = 100,
        Pnorm = 2,
        ImportanceMinimalityCoeff = 1e-5,
        ReconCoeff = 0.5,
        OutReconCoeff = 0.5,
        TargetModulePatterns = ["layers.*"],
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheLossesAreThoseOfTheStreamComputed(bool withBiases)
    {
        using var backend = TestBackend.Create();
        var steps = new[] { true, false }.Select(isReassociated =>
        {
            var network = Network(isReassociated, withBiases);
            return new DecompositionStep(ComponentModel.Create(network, ["layers.*"], Options.C, Options.NCiMlpNeurons, seed: 3), Data, Options, backend);
        }).ToList();
        for (int step = 0; step < 5; step++)
        {
            var (reassociated, plain) = (steps[0].Run(step), steps[1].Run(step));
            foreach (var (loss, expected) in plain.Losses)
            {
                Assert.True(expected > 0);
                Assert.InRange(reassociated.Loss(loss), expected * (1 - 1e-4), expected * (1 + 1e-4));
            }
        }
    }

    [Fact]
    public void NoPanelIsAsWideAsTheStream()
    {
        using var backend = TestBackend.Create(1);
        var model = ComponentModel.Create(Network(isReassociated: true, withBiases: true), ["layers.*"], Options.C, Options.NCiMlpNeurons, seed: 3);
        var step = new DecompositionStep(model, Data, Options, backend);
        Assert.All(
            step.Program.Plan.Phases.SelectMany(phase => phase.Operations).SelectMany(operation => operation.Results).Where(result => result.Shape.IsPanel),
            result => Assert.InRange(result.Shape.Rows, 1, DEmbed - 1));
        Assert.Contains(step.Graph.Operations, operation => operation is Sum { IsStream: true } stream && stream.Parts[0].Rows == DEmbed);
    }

    [Fact]
    public void AnEvaluationSeesTheWeightsAsTheyAre()
    {
        // The evaluation trains nothing, and is planned before the weights change.
        var evaluations = new[] { true, false }.Select(isReassociated =>
        {
            using var backend = TestBackend.Create();
            using var decomposer = new Decomposer(Network(isReassociated, withBiases: false), Data, Options with { Steps = 30, Lr = 0.01 }, backend);
            var before = decomposer.Evaluate(batches: 2, adversarialBatches: 1);
            decomposer.Train();
            return (Before: before, After: decomposer.Evaluate(batches: 2, adversarialBatches: 1));
        }).ToList();
        Assert.NotEqual(evaluations[0].Before.UnmaskedRecon, evaluations[0].After.UnmaskedRecon);
        foreach (var measure in new Func<Evaluation, double>[] { e => e.UnmaskedRecon, e => e.StochasticRecon, e => e.AdversarialRecon, e => e.Sites[0].L0 })
            Assert.Equal(1, measure(evaluations[0].After) / measure(evaluations[1].After), 0.02);
    }

    [Fact]
    public void TheNumberOfThreadsChangesNoBit()
    {
        int steps = TestBackend.IsScalar ? 3 : 20;
        var results = new[] { 1, 2, 5 }.Select(threads =>
        {
            using var backend = TestBackend.Create(threads);
            using var decomposer = new Decomposer(Network(isReassociated: true, withBiases: true), Data, Options with { Steps = steps }, backend);
            decomposer.Train();
            return decomposer.Components.Parameters.Parameters.SelectMany(parameter => parameter.Values.ToArray()).ToArray();
        }).ToList();
        Assert.All(results, result => Assert.Equal(results[0], result));
        Assert.All(results[0], value => Assert.True(float.IsFinite(value)));
    }

    private static ResidualMlp Network(bool isReassociated, bool withBiases)
    {
        var config = new ResidualMlpConfig { NFeatures = 20, DEmbed = DEmbed, DMlp = 8, NLayers = 2, InBias = withBiases, OutBias = withBiases };
        var network = new ResidualMlp(config) { IsReassociated = isReassociated };
        var random = new RandomSequence(5, NetworkStreams.Initialisation);
        foreach (var (_, parameter) in network.NamedParameters()) random.FillNormal(parameter.Values, 1 / Math.Sqrt(DEmbed));
        return network;
    }
}
