using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Targets;

namespace Spd.Networks.Tests.Modules;

public sealed class ModuleTests : IDisposable
{
    private readonly CpuBackend _backend = TestBackend.Create();

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void ModulesAndParametersAreNamedByTheirPathsInOrderOfRegistration()
    {
        var inner = new Sequential(("first", new Linear(3, 4)), ("relu", new Activation(ActivationName.Relu)), ("blocks.0.second", new Linear(4, 2, bias: false)));
        var outer = new Sequential(("body", inner), ("head", new Linear(2, 1)));
        Assert.Equal(["body", "body.first", "body.relu", "body.blocks.0.second", "head"], outer.NamedModules().Select(entry => entry.Path));
        Assert.Equal(["body.first", "body.blocks.0.second", "head"], outer.LinearMaps().Select(entry => entry.Path));
        Assert.Equal(
            ["body.first.weight", "body.first.bias", "body.blocks.0.second.weight", "head.weight", "head.bias"],
            outer.NamedParameters().Select(entry => entry.Path));
        Assert.Equal(outer.NamedParameters().Select(entry => entry.Parameter), outer.TrainableParameters());
    }

    [Fact]
    public void TheShippedTargetsHaveTheNamesOfTheReleasedCode()
    {
        var tms = new Tms(new TmsModelConfig { NHiddenLayers = 2 });
        Assert.Equal(["linear1", "linear2", "hidden_layers.0", "hidden_layers.1"], tms.LinearMaps().Select(entry => entry.Path));
        Assert.Equal(["linear1.weight", "linear2.bias", "hidden_layers.0.weight", "hidden_layers.1.weight"], tms.NamedParameters().Select(entry => entry.Path));
        var mlp = new ResidualMlp(new ResidualMlpConfig { NLayers = 2, OutBias = true });
        Assert.Equal(["layers.0.mlp_in", "layers.0.mlp_out", "layers.1.mlp_in", "layers.1.mlp_out"], mlp.LinearMaps().Select(entry => entry.Path));
        Assert.Equal(
            [
                "W_E",
                "W_U",
                "layers.0.mlp_in.weight",
                "layers.0.mlp_out.weight",
                "layers.0.mlp_out.bias",
                "layers.1.mlp_in.weight",
                "layers.1.mlp_out.weight",
                "layers.1.mlp_out.bias",
            ],
            mlp.NamedParameters().Select(entry => entry.Path));
    }

