using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks.Data;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Metrics;

/// <summary>The ascent against one that computes everything anew in each of its steps.</summary>
public sealed class AdversarialMasksTests
{
    private const int Rows = 700;

    public static TheoryData<OutputLoss, int> Cases => new() { { OutputLoss.Mse, 3 }, { OutputLoss.Mse, 0 }, { OutputLoss.Kl, 3 } };

    [Theory]
    [MemberData(nameof(Cases))]
    public void AStepOfTheAscentComputesNeitherTheTargetNorTheGates(OutputLoss distance, int k)
    {
        using var backend = TestBackend.Create();
        var setup = new Setup(distance, k, backend);
        var (ascent, whole) = (setup.Adversary.AscentPlan, setup.Plain.Plan);
        Assert.Equal(0, ascent.Work.Gelus + ascent.Work.GeluGradients + ascent.Work.Uniforms);
        Assert.DoesNotContain(Operations(ascent), operation => operation is RowMlp or RowMlpGradient or Uniform);
        Assert.Equal(k == 0 ? 0 : 2, Operations(whole).Count(operation => operation is RowMlp));
        // Of the products forward, W1 x, W2 a, V1 x and V2 a belong to the target and the gates.
        var frozen = setup.Network.NamedParameters().Select(entry => entry.Parameter).ToHashSet();
        Assert.Equal(2, Operations(whole).Count(operation => IsByFrozen(operation)));
        Assert.DoesNotContain(Operations(ascent), operation => IsByFrozen(operation));
        Assert.Equal(Operations(whole).OfType<MatMul>().Count() - 4, Operations(ascent).OfType<MatMul>().Count());
        Assert.InRange(ascent.Work.MultiplyAdds, 1, whole.Work.MultiplyAdds - 1);

        bool IsByFrozen(Operation operation) => operation is MatMul { W.Source: Weight weight } && frozen.Contains(weight.Parameter);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheWorstErrorIsThatOfAPlainAscentToTheBit(OutputLoss distance, int k)
    {
        using var backend = TestBackend.Create();
        var setup = new Setup(distance, k, backend);
        double[] expected = [setup.PlainAscent(seed: 4, batch: 0), setup.PlainAscent(seed: 4, batch: 1)];
        Assert.NotEqual(expected[0], expected[1]);
        Assert.All(expected, error => Assert.True(error > 0));
        double[] found = [setup.Adversary.WorstError(seed: 4, batch: 0), setup.Adversary.WorstError(seed: 4, batch: 1)];
        Assert.Equal(expected, found);
    }

    private static IEnumerable<Operation> Operations(Plan plan) => plan.Phases.SelectMany(phase => phase.Operations).Select(planned => planned.Operation);

    private sealed class Setup
    {
        private readonly ComponentModel _model;
        private readonly Dictionary<Site, Parameter> _sources;

        public Setup(OutputLoss distance, int k, Backend backend)
        {
            var options = new DecompositionOptions { C = 6, NCiMlpNeurons = k, BatchSize = Rows, OutputLossType = distance };
            _model = ComponentModel.Create(Network, ["linear*"], options.C, k, seed: 1);
            var graph = new Graph();
            var target = CausalImportance.Build(graph, _model, new SparseFeatures(5, 0.4).Build(graph));
            Adversary = new AdversarialMasks(graph, _model, target, options.BatchSize, options.OutputLossType, backend);
            _sources = _model.Sites.ToDictionary(site => site, site => new Parameter($"{site.Name}.source", site.C));
            var objective = new Objective(graph);
            Reconstruction.AddLoss(
                objective, _model, target, "plain", coefficient: 1, Masks.Shared(_sources), Reconstruction.AllSites, samples: 1, distance);
            Plain = backend.Compile(objective, Rows, new ParameterSet(_sources.Values));
        }

        public Networks.Module Network { get; } = Given.Chain(5, 3, 4);

        public AdversarialMasks Adversary { get; }

        public Program Plain { get; }

        public double PlainAscent(ulong seed, long batch)
        {
            foreach (var (site, source) in _sources)
                new RandomSequence(seed, DecompositionStreams.AdversarialStart.Stream(site.Index), (uint)batch).FillUniform(source.Values, 0, 1);
            for (int step = 0; step < AdversarialMasks.Steps; step++)
            {
                Plain.Run(seed, batch);
                foreach (var source in _sources.Values)
                {
                    var gradient = Plain.Gradients.Of(source);
                    for (int c = 0; c < gradient.Length; c++)
                        source.Values[c] = Math.Clamp(source.Values[c] + AdversarialMasks.StepSize * Math.Sign(gradient[c]), 0, 1);
                }
            }

            Plain.Run(seed, batch);
            return Plain.TotalLoss;
        }
    }
}
