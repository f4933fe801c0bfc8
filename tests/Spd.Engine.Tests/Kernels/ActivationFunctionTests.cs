using Spd.Engine.Cpu;
using Spd.Engine.Kernels;

namespace Spd.Engine.Tests.Kernels;

/// <summary>Every activation function on every kernel set against its formula in double precision, from the smallest floats to the largest.</summary>
public sealed unsafe class ActivationFunctionTests
{
    private const double RootOfTwoOverPi = 0.79788456080286535588;

    public static TheoryData<string> KernelSets => [.. KernelSet.Available];

    [Theory]
    [MemberData(nameof(KernelSets))]
    public void TanhIsAsExactAsAFloat(string kernels) =>
        Check<TanhFunction>(kernels, Math.Tanh, x => 1 / (Math.Cosh(x) * Math.Cosh(x)), relative: 4e-7, absolute: 0);

    [Theory]
    [MemberData(nameof(KernelSets))]
    public void SigmoidIsAsExactAsAFloat(string kernels) =>
        Check<SigmoidFunction>(kernels, Logistic, x => Logistic(x) * Logistic(-x), relative: 4e-7, absolute: 0);

    [Theory]
    [MemberData(nameof(KernelSets))]
    public void SiluIsAsExactAsAFloat(string kernels) =>
        Check<SiluFunction>(kernels, x => x * Logistic(x), x => Logistic(x) * (1 + x * Logistic(-x)), relative: 5e-7, absolute: 2e-7);

    // The argument of the tanh is cubic: half a unit in its last place is a large part of the function far down the negative tail, where it is below 1e-12.
    [Theory]
    [MemberData(nameof(KernelSets))]
    public void TheTanhFormOfTheGeluIsAsExactAsAFloat(string kernels) => Check<GeluTanhFunction>(
        kernels,
        x => x * Logistic(2 * RootOfTwoOverPi * (x + 0.044715 * x * x * x)),
        x =>
        {
            double u = 2 * RootOfTwoOverPi * (x + 0.044715 * x * x * x), s = Logistic(u), slope = 2 * RootOfTwoOverPi * (1 + 3 * 0.044715 * x * x);
            return s + (s * Logistic(-u) is > 0 and var bend ? x * bend * slope : 0);
        },
        relative: 5e-7, absolute: 4e-7);

    // torch.nn.functional's own results.
    [Theory]
    [MemberData(nameof(KernelSets))]
    public void TheFunctionsAreThoseOfPyTorch(string kernels)
    {
        Close([-0.15880801, 0, 0.84119199, 1.95459769], Map<GeluTanhFunction>(kernels, -1, 0, 1, 2).Values);
        Close([-0.26894142, 0, 0.73105858, 1.76159416], Map<SiluFunction>(kernels, -1, 0, 1, 2).Values);
        Close([0.26894142, 0.5, 0.73105858, 0.88079708], Map<SigmoidFunction>(kernels, -1, 0, 1, 2).Values);
        Close([-0.76159416, 0, 0.76159416, 0.96402758], Map<TanhFunction>(kernels, -1, 0, 1, 2).Values);

        static void Close(double[] expected, float[] actual) => Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 3e-7));
    }

    [Theory]
    [MemberData(nameof(KernelSets))]
    public void SymmetriesHoldToTheBit(string kernels)
    {
        float[] x = [.. AllSizes().Where(value => value > 0)], minus = [.. x.Select(value => -value)];
        Assert.Equal(Map<TanhFunction>(kernels, x).Values, Map<TanhFunction>(kernels, minus).Values.Select(value => -value));
        Assert.Equal(Map<TanhFunction>(kernels, x).Slopes, Map<TanhFunction>(kernels, minus).Slopes);
        Assert.Equal(Map<SigmoidFunction>(kernels, x).Slopes, Map<SigmoidFunction>(kernels, minus).Slopes);
    }

    private static double Logistic(double x) => 1 / (1 + Math.Exp(-x));

    private static void Check<TFunction>(string kernels, Func<double, double> value, Func<double, double> slope, double relative, double absolute)
        where TFunction : struct, IUnaryFunction
    {
        float[] x = [.. AllSizes()];
        var (values, slopes) = Map<TFunction>(kernels, x);
        for (int i = 0; i < x.Length; i++)
        {
            Close("value", value(x[i]), values[i], x[i]);
            Close("slope", slope(x[i]), slopes[i], x[i]);
        }

        var (ofNaN, slopeOfNaN) = Map<TFunction>(kernels, float.NaN);
        Assert.True(float.IsNaN(ofNaN[0]) && float.IsNaN(slopeOfNaN[0]));

        void Close(string what, double expected, float actual, float at)
        {
            // Two steps of the smallest floats, which have no relative accuracy.
            double tolerance = relative * Math.Abs(expected) + absolute + 3e-45;
            if (!(Math.Abs(expected - actual) <= tolerance)) Assert.Fail($"the {what} at {at:G9} is {actual:G9}, expected {expected:G9} on {kernels}");
        }
    }

    // Zero, every size of float of both signs, and the middle closely.
    private static IEnumerable<float> AllSizes()
    {
        yield return 0;
        yield return -0f;
        for (int bits = 1; bits < 0x7F800000; bits += 20_011)
        {
            yield return BitConverter.Int32BitsToSingle(bits);
            yield return -BitConverter.Int32BitsToSingle(bits);
        }

        for (float x = -25; x <= 25; x += 0.00073f) yield return x;
        yield return float.MaxValue;
        yield return float.MinValue;
    }

    private static (float[] Values, float[] Slopes) Map<TFunction>(string kernels, params float[] x)
        where TFunction : struct, IUnaryFunction
    {
        var set = KernelSet.Create(kernels);
        int padded = (x.Length + KernelSet.LaneBlock - 1) / KernelSet.LaneBlock * KernelSet.LaneBlock;
        var input = new PinnedFloats(padded, i => i < x.Length ? x[i] : 0);
        PinnedFloats values = new(padded, _ => 0), ones = new(padded, _ => 1), slopes = new(padded, _ => 0);
        set.Map(default(TFunction), padded, input.Pointer, values.Pointer);
        set.MapBackward(default(TFunction), padded, input.Pointer, ones.Pointer, slopes.Pointer);
        return ([.. x.Select((_, i) => values[i])], [.. x.Select((_, i) => slopes[i])]);
    }
}