    [Fact]
    public void TwoModulesOfOneNameAreRefused() => Assert.Contains(
        "'same'",
        Assert.Throws<ArgumentException>(() => new Sequential(("same", new Linear(1, 1)), ("same", new Linear(1, 1)))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void ASequentialAppliesItsModulesInOrder()
    {
        Linear first = new(2, 2), second = new(2, 1);
        new float[] { 1, -1, 2, 0.5f }.CopyTo(first.Weight.Values);
        new float[] { 0.25f, -3 }.CopyTo(first.Bias!.Values);
        new float[] { 2, 4 }.CopyTo(second.Weight.Values);
        second.Bias!.Values[0] = 1;
        var network = new Sequential(("first", first), ("relu", new Activation(ActivationName.Relu)), ("second", second));
        // x = (1, 2): first = (-1 + 0.25, 3 - 3) → relu 0, 0 → 1;  x = (3, 1): (2.25, 3.5) → 4.5 + 14 + 1
        Assert.Equal([1f, 19.5f], NetworkOutputs.Of(network, [1, 2, 3, 1], rows: 2, _backend));
    }

    [Fact]
    public void AnEmptySequentialIsTheIdentity() => Assert.Equal([3f, 4f], NetworkOutputs.Of(new Sequential(), [3, 4], rows: 1, _backend));

    [Fact]
    public void ATransposedMapSharesItsOwnersMemory()
    {
        var owner = new Linear(3, 2, bias: false);
        var tied = Linear.TransposeOf(owner, bias: true);
        Assert.Equal((2, 3, 3), (tied.Inputs, tied.Outputs, tied.Bias!.Count));
        for (int i = 0; i < 6; i++) owner.Weight.Values[i] = i;
        Assert.Equal([0f, 3, 1, 4, 2, 5], tied.EffectiveWeight());
        Assert.Equal([0f, 1, 2, 3, 4, 5], owner.EffectiveWeight());
        Assert.Equal(["bias"], tied.NamedParameters().Select(entry => entry.Path));
        tied.Initialise(new RandomSequence(1, NetworkStreams.Initialisation));
        Assert.Equal([0f, 1, 2, 3, 4, 5], owner.EffectiveWeight());
        Assert.Equal(
            [1f * 0 + 2 * 3, 1 * 1 + 2 * 4, 1 * 2 + 2 * 5],
            NetworkOutputs.Of(tied, [1, 2], 1, _backend).Zip(tied.Bias.Values.ToArray(), (y, b) => MathF.Round(y - b)));
    }

    [Fact]
    public void TheTransposeOfATransposeIsTheOriginal()
    {
        var owner = new Linear(3, 2, bias: false);
        for (int i = 0; i < 6; i++) owner.Weight.Values[i] = i;
        var back = Linear.TransposeOf(Linear.TransposeOf(owner, bias: false), bias: false);
        Assert.Equal((3, 2), (back.Inputs, back.Outputs));
        Assert.Equal(owner.EffectiveWeight(), back.EffectiveWeight());
    }

    [Fact]
    public void InitialWeightsFillPyTorchsRange()
    {
        var linear = new Linear(16, 400);
        linear.Initialise(new RandomSequence(3, NetworkStreams.Initialisation));
        Assert.InRange(linear.Weight.Values.ToArray().Max(), 0.249f, 0.25f);
        Assert.InRange(linear.Weight.Values.ToArray().Min(), -0.25f, -0.249f);
        Assert.InRange(linear.Bias!.Values.ToArray().Max(), 0.24f, 0.25f);
        Assert.Equal(0, linear.Weight.Values.ToArray().Average(value => (double)value), 5 * 0.25 / Math.Sqrt(3 * 6400.0));
    }

    [Fact]
    public void AFrozenMapTrainsNothing()
    {
        var network = new Sequential(("frozen", new Linear(2, 2) { IsFrozen = true }), ("free", new Linear(2, 2)));
        Assert.Equal(2, network.TrainableParameters().Count());
        Assert.Equal(4, network.NamedParameters().Count());
    }

    [Theory]
    [InlineData(3, 2, 7)]
    [InlineData(5, 1, 300)]
    [InlineData(1, 4, 33)]
    public void ATiedWeightsGradientIsTheSumOfBothUses(int features, int hidden, int batch)
    {
        var random = new Random(features);
        var tied = new Tms(new TmsModelConfig { NFeatures = features, NHidden = hidden });
        var untied = new Tms(new TmsModelConfig { NFeatures = features, NHidden = hidden, TiedWeights = false });
        tied.Initialise(4);
        for (int i = 0; i < features; i++) tied.Linear2.Bias!.Values[i] = 0.3f + 0.1f * i;
        tied.Linear1.Weight.Values.CopyTo(untied.Linear1.Weight.Values);
        tied.Linear2.EffectiveWeight().CopyTo(untied.Linear2.Weight.Values);
        tied.Linear2.Bias!.Values.CopyTo(untied.Linear2.Bias!.Values);
        float[] x = [.. Enumerable.Range(0, features * batch).Select(_ => random.NextSingle())];

        float[] Gradient(Tms network, params Parameter[] parameters)
        {
            var graph = new Graph();
            var input = graph.Input(features);
            var objective = new Objective(graph);
            objective.Add("loss", graph.SquaredError(network.Forward(new ForwardPass(graph), input), input));
            var program = _backend.Compile(objective, batch, new ParameterSet(network.TrainableParameters()));
            program.Set(input, x);
            program.Run(0, 0);
            return [.. parameters.SelectMany(parameter => program.Gradients.Of(parameter).ToArray())];
        }

        float[] sum = Gradient(tied, tied.Linear1.Weight, tied.Linear2.Bias);
        float[] parts = Gradient(untied, untied.Linear1.Weight, untied.Linear2.Weight, untied.Linear2.Bias);
        int weights = features * hidden;
        double Loss() => Reference.Of(tied, x, batch).Zip(x, (y, target) => (y - target) * (y - target)).Average();
        for (int h = 0; h < hidden; h++)
        {
            for (int f = 0; f < features; f++)
            {
                float own = sum[h * features + f];
                Assert.Equal(parts[h * features + f] + parts[weights + f * hidden + h], own, 1e-5f);
                ref float weight = ref tied.Linear1.Weight[h, f];
                float original = weight;
                weight = original + 1f / 512;
                double above = Loss();
                weight = original - 1f / 512;
                double below = Loss();
                weight = original;
                Assert.Equal((above - below) * 256, own, 1e-3);
            }
        }

        Assert.Equal(parts[(2 * weights)..], sum[weights..]);
    }
}
