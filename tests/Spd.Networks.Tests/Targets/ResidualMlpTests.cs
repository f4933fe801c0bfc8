using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Networks.Training;

namespace Spd.Networks.Tests.Targets;

public sealed class ResidualMlpTests : IDisposable
{
    private static readonly ResidualMlpConfig Config = new() { NFeatures = 6, DEmbed = 40, DMlp = 6 };

    private readonly CpuBackend _backend = TestBackend.Create();

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void AFixedRandomEmbeddingHasUnitRowsAndItsTransposeReadsOut()
    {
        var network = New(Config);
        for (int feature = 0; feature < 6; feature++)
        {
            double square = 0;
            for (int i = 0; i < 40; i++)
            {
                Assert.Equal(network.Embedding[feature, i], network.Unembedding[i, feature]);
                square += network.Embedding[feature, i] * network.Embedding[feature, i];
            }

            Assert.Equal(1, square, 1e-5);
        }

        Assert.DoesNotContain(network.Embedding, network.TrainableParameters());
        Assert.DoesNotContain(network.Unembedding, network.TrainableParameters());
        Assert.Equal(2, network.TrainableParameters().Count());
    }

    [Fact]
    public void AnIdentityEmbeddingPassesTheInputOn()
    {
        var network = New(Config with { DEmbed = 6, FixedRandomEmbedding = false, FixedIdentityEmbedding = true });
        foreach (var (_, linear) in network.LinearMaps()) linear.Weight.Values.Clear();
        float[] x = [1, -2, 3, 0, 0.5f, -0.25f];
        Assert.Equal(x, NetworkOutputs.Of(network, x, 1, _backend));
    }

    [Fact]
    public void AnEmbeddingThatIsNotFixedTrains()
    {
        var network = New(Config with { FixedRandomEmbedding = false });
        Assert.Contains(network.Embedding, network.TrainableParameters());
        Assert.Contains(network.Unembedding, network.TrainableParameters());
        float[] before = network.Embedding.Values.ToArray();
        Train(network, new ResidualMlpTask(), steps: 3);
        Assert.NotEqual(before, network.Embedding.Values.ToArray());
    }

    [Theory]
    [InlineData(LabelType.ActPlusResid, ActivationName.Relu, 1.5, 2.25)]
    [InlineData(LabelType.ActPlusResid, ActivationName.Relu, -1.5, -1.5)]
    [InlineData(LabelType.ActPlusResid, ActivationName.Gelu, 1.0, 1.841345)]
    [InlineData(LabelType.Abs, ActivationName.Relu, -1.5, 0.75)]
    public void LabelsFollowTheirFormula(LabelType type, ActivationName activation, double x, double expected)
    {
        // Coefficients other than one are drawn: they enter as coeff · x.
        var task = new ResidualMlpTask { LabelType = type, UseTrivialLabelCoeffs = activation == ActivationName.Gelu, LabelFnSeed = 3 };
        float coefficient = task.LabelCoefficients(1)[0];
        Assert.InRange(coefficient, 1f, 2f);
        double scaled = coefficient * x;
        double label = type == LabelType.Abs ? Math.Abs(scaled) : activation == ActivationName.Gelu ? expected : x + Math.Max(scaled, 0);
        var module = new LabelOnly(task, activation);
        Assert.Equal(label, NetworkOutputs.Of(module, [(float)x], 1, _backend)[0], 1e-5);
    }

    [Fact]
    public void TheReadoffLossWeighsFeaturesByTheirImportance()
    {
        // A silent network leaves the error relu(x): two features with importances 1 and ¼.
        double all = SilentLoss(new ResidualMlpTask()), weighted = SilentLoss(new ResidualMlpTask { ImportanceVal = 0.25 });
        Assert.Equal((1 + 0.25) / 2, weighted / all, 0.02);
    }

    [Fact]
    public void TheResidLossIsTakenInTheStream()
    {
        // With an identity for embedding the stream is the output.
        Assert.Equal(SilentLoss(new ResidualMlpTask()), SilentLoss(new ResidualMlpTask { LossType = ResidualLossType.Resid }), 1e-7);
    }

    [Theory]
    [InlineData(LabelType.ActPlusResid, ResidualLossType.Readoff, ActivationName.Relu, false)]
    [InlineData(LabelType.ActPlusResid, ResidualLossType.Resid, ActivationName.Relu, true)]
    [InlineData(LabelType.ActPlusResid, ResidualLossType.Readoff, ActivationName.Gelu, true)]
    public void TrainingLearnsEveryFeature(LabelType label, ResidualLossType loss, ActivationName activation, bool biases)
    {
        var network = New(Config with { ActFnName = activation, InBias = biases, OutBias = biases });
        var task = new ResidualMlpTask { LabelType = label, LossType = loss };
        Assert.DoesNotContain(true, task.LearntFeatures(Silent(network), _backend));
        Train(network, task, steps: 1500);
        Assert.DoesNotContain(false, task.LearntFeatures(network, _backend));
    }

    private static ResidualMlp New(ResidualMlpConfig config)
    {
        var network = new ResidualMlp(config);
        network.Initialise(seed: 2);
        return network;
    }

    private static ResidualMlp Silent(ResidualMlp like)
    {
        var network = New(like.Config);
        foreach (var (_, linear) in network.LinearMaps()) linear.Weight.Values.Clear();
        return network;
    }

    private double SilentLoss(ResidualMlpTask task)
    {
        var network = Silent(New(new ResidualMlpConfig { NFeatures = 2, DEmbed = 2, DMlp = 1, FixedRandomEmbedding = false, FixedIdentityEmbedding = true }));
        return SupervisedTraining.Train(
            network, new SparseFeatures(2, 1, low: -1), (graph, x) => task.Loss(network, graph, x),
            new TrainingOptions { Steps = 1, BatchSize = 100_000, LearningRate = 1e-9 }, _backend);
    }

    private void Train(ResidualMlp network, ResidualMlpTask task, int steps)
    {
        SupervisedTraining.Train(
            network, new SparseFeatures(6, 0.2, low: -1), (graph, x) => task.Loss(network, graph, x),
            new TrainingOptions { Steps = steps, BatchSize = 256, LearningRate = 3e-3 }, _backend);
    }

    private sealed class LabelOnly(ResidualMlpTask task, ActivationName activation) : Module
    {
        public override Value Forward(ForwardPass pass, Value x) => task.Label(pass.Graph, x, activation);
    }
}
