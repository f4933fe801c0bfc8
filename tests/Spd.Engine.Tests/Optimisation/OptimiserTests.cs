using Spd.Engine.Cpu;
using Spd.Engine.Optimisation;
using Spd.Tests;

namespace Spd.Engine.Tests.Optimisation;

public sealed class OptimiserTests : IDisposable
{
    private readonly CpuBackend _backend = TestBackend.Create();

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void EachGroupGoesByItsOwnRule()
    {
        Parameter a = new("a", 2), b = new("b", 3), c = new("c", 1);
        var gradients = new GivenGradients(a, b, c);
        var schedule = new LearningRateSchedule(ScheduleShape.Linear);
        var optimiser = new Optimiser(
        [
            Group("falling", new Sgd(), step => 0.5 * schedule.Factor(step, 4), a), Group("constant", new Sgd(), _ => 0.25, b),
            Group("rising", new Ascent(new SignSgd(), 0, 0.5f), _ => 0.125, c),
        ], _backend);
        foreach (var parameter in new[] { a, b, c }) gradients.Of(parameter).Fill(2);
        for (int step = 0; step < 3; step++) optimiser.Step(step, gradients.Gradients);
        Assert.Equal([-2.25f, -2.25f], a.Values.ToArray());
        Assert.Equal([-1.5f, -1.5f, -1.5f], b.Values.ToArray());
        Assert.Equal([0.375f], c.Values.ToArray());
    }

    [Fact]
    public void ParametersThatShareMemoryAreSteppedEachWithItsOwnState()
    {
        var owner = new Parameter("owner", 5, 3);
        var tied = Parameter.SharingMemoryWith(owner, "tied");
        var gradients = new GivenGradients(owner, tied);
        // In one group or in two: v ← v/2 + gradient and values ← values − rate · v, first of the owner, then of the tied one.
        double value = 0, first = 0, second = 0;
        var together = new Optimiser([Group("all", new Sgd(0.5), _ => 0.01, owner, tied)], _backend);
        var apart = new Optimiser([Group("owner", new Sgd(0.5), _ => 0.01, owner), Group("tied", new Sgd(0.5), _ => 0.02, tied)], _backend);
        var random = new Random(8);
        foreach (var (optimiser, rate) in new[] { (together, 0.01), (apart, 0.02) })
        {
            (first, second) = (0, 0);
            for (int step = 0; step < 50; step++)
            {
                gradients.Of(owner).Fill(random.NextSingle() - 0.3f);
                gradients.Of(tied).Fill(10 * (random.NextSingle() - 0.8f));
                optimiser.Step(step, gradients.Gradients);
                value -= 0.01 * (first = 0.5 * first + gradients.Of(owner)[0]);
                value -= rate * (second = 0.5 * second + gradients.Of(tied)[0]);
                Assert.Equal(value, owner.Values[14], 1e-4);
            }
        }

        Assert.Equal(owner.Values.ToArray(), tied.Values.ToArray());
    }

