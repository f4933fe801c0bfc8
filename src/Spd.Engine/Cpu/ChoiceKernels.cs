using Spd.Engine.Operations;

namespace Spd.Engine.Cpu;

/// <summary>The kernels of the operations that choose among numbers, or count them.</summary>
internal static class ChoiceKernels
{
    public static void AddTo(CpuBackend backend) => backend
        .Add(new FunctionKernel<TableRows>(_ => default, TableRows)).Add(new FunctionKernel<GroupMinimum>(_ => default, GroupMinimum))
        .Add(new FunctionKernel<Smallest>(_ => default, Smallest)).Add(new FunctionKernel<RandomSubset>(_ => default, RandomSubset))
        .Add(new FunctionKernel<CountAbove>(_ => new() { Reduces = 1 }, CountAbove))
        .Add(new FunctionKernel<Maximum>(_ => new() { Reduces = 1, IsMaximum = true }, Maximum))
        .Add(new FunctionKernel<Histogram>(_ => new() { Reduces = 1 }, Histogram));

    private static void TableRows(TableRows operation, in Call call)
    {
        var choice = call.Input(0);
        var result = call.Result(0);
        float[,] table = operation.Table;
        for (int lane = 0; lane < call.Lanes; lane++)
        {
            int example = (int)(choice[lane] * (double)table.GetLength(0));
            for (int feature = 0; feature < table.GetLength(1); feature++) result[feature * call.Stride + lane] = table[example, feature];
        }
    }

    private static void GroupMinimum(GroupMinimum operation, in Call call)
    {
        var result = call.Result(0);
        call.Input(0).CopyTo(result);
        // By index: an enumerator of an interface would be allocated for every lane.
        for (int i = 0; i < operation.Groups.Count; i++)
        {
            var group = operation.Groups[i];
            for (int lane = 0; lane < call.Lanes; lane++)
            {
                float smallest = float.MaxValue;
                for (int j = 0; j < group.Count; j++) smallest = Math.Min(smallest, result[group[j] * call.Stride + lane]);
                for (int j = 0; j < group.Count; j++) result[group[j] * call.Stride + lane] = smallest;
            }
        }
    }

    private static void Smallest(Smallest operation, in Call call)
    {
        var numbers = call.Input(0);
        var result = call.Result(0);
        result.Fill(1);
        for (int lane = 0; lane < call.Lanes; lane++)
        {
            for (int chosen = 0; chosen < operation.N; chosen++)
            {
                int best = -1;
                for (int at = lane; at < result.Length; at += call.Stride)
                    if (result[at] != 0 && (best < 0 || numbers[at] < numbers[best])) best = at;
                result[best] = 0;
            }
        }
    }

    private static void RandomSubset(RandomSubset operation, in Call call)
    {
        ReadOnlySpan<float> noise = call.Input(0), choice = call.Input(1);
        var result = call.Result(0);
        int rows = operation.Noise.Rows;
        for (int lane = 0; lane < call.Lanes; lane++)
        {
            int k = 1 + (int)(choice[lane] * (double)rows);
            for (int row = 0; row < rows; row++)
            {
                float own = noise[row * call.Stride + lane];
                int rank = 0;
                for (int other = 0; other < rows; other++)
                {
                    float number = noise[other * call.Stride + lane];
                    if (number < own || (number == own && other < row)) rank++;
                }

                result[row * call.Stride + lane] = rank < k ? 1 : 0;
            }
        }
    }

    private static void CountAbove(CountAbove operation, in Call call)
    {
        ReadOnlySpan<float> x = call.Input(0), mask = call.LaneMask;
        var counts = call.Result(0);
        for (int row = 0; row < call.Rows; row++)
            for (int lane = 0; lane < mask.Length; lane++)
                if (x[row * call.Stride + lane] > operation.Threshold) counts[row] += mask[lane];
    }

    private static void Maximum(Maximum operation, in Call call)
    {
        ReadOnlySpan<float> x = call.Input(0), mask = call.LaneMask;
        var largest = call.Result(0);
        for (int row = 0; row < call.Rows; row++)
            for (int lane = 0; lane < mask.Length; lane++)
                if (mask[lane] != 0) largest[row] = Math.Max(largest[row], x[row * call.Stride + lane]);
    }

    private static void Histogram(Histogram operation, in Call call)
    {
        ReadOnlySpan<float> x = call.Input(0), mask = call.LaneMask;
        var counts = call.Result(0);
        for (int row = 0; row < call.Rows; row++)
            for (int lane = 0; lane < mask.Length; lane++)
                counts[row * call.RowStepOfResult(0) + (int)Math.Clamp(x[row * call.Stride + lane] * operation.Bins, 0, operation.Bins - 1)] += mask[lane];
    }
}
