using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>The kernels of elementwise operations, each compiled for its function.</summary>
internal static class ElementwiseKernels
{
    public static CpuBackend AddElementwiseKernels(this CpuBackend backend) => backend
        .Map((Relu _) => default(ReluFunction)).Map((Gelu _) => default(GeluFunction)).Map((GeluTanh _) => default(GeluTanhFunction))
        .Map((Tanh _) => default(TanhFunction)).Map((Sigmoid _) => default(SigmoidFunction)).Map((Silu _) => default(SiluFunction))
        .Map((Absolute _) => default(AbsoluteFunction)).Map((Power power) => new PowerFunction(power.Exponent, power.Offset))
        .Map((Above above) => new AboveFunction(above.Threshold))
        .Map((LowerLeakyHardSigmoid _) => default(LowerLeakyFunction)).Map((UpperLeakyHardSigmoid _) => default(UpperLeakyFunction))
        .Combine((Multiply _) => default(MultiplyFunction)).Combine((Interpolate _) => default(InterpolateFunction))
        .Combine((AffineBelow below) => new AffineBelowFunction(below.Threshold, below.Scale, below.Shift));

    private static CpuBackend Map<TOperation, TFunction>(this CpuBackend backend, Func<TOperation, TFunction> function)
        where TOperation : Map
        where TFunction : struct, IUnaryFunction =>
        backend.Add(new MapKernel<TOperation, TFunction>(function), new MapGradientKernel<TOperation, TFunction>(function));

    private static CpuBackend Combine<TOperation, TFunction>(this CpuBackend backend, Func<TOperation, TFunction> function)
        where TOperation : Combine
        where TFunction : struct, IBinaryFunction =>
        backend.Add(new CombineKernel<TOperation, TFunction>(function), new CombineGradientKernel<TOperation, TFunction>(function));
}

internal sealed unsafe class MapKernel<TOperation, TFunction>(Func<TOperation, TFunction> function) : CpuKernel<TOperation>
    where TOperation : Map
    where TFunction : struct, IUnaryFunction
{
    public override Traits TraitsOf(TOperation operation) => new() { Overwrites = 0b1, SplitsByRows = true };

    public override void Run(TOperation operation, in Call call) =>
        call.Kernels.Map(function(operation), call.Count, call.InRows(0), call.OutRows(0));
}

internal sealed unsafe class MapGradientKernel<TOperation, TFunction>(Func<TOperation, TFunction> function) : CpuKernel<MapGradient>
    where TOperation : Map
    where TFunction : struct, IUnaryFunction
{
    public override Traits TraitsOf(MapGradient operation) => new() { Accumulates = 1, Overwrites = 0b11, SplitsByRows = true };

    public override void Run(MapGradient operation, in Call call)
    {
        var f = function((TOperation)operation.Of);
        if (call.Accumulates(0)) call.Kernels.MapBackward(f, call.Count, call.InRows(0), call.InRows(1), call.OutRows(0));
        else call.Kernels.Combine(new Slope<TFunction>(f), call.Count, call.InRows(0), call.InRows(1), call.OutRows(0));
    }
}

internal sealed unsafe class CombineKernel<TOperation, TFunction>(Func<TOperation, TFunction> function) : CpuKernel<TOperation>
    where TOperation : Combine
    where TFunction : struct, IBinaryFunction
{
    public override Traits TraitsOf(TOperation operation) => new() { Overwrites = 0b11, SplitsByRows = true };

    public override void Run(TOperation operation, in Call call) =>
        call.Kernels.Combine(function(operation), call.Count, call.InRows(0), call.InRows(1), call.OutRows(0));
}

internal sealed unsafe class CombineGradientKernel<TOperation, TFunction>(Func<TOperation, TFunction> function) : CpuKernel<CombineGradient>
    where TOperation : Combine
    where TFunction : struct, IBinaryFunction
{
    public override Traits TraitsOf(CombineGradient operation) => new() { Accumulates = 0b11, Overwrites = 0b111, SplitsByRows = true };

    public override void Run(CombineGradient operation, in Call call) => call.Kernels.CombineBackward(
        function((TOperation)operation.Of), call.Count, call.InRows(0), call.InRows(1), call.InRows(2),
        call.OutRows(0), call.OutRows(1), call.Accumulates(0), call.Accumulates(1));
}