    [Fact]
    public void GradientsAreClippedByTheNormOfTheirGroup()
    {
        Parameter a = new("a", 2), b = new("b", 1), other = new("other", 1);
        var gradients = new GivenGradients(a, b, other);
        Run(0.5);
        Assert.Equal(0.5 / (5 + 1e-6) * -3, a.Values[0], 1e-7);
        Assert.Equal(0, a.Values[1]);
        Assert.Equal(0.5 / (5 + 1e-6) * 4, b.Values[0], 1e-7);
        Assert.Equal(-7, other.Values[0]);
        Assert.Equal(0.5 / (5 + 1e-6) * 3, gradients.Of(a)[0], 1e-7);
        // Norms up to it are left as they are.
        foreach (double clip in new[] { 5.001, 100, double.PositiveInfinity })
        {
            Run(clip);
            Assert.Equal([-3f, 0f, 4f, -7f], [.. a.Values, .. b.Values, .. other.Values]);
        }

        void Run(double clip)
        {
            foreach (var parameter in new[] { a, b, other }) parameter.Values.Clear();
            (gradients.Of(a)[0], gradients.Of(a)[1], gradients.Of(b)[0], gradients.Of(other)[0]) = (3, 0, -4, 7);
            new Optimiser([Group("clipped", new Sgd(), _ => 1, a, b) with { ClipNorm = clip }, Group("other", new Sgd(), _ => 1, other)], _backend)
                .Step(0, gradients.Gradients);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void VectorsDecayOnlyWhereTheyAreToAndTheNormIsThatOfAllTogether(bool decaysVectors)
    {
        Parameter matrix = new("matrix", 2, 2), vector = new("vector", 2);
        var gradients = new GivenGradients(matrix, vector);
        matrix.Values.Fill(1);
        vector.Values.Fill(1);
        (gradients.Of(matrix)[3], gradients.Of(vector)[0]) = (3, -4);
        var rule = new AdamW(0.1, DecaysVectors: decaysVectors);
        new Optimiser([Group("all", rule, _ => 0.5, matrix, vector) with { ClipNorm = 1 }], _backend).Step(0, gradients.Gradients);
        Assert.Equal(0.95f, matrix.Values[0]);
        Assert.Equal(decaysVectors ? 0.95f : 1, vector.Values[1]);
        // Adam's first step is of the rate's size, whatever the gradient's; that was cut to a length of 1.
        Assert.Equal(0.95 - 0.5, matrix.Values[3], 1e-6);
        Assert.Equal((decaysVectors ? 0.95 : 1) + 0.5, vector.Values[0], 1e-6);
        Assert.Equal((0.6f, -0.8f), (MathF.Round(gradients.Of(matrix)[3], 5), MathF.Round(gradients.Of(vector)[0], 5)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void ThreadsChangeNoBit(int threads)
    {
        Assert.Equal(Train(1), Train(threads));
        Assert.DoesNotContain(0f, Train(threads));

        static float[] Train(int threads)
        {
            using var backend = TestBackend.Create(threads);
            Parameter owner = new("owner", 300, 211), between = new("between", 77, 3), source = new("source", 100, 500), signed = new("signed", 40001);
            Parameter[] parameters = [owner, between, Parameter.SharingMemoryWith(owner, "tied"), source, signed];
            var random = new Random(9);
            var gradients = new GivenGradients(parameters);
            var optimiser = new Optimiser(
            [
                Group("network", new AdamW(0.01), _ => 0.01, parameters[..3]) with { ClipNorm = 3 },
                Group("sources", new Ascent(new Sgd(0.9), -9, 9), step => 0.5 / (step + 1), source) with { ClipNorm = 0.7 },
                Group("signs", new Ascent(new SignSgd(), -9, 9), _ => 0.3, signed),
            ], backend);
            for (int step = 0; step < 5; step++)
            {
                foreach (var parameter in parameters)
                    foreach (ref float value in gradients.Of(parameter)) value = random.NextSingle() - 0.5f;
                optimiser.Step(step, gradients.Gradients);
            }

            return [.. parameters.SelectMany(parameter => parameter.Values.ToArray())];
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ARuleFromElsewhereSeesEveryValueOnceAndTheWholeMatrixWhereItNeedsIt(bool whole)
    {
        Parameter large = new("large", 200, 300), small = new("small", 3);
        var gradients = new GivenGradients(large, small);
        gradients.Of(large).Fill(2);
        gradients.Of(small).Fill(-1);
        var rule = new UnitStep(whole);
        var optimiser = new Optimiser([Group("all", new Ascent(rule, -1, 1), _ => 0.5, large, small)], _backend);
        for (int step = 0; step < 2; step++) optimiser.Step(step, gradients.Gradients);
        // Along the gradient at unit length: by the whole matrix, or by parts of at most 16 Ki.
        Assert.Equal(2 * 0.5 / Math.Sqrt(whole ? 60_000 : 16_384), large.Values[0], 1e-6);
        Assert.Equal(-2 * 0.5 / Math.Sqrt(3), small.Values[2], 1e-6);
        Assert.All(optimiser.State.Where(array => array.Name.EndsWith(".visits", StringComparison.Ordinal)), array =>
            Assert.All(array.Values.ToArray(), visits => Assert.Equal(2, visits)));
    }

    [Fact]
    public void StateIsNamedByParameterAndByGroupWhereThereAreSeveral()
    {
        Parameter a = new("a", 2, 3), b = new("b", 1);
        ParameterGroup network = Group("network", new AdamW(), _ => 1, a), sources = Group("sources", new Ascent(new Sgd(0.9), 0, 1), _ => 1, b);
        Assert.Equal(
            [("0000.a", 6), ("0000.a.first_moment", 6), ("0000.a.second_moment", 6), ("0001.b", 1), ("0001.b.first_moment", 1), ("0001.b.second_moment", 1)],
            Named(network with { Parameters = new ParameterSet([a, b]) }));
        Assert.Equal(
            [("network.0000.a", 6), ("network.0000.a.first_moment", 6), ("network.0000.a.second_moment", 6), ("sources.0000.b", 1), ("sources.0000.b.velocity", 1)],
            Named(network, sources));
        Assert.Equal([("0000.b", 1)], Named(sources with { Rule = new Sgd() }));
        Assert.Equal([("0000.b", 1)], Named(sources with { Rule = new SignSgd() }));
        var values = new Optimiser([network], _backend).State[0].Values;
        values.Span[5] = 4;
        Assert.Equal(4, a[1, 2]);

        IEnumerable<(string, int)> Named(params ParameterGroup[] groups) =>
            new Optimiser(groups, _backend).State.Select(array => (array.Name, array.Values.Length));
    }

    [Fact]
    public void AParameterNamedTwiceIsSteppedOnce()
    {
        var parameter = new Parameter("parameter", 2);
        var gradients = new GivenGradients(parameter, parameter);
        gradients.Of(parameter).Fill(1);
        new Optimiser([new ParameterGroup("all", gradients.Set, new AdamW(), _ => 0.5)], _backend).Step(0, gradients.Gradients);
        Assert.Equal(-0.5, parameter.Values[0], 1e-6);
    }

    [Fact]
    public void NoParametersAreNoWork()
    {
        var gradients = new GivenGradients();
        var optimiser = new Optimiser([new ParameterGroup("none", gradients.Set, new AdamW(), _ => 0.5, ClipNorm: 1)], _backend);
        optimiser.Step(0, gradients.Gradients);
        Assert.Empty(optimiser.State);
    }

    [Fact]
    public void GroupsThatCannotBeSteppedAreRefusedInOneSentence()
    {
        Parameter a = new("a", 1), b = new("b", 1);
        Refuses("two groups are called 'x'; each needs a name of its own, which its state is kept by", Sgd("x", a), Sgd("x", b));
        Refuses("the parameter 'a' is in two groups; it can be in one", Sgd("x", a, b), Sgd("y", a));
        foreach (double clip in new[] { 0, -1, double.NaN })
            Refuses($"the group 'x' clips to a norm of {clip}, which must be above 0", Sgd("x", a) with { ClipNorm = clip });
        foreach (float low in new[] { 1.5f, float.NaN })
        {
            Assert.Equal(
                $"an ascent keeps values between {low} and 1, the first of which must not be above the second",
                Assert.Throws<ArgumentException>(() => new Ascent(new Sgd(), low, 1)).Message);
        }

        var gradients = new GivenGradients(a);
        Assert.Equal(
            "the gradients hold none of 'b', which a group has",
            Assert.Throws<ArgumentException>(() => new Optimiser([Sgd("x", b)], _backend).Step(0, gradients.Gradients)).Message);

        static ParameterGroup Sgd(string name, params Parameter[] parameters) => Group(name, new Sgd(), _ => 1, parameters);

        void Refuses(string message, params ParameterGroup[] groups) =>
            Assert.Equal(message, Assert.Throws<ArgumentException>(() => new Optimiser(groups, _backend)).Message);
    }

    private static ParameterGroup Group(string name, IUpdateRule rule, Func<long, double> rate, params Parameter[] parameters) =>
        new(name, new ParameterSet(parameters), rule, rate);

    /// <summary>A step of the gradient's direction, whose length is the rate.</summary>
    private sealed class UnitStep(bool whole) : IUpdateRule
    {
        public IReadOnlyList<string> State { get; } = ["visits"];

        public bool NeedsWholeMatrix => whole;

        public void Step(long step, double rate, Stretch stretch)
        {
            Assert.InRange(stretch.Gradient.Length, whole ? stretch.Parameter.Count : 1, whole ? stretch.Parameter.Count : 1 << 14);
            double squares = 0;
            foreach (float gradient in stretch.Gradient) squares += (double)gradient * gradient;
            for (int i = 0; i < stretch.Gradient.Length; i++)
            {
                stretch.Values[i] -= (float)(rate * stretch.Gradient[i] / Math.Sqrt(squares));
                stretch.State(0)[i]++;
            }
        }
    }
}
