namespace Spd.Engine.Tests;

/// <summary>Numbers for tests.</summary>
internal static class Samples
{
    /// <summary>Numbers evenly between two bounds.</summary>
    public static float[] Numbers(int count, int seed, double low = -1, double high = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(low + (high - low) * random.NextDouble()))];
    }

    /// <summary>A parameter of such numbers.</summary>
    public static Parameter Filled(string name, int rows, int columns = 1, int seed = 1, double low = -1, double high = 1)
    {
        var parameter = new Parameter(name, rows, columns);
        Numbers(parameter.Count, seed, low, high).CopyTo(parameter.Values);
        return parameter;
    }

    /// <summary>Whether all numbers are close, to a part of the largest.</summary>
    public static void Close(IEnumerable<double> expected, IEnumerable<float> actual, double tolerance = 1e-5, string what = "values")
    {
        double[] wanted = [.. expected];
        float[] got = [.. actual];
        Assert.Equal(wanted.Length, got.Length);
        double largest = wanted.Select(Math.Abs).DefaultIfEmpty(0).Max();
        for (int i = 0; i < wanted.Length; i++)
            if (!(Math.Abs(wanted[i] - got[i]) <= tolerance * largest + 1e-7)) Assert.Fail($"{what}, entry {i} of {wanted.Length}: {got[i]:G9}, expected {wanted[i]:G9} (largest {largest:G4})");
    }

    /// <summary>Whether all numbers are the same to the bit.</summary>
    public static void SameBits(IEnumerable<double> expected, IEnumerable<double> actual) =>
        Assert.Equal(expected.Select(BitConverter.DoubleToInt64Bits), actual.Select(BitConverter.DoubleToInt64Bits));
}
