using System.Text.Json;
using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Components;

public sealed class ComponentModelTests
{
    [Theory]
    [InlineData("layers.0.mlp_in")]
    [InlineData("layers.0.mlp_out")]
    public void TheStartIsTheRecordedOne(string layer)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "init.json")));
        var recorded = document.RootElement.GetProperty(layer);
        double[] normalV = GoldenCase.Transposed(recorded.GetProperty("randn_V(d_in,C)")), expectedV = GoldenCase.Transposed(recorded.GetProperty("V"));
        var normalU = recorded.GetProperty("randn_U(C,d_out)");
        int c = normalU.GetArrayLength();
        Parameter v = new("V", c, normalV.Length / c), u = new("U", c, normalU[0].GetArrayLength());
        for (int i = 0; i < v.Count; i++) v.Values[i] = (float)normalV[i];
        GoldenCase.Flatten(normalU).CopyTo(u.Values);
        ComponentInitialisation.Align(v, u, GoldenCase.Flatten(recorded.GetProperty("target_weight(d_out,d_in)")));
        double[] expectedU = [.. GoldenCase.Doubles(recorded.GetProperty("U"))];
        for (int i = 0; i < v.Count; i++) Assert.Equal(expectedV[i], v.Values[i], 1e-6);
        for (int i = 0; i < u.Count; i++) Assert.Equal(expectedU[i], u.Values[i], 3e-6);
    }

    [Fact]
    public void ASiteStartsWithUnitVAndUAlignedWithTheTarget()
    {
        var model = ComponentModel.Create(Given.Chain(5, 7, 3), ["*linear*"], c: 40, k: 0, seed: 2);
        foreach (var site in model.Sites)
        {
            for (int c = 0; c < site.C; c++)
            {
                double norm = Math.Sqrt(site.V.Row(c).ToArray().Sum(value => (double)value * value));
                Assert.Equal(1, norm, 1e-5);
                double inner = 0, square = 0;
                for (int o = 0; o < site.U.Columns; o++)
                {
                    square += (double)site.U[c, o] * site.U[c, o];
                    for (int i = 0; i < site.V.Columns; i++) inner += (double)site.U[c, o] * site.V[c, i] * site.Target[o, i];
                }

                // U = û a with a = Σ V û W, so that ⟨U V, W⟩ = a² = ‖U‖².
                Assert.Equal(square, inner, 1e-5);
            }
        }

        Assert.NotEqual(model.Sites[0].V.Values[0], model.Sites[1].V.Values[0]);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(1)]
    public void GatesOfAnMlpStartWithTheRecordedMeansAndDeviations(int k)
    {
        var gate = ComponentModel.Create(Given.Chain(1, 1), ["linear0"], c: 20_000 / k, k, seed: 1).Sites[0].Gate;
        Assert.Equal(["mlp_in", "in_bias", "mlp_out", "out_bias"], gate.NamedParameters().Select(entry => entry.Name));
        AssertNormal(gate.MlpIn!, Math.Sqrt(2));
        AssertNormal(gate.MlpOut!, 1 / Math.Sqrt(k));
        Assert.All(gate.InBias!.Values.ToArray(), value => Assert.Equal(0, value));
        Assert.All(gate.OutBias!.Values.ToArray(), value => Assert.Equal(0, value));
        Assert.NotEqual(gate.MlpIn!.Values[0] / Math.Sqrt(2), gate.MlpOut!.Values[0] * Math.Sqrt(k), 1e-6);
    }

    [Fact]
    public void LinearGatesStartAsStandardNormalsWithoutBias()
    {
        var gate = ComponentModel.Create(Given.Chain(1, 1), ["linear0"], c: 20_000, k: 0, seed: 1).Sites[0].Gate;
        Assert.Equal(["weight", "bias"], gate.NamedParameters().Select(entry => entry.Name));
        AssertNormal(gate.Weight!, 1);
        Assert.All(gate.Bias!.Values.ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void TheSeedDecidesTheStart()
    {
        float[] Start(ulong seed) =>
        [
            .. ComponentModel.Create(Given.Tms(), ["linear*"], 6, 3, seed).Parameters.Parameters
                .SelectMany(parameter => parameter.Values.ToArray()),
        ];
        Assert.Equal(Start(4), Start(4));
        Assert.Empty(Start(4).Where(value => value != 0).Intersect(Start(5)));
    }

    [Fact]
    public void TheStartIsIndependentOfATargetDrawnWithTheSameSeed()
    {
        // Uniform weights and components drawn from one stream would be the same underlying numbers.
        var target = Given.Tms(new TmsModelConfig { NFeatures = 50, NHidden = 40, TiedWeights = false }, seed: 0);
        var site = ComponentModel.Create(target, ["linear1"], c: 40, k: 0, seed: 0).Sites[0];
        double bound = 1 / Math.Sqrt(50);
        var target0 = target.Linear1.Weight.Values.ToArray().Select(weight => (weight + bound) / (2 * bound)).ToArray();
        // Box and Muller: a normal pair is √(−2 ln(1 − u₀)) (cos, sin)(2π u₁).
        int agreeing = 0;
        var v = site.V.Values;
        for (int i = 0; i + 1 < 50; i += 2)
        {
            double angle = Math.Atan2(v[i + 1], v[i]) / (2 * Math.PI);
            if (Math.Abs((angle < 0 ? angle + 1 : angle) - target0[i + 1]) < 1e-4) agreeing++;
        }

        Assert.InRange(agreeing, 0, 2);
    }

    [Fact]
    public void ATiedSiteIsItsOwnersTransposeInTheSameMemoryBothWays()
    {
        var model = ComponentModel.Create(Given.Tms(), ["linear*"], c: 6, k: 2, seed: 0);
        AssertTied(model.Sites[0], model.Sites[1]);
        Assert.Equal(12, model.Parameters.Parameters.Count);
    }

    [Fact]
    public void ATransposeDeclaredBeforeItsOwnerIsTiedToo()
    {
        var owner = new Linear(5, 2, bias: false);
        owner.Initialise(new RandomSequence(1, NetworkStreams.Initialisation));
        var model = ComponentModel.Create(
            new Sequential(
                ("decode", Linear.TransposeOf(owner, bias: true)),
                ("encode", owner),
                ("again", Linear.TransposeOf(owner, bias: false))),
            ["*"], c: 6, k: 0, seed: 0);
        AssertTied(model.Sites[0], model.Sites[1]);
        AssertTied(model.Sites[1], model.Sites[2]);
        model.Sites[2].V[3, 1] = 42;
        Assert.Equal(42, model.Sites[0].V[3, 1]);
    }

    [Fact]
    public void ATransposeAloneHasFactorsOfItsOwn()
    {
        var model = ComponentModel.Create(Given.Tms(), ["linear2"], c: 6, k: 0, seed: 0);
        var site = Assert.Single(model.Sites);
        Assert.Equal((2, 5), (site.V.Columns, site.U.Columns));
        Assert.All(site.Norms(), norm => Assert.NotEqual(0, norm));
    }

    [Fact]
    public void UntiedSitesShareNothing()
    {
        var model = ComponentModel.Create(Given.Tms(new TmsModelConfig { TiedWeights = false }), ["linear*"], c: 6, k: 0, seed: 0);
        model.Sites[0].V[2, 1] = 42;
        Assert.DoesNotContain(42f, model.Sites[1].U.Values.ToArray());
    }

    [Fact]
    public void SubcomponentsSumAndNormsAgree()
    {
        var site = ComponentModel.Create(Given.Tms(), ["linear1"], c: 6, k: 0, seed: 0).Sites[0];
        float[,] sum = site.Sum();
        for (int o = 0; o < 2; o++)
            for (int i = 0; i < 5; i++)
                Assert.Equal(Enumerable.Range(0, 6).Sum(c => (double)site.Subcomponent(c)[o, i]), sum[o, i], 1e-6);
        double[] norms = site.Norms();
        for (int c = 0; c < 6; c++) Assert.Equal(Math.Sqrt(site.Subcomponent(c).Cast<float>().Sum(value => (double)value * value)), norms[c], 1e-6);
    }

    [Fact]
    public void ComponentsThatSumToTheTargetGiveTheTargetsOutput()
    {
        var network = Given.Chain(4, 3, 2);
        var model = ComponentModel.Create(network, ["linear*"], c: 8, k: 0, seed: 0);
        foreach (var site in model.Sites)
        {
            site.V.Values.Clear();
            site.U.Values.Clear();
            for (int i = 0; i < site.V.Columns; i++)
            {
                site.V[i, i] = 2;
                for (int o = 0; o < site.U.Columns; o++) site.U[i, o] = site.Target[o, i] / 2;
            }
        }

        float[] inputs = Given.Numbers(40, seed: 1);
        using var backend = TestBackend.Create();
        float[] expected = NetworkOutputs.Of(network, inputs, 10, backend), actual = NetworkOutputs.Of(new Unmasked(model), inputs, 10, backend);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5f);
    }

    [Fact]
    public void EachSiteHasTheCThatFitsIt()
    {
        var model = ComponentModel.Create(
            Given.Chain(5, 7, 3, 2), ["*linear*"], c: 1, k: 2, seed: 2, new Dictionary<string, int> { ["linear0"] = 4, ["linear[12]"] = 40 });
        Assert.Equal([4, 40, 40], model.Sites.Select(site => site.C));
        Assert.Equal([4, 40, 40], model.Sites.Select(site => site.Gate.MlpIn!.Rows));
        Assert.Equal([(4, 5), (40, 7), (40, 3)], model.Sites.Select(site => (site.V.Rows, site.V.Columns)));
        Assert.Equal([(4, 7), (40, 3), (40, 2)], model.Sites.Select(site => (site.U.Rows, site.U.Columns)));
    }

    [Fact]
    public void OneCForAllIsTheSameAsThatOfEachSite()
    {
        float[] Start(int c, Dictionary<string, int>? counts) =>
        [
            .. ComponentModel.Create(Given.Chain(5, 7, 3), ["linear*"], c, 3, 4, counts).Parameters.Parameters
                .SelectMany(parameter => parameter.Values.ToArray()),
        ];
        Assert.Equal(Start(6, null), Start(1, new() { ["linear*"] = 6 }));
    }

    [Theory]
    [InlineData("linear0=4", "C says nothing of 'linear1': add a line for it, such as 'linear1: 4'")]
    [InlineData("linear0=4 linear1=5 linear2=6", "C names 'linear2', which fits no decomposed matrix; they are linear0, linear1")]
    [InlineData("linear0=4 linear*=5", "C names 'linear0' twice, by 'linear0' and 'linear*': keep one of them")]
    public void ACThatFitsNoSiteOrASiteWithoutItsOwnIsNamed(string counts, string sentence)
    {
        var bySite = counts.Split(' ').Select(entry => entry.Split('=')).ToDictionary(entry => entry[0], entry => int.Parse(entry[1]));
        // The third linear map is not decomposed.
        var exception = Assert.Throws<SiteSelectionException>(() => ComponentModel.Create(Given.Chain(5, 7, 3, 2), ["linear[01]"], 1, 0, 0, bySite));
        Assert.Equal(sentence, exception.Message);
    }

    [Fact]
    public void TiedSitesHaveTheSameC()
    {
        ComponentModel Create(int first, int second) =>
            ComponentModel.Create(Given.Tms(), ["linear*"], c: 1, k: 0, seed: 0, new Dictionary<string, int> { ["linear1"] = first, ["linear2"] = second });
        var model = Create(6, 6);
        AssertTied(model.Sites[0], model.Sites[1]);
        Assert.Equal(
            "C is 6 for 'linear1' and 7 for 'linear2', but they are one matrix and its transpose, with the same subcomponents: give both the same C",
            Assert.Throws<SiteSelectionException>(() => Create(6, 7)).Message);
    }

    private static void AssertTied(Site site, Site other)
    {
        Assert.Equal(site.V.Values.ToArray(), other.U.Values.ToArray());
        Assert.Equal(site.U.Values.ToArray(), other.V.Values.ToArray());
        Assert.All(site.Norms(), norm => Assert.NotEqual(0, norm));
        site.V[2, 1] = 17;
        Assert.Equal(17, other.U[2, 1]);
        other.V[1, 0] = 19;
        Assert.Equal(19, site.U[1, 0]);
        float[,] sum = site.Sum(), transposed = other.Sum();
        for (int o = 0; o < sum.GetLength(0); o++)
            for (int i = 0; i < sum.GetLength(1); i++)
                Assert.Equal(sum[o, i], transposed[i, o]);
    }

    private static void AssertNormal(Parameter parameter, double deviation)
    {
        double n = parameter.Count;
        Assert.Equal(0, parameter.Values.ToArray().Average(value => (double)value), 5 * deviation / Math.Sqrt(n));
        Assert.Equal(deviation * deviation, parameter.Values.ToArray().Average(value => (double)value * value), 5 * deviation * deviation * Math.Sqrt(2 / n));
    }

    private sealed class Unmasked(ComponentModel model) : Module
    {
        public override Value Forward(ForwardPass pass, Value x) => model.Network.Forward(model.MaskedPass(pass.Graph, model.Sites, _ => null), x);
    }
}
