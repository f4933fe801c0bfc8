using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>Makes the kernel of an elementwise operation for its function, which is thereby compiled into it.</summary>
internal static class MapKernels
{
    public static IFunctionUser<CpuKernel> Maps { get; } = new MapMaker();

    public static IFunctionUser<CpuKernel> Gradients { get; } = new GradientMaker();

    private sealed class MapMaker : IFunctionUser<CpuKernel>
    {
        public CpuKernel Use<TFunction>(TFunction function) where TFunction : struct, IUnaryFunction => new MapKernel<TFunction>();
    }

    private sealed class GradientMaker : IFunctionUser<CpuKernel>
    {
        public CpuKernel Use<TFunction>(TFunction function) where TFunction : struct, IUnaryFunction => new MapGradientKernel<TFunction>();
    }
}

/// <summary>The same for functions of two values.</summary>
internal static class CombineKernels
{
    public static IBinaryFunctionUser<CpuKernel> Combines { get; } = new CombineMaker();

    public static IBinaryFunctionUser<CpuKernel> Gradients { get; } = new GradientMaker();

    private sealed class CombineMaker : IBinaryFunctionUser<CpuKernel>
    {
        public CpuKernel Use<TFunction>(TFunction function) where TFunction : struct, IBinaryFunction => new CombineKernel<TFunction>();
    }

    private sealed class GradientMaker : IBinaryFunctionUser<CpuKernel>
    {
        public CpuKernel Use<TFunction>(TFunction function) where TFunction : struct, IBinaryFunction => new CombineGradientKernel<TFunction>();
    }
}

internal sealed unsafe class MapKernel<TFunction> : CpuKernel<Map<TFunction>>
    where TFunction : struct, IUnaryFunction
{
    public override Traits TraitsOf(Map<TFunction> operation) => new() { Overwrites = 0b1, SplitsByRows = true };

    public override void Run(Map<TFunction> operation, in Call call) =>
        call.Kernels.Map(operation.Function, call.Count, call.InRows(0), call.OutRows(0));
}

internal sealed unsafe class MapGradientKernel<TFunction> : CpuKernel<MapGradient<TFunction>>
    where TFunction : struct, IUnaryFunction
{
    public override Traits TraitsOf(MapGradient<TFunction> operation) => new() { Accumulates = 1, Overwrites = 0b11, SplitsByRows = true };

    public override void Run(MapGradient<TFunction> operation, in Call call)
    {
        if (call.Accumulates(0)) call.Kernels.MapBackward(operation.Function, call.Count, call.InRows(0), call.InRows(1), call.OutRows(0));
        else call.Kernels.Combine(new Slope<TFunction>(operation.Function), call.Count, call.InRows(0), call.InRows(1), call.OutRows(0));
    }
}

internal sealed unsafe class CombineKernel<TFunction> : CpuKernel<Combine<TFunction>>
    where TFunction : struct, IBinaryFunction
{
    public override Traits TraitsOf(Combine<TFunction> operation) => new() { Overwrites = 0b11, SplitsByRows = true };

    public override void Run(Combine<TFunction> operation, in Call call) =>
        call.Kernels.Combine(operation.Function, call.Count, call.InRows(0), call.InRows(1), call.OutRows(0));
}

internal sealed unsafe class CombineGradientKernel<TFunction> : CpuKernel<CombineGradient<TFunction>>
    where TFunction : struct, IBinaryFunction
{
    public override Traits TraitsOf(CombineGradient<TFunction> operation) => new() { Accumulates = 0b11, Overwrites = 0b111, SplitsByRows = true };

    public override void Run(CombineGradient<TFunction> operation, in Call call) => call.Kernels.CombineBackward(
        operation.Function, call.Count, call.InRows(0), call.InRows(1), call.InRows(2), call.OutRows(0), call.OutRows(1), call.Accumulates(0), call.Accumulates(1));
}

/// <summary><c>f'(x) dy</c> as a function of x and dy.</summary>
internal readonly record struct Slope<TFunction>(TFunction Function) : IBinaryMap
    where TFunction : struct, IUnaryFunction
{
    public TVector Value<TVector, TSimd>(TVector a, TVector b) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        Function.Backward<TVector, TSimd>(a, b);
}
