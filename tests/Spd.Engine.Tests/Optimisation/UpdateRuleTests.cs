using Spd.Engine.Cpu;
using Spd.Engine.Kernels;
using Spd.Engine.Optimisation;
using Spd.Tests;
using Spd.Engine.Tests.Kernels;

namespace Spd.Engine.Tests.Optimisation;

public sealed class UpdateRuleTests : IDisposable
{
    private readonly CpuBackend _backend = TestBackend.Create();

    public void Dispose() => _backend.Dispose();

    private static readonly Dictionary<string, (IUpdateRule Rule, Func<int, Reference> Reference)> Rules = new()
    {
        ["AdamW"] = (new AdamW(), count => new AdamReference(count, 0)),
        ["AdamW, decay 0.01"] = (new AdamW(0.01), count => new AdamReference(count, 0.01)),
        ["AdamW, decay 0.5"] = (new AdamW(0.5), count => new AdamReference(count, 0.5)),
        ["AdamW, betas"] = (new AdamW(0, 0.5, 0.9, 1e-3), count => new AdamReference(count, 0, 0.5, 0.9, 1e-3)),
        ["SGD"] = (new Sgd(), count => new SgdReference(count, 0)),
        ["SGD, momentum"] = (new Sgd(0.9), count => new SgdReference(count, 0.9)),
        ["sign"] = (new SignSgd(), count => new SignReference(count)),
    };

    public static TheoryData<string> Sets => [.. TriedKernels.Names];

    public static TheoryData<string, string> SetsAndRules =>
        [.. TriedKernels.Names.SelectMany(set => Rules.Keys.Select(rule => new TheoryDataRow<string, string>(set, rule)))];

    public static TheoryData<string, string, bool> BothWays => [.. SetsAndRules.SelectMany(row => new[] { false, true }
        .Select(ascends => new TheoryDataRow<string, string, bool>(row.Data.Item1, row.Data.Item2, ascends)))];

    [Theory]
    [MemberData(nameof(BothWays))]
    public void ManyStepsFollowTheReferenceForEverySize(string set, string name, bool ascends)
    {
        Parameter[] parameters =
        [
            .. new[] { (1, 1), (3, 1), (5, 3), (16, 1), (31, 1), (4, 16), (7, 19) }
                .Select(shape => new Parameter($"p{shape.Item1}", shape.Item1, shape.Item2)),
        ];
        var (rule, make) = Rules[name];
        var reference = parameters.Select(parameter => make(parameter.Count)).ToArray();
        var random = new Random(4);
        for (int p = 0; p < parameters.Length; p++)
        {
            for (int i = 0; i < parameters[p].Count; i++)
            {
                float value = 2 * random.NextSingle() - 1;
                parameters[p].Values[i] = value;
                reference[p].Values[i] = value;
            }
        }

        using var backend = new CpuBackend(1, set);
        var gradients = new GivenGradients(parameters);
        var optimiser = new Optimiser(
            [new ParameterGroup("all", gradients.Set, ascends ? new Ascent(rule, -0.5f, 0.75f) : rule, Rate)], backend);
        for (int step = 0; step < 300; step++)
        {
            for (int p = 0; p < parameters.Length; p++)
            {
                var gradient = gradients.Of(parameters[p]);
                // Magnitudes from 1e-6 to 10, and zeros, as in a network whose parts train at different speeds.
                for (int i = 0; i < gradient.Length; i++) gradient[i] = i % 5 == 4 ? 0 : (float)((random.NextDouble() - 0.4) * Math.Pow(10, i % 8 - 6));
                reference[p].Step(gradient, step, ascends ? -Rate(step) : Rate(step));
                if (ascends)
                    foreach (ref double value in reference[p].Values.AsSpan()) value = Math.Clamp(value, -0.5, 0.75);
            }

            optimiser.Step(step, gradients.Gradients);
        }

        for (int p = 0; p < parameters.Length; p++)
            for (int i = 0; i < parameters[p].Count; i++)
                Assert.Equal(reference[p].Values[i], parameters[p].Values[i], 3e-5 * Math.Max(1, Math.Abs(reference[p].Values[i])));

        static double Rate(long step) => 0.01 * (1 - step / 400.0);
    }

    [Theory]
    [MemberData(nameof(SetsAndRules))]
    public void AnAscentEndsAtTheHighestPointWithinItsBounds(string set, string name)
    {
        // The highest point of −(x − peak)² in [0, 1], where decay does not pull toward zero.
        float[] peaks = [-0.5f, 0.25f, 0.75f, 2];
        var rule = Rules[name].Rule is AdamW { WeightDecay: > 0 } adam ? adam with { WeightDecay = 0 } : Rules[name].Rule;
        var parameter = new Parameter("x", peaks.Length);
        parameter.Values.Fill(0.5f);
        using var backend = new CpuBackend(1, set);
        var gradients = new GivenGradients(parameter);
        var optimiser = new Optimiser([new ParameterGroup("x", gradients.Set, new Ascent(rule, 0, 1), step => 0.1 / (1 + step))], backend);
        for (int step = 0; step < 2000; step++)
        {
            for (int i = 0; i < peaks.Length; i++) gradients.Of(parameter)[i] = -2 * (parameter.Values[i] - peaks[i]);
            optimiser.Step(step, gradients.Gradients);
            Assert.All(parameter.Values.ToArray(), value => Assert.InRange(value, 0, 1));
        }

        Assert.Equal(0, parameter.Values[0]);
        Assert.Equal(0.25, parameter.Values[1], 0.07);
        Assert.Equal(0.75, parameter.Values[2], 0.07);
        Assert.Equal(1, parameter.Values[3]);
    }

    [Theory]
    [MemberData(nameof(BothWays))]
    public void AGradientThatIsNotANumberShowsExceptThatItHasNoSign(string set, string name, bool ascends)
    {
        var parameter = new Parameter("parameter", 43);
        parameter.Values.Fill(0.5f);
        using var backend = new CpuBackend(1, set);
        var gradients = new GivenGradients(parameter);
        gradients.Of(parameter).Fill(1);
        foreach (int i in new[] { 3, 20, 42 }) gradients.Of(parameter)[i] = float.NaN;
        var rule = Rules[name].Rule;
        new Optimiser([new ParameterGroup("one", gradients.Set, ascends ? new Ascent(rule, 0, 1) : rule, _ => 0.125)], backend)
            .Step(0, gradients.Gradients);
        for (int i = 0; i < parameter.Count; i++)
        {
            bool isNaN = i is 3 or 20 or 42;
            if (!isNaN) Assert.InRange(ascends ? parameter.Values[i] - 0.5 : 0.5 - parameter.Values[i], 0.05, 0.2);
            else Assert.Equal(rule is SignSgd ? 0.5f : float.NaN, parameter.Values[i]);
        }
    }

    [Fact]
    public void TheFirstStepOfAdamMovesByTheLearningRate()
    {
        var parameter = new Parameter("parameter", 3);
        var gradients = new GivenGradients(parameter);
        new[] { 5f, -0.001f, 0f }.CopyTo(gradients.Of(parameter));
        new Optimiser([new ParameterGroup("one", gradients.Set, new AdamW(), _ => 0.25)], _backend).Step(0, gradients.Gradients);
        Assert.Equal(-0.25, parameter.Values[0], 1e-6);
        Assert.Equal(0.25, parameter.Values[1], 1e-5);
        Assert.Equal(0, parameter.Values[2]);
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void SumsOfSquaresAreThoseOfDoubles(string set)
    {
        for (int count = 0; count < 70; count++)
        {
            var random = new Random(count);
            // Squares beyond the range of floats, at both ends.
            float[] values = [.. Enumerable.Range(0, count).Select(i => (random.NextSingle() - 0.5f) * MathF.Pow(10, i % 3 == 0 ? 25 : -i % 30))];
            double expected = values.Sum(value => (double)value * value);
            Assert.Equal(expected, Sum(KernelSet.Create(set), values), 1e-14 * expected);
        }

        static unsafe double Sum(KernelSet kernels, float[] values)
        {
            fixed (float* first = values) return kernels.SumOfSquares(values.Length, first);
        }
    }

    /// <summary>A rule in double precision, as its paper or PyTorch documents it.</summary>
    private abstract class Reference(int count)
    {
        public double[] Values { get; } = new double[count];

        public abstract void Step(ReadOnlySpan<float> gradient, int step, double lr);
    }

    private sealed class AdamReference(int count, double decay, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) : Reference(count)
    {
        private readonly double[] _first = new double[count], _second = new double[count];

        public override void Step(ReadOnlySpan<float> gradient, int step, double lr)
        {
            for (int i = 0; i < gradient.Length; i++)
            {
                Values[i] *= 1 - Math.Abs(lr) * decay;
                _first[i] = beta1 * _first[i] + (1 - beta1) * gradient[i];
                _second[i] = beta2 * _second[i] + (1 - beta2) * gradient[i] * gradient[i];
                double root = Math.Sqrt(_second[i] / (1 - Math.Pow(beta2, step + 1)));
                Values[i] -= lr * (_first[i] / (1 - Math.Pow(beta1, step + 1))) / (root + epsilon);
            }
        }
    }

    private sealed class SgdReference(int count, double momentum) : Reference(count)
    {
        private readonly double[] _velocity = new double[count];

        public override void Step(ReadOnlySpan<float> gradient, int step, double lr)
        {
            for (int i = 0; i < gradient.Length; i++)
            {
                _velocity[i] = momentum * _velocity[i] + gradient[i];
                Values[i] -= lr * _velocity[i];
            }
        }
    }

    private sealed class SignReference(int count) : Reference(count)
    {
        public override void Step(ReadOnlySpan<float> gradient, int step, double lr)
        {
            for (int i = 0; i < gradient.Length; i++) Values[i] -= lr * Math.Sign(gradient[i]);
        }
    }
}
