using Spd.Engine.Kernels;
using Spd.Engine.Operations;

namespace Spd.Engine.Cpu;

/// <summary>The kernels of elementwise operations and their derivatives, each compiled for its function.</summary>
internal static unsafe class ElementwiseKernels
{
    public static void AddTo(CpuBackend backend) => backend
        .Map((Relu _) => default(ReluFunction)).Map((Gelu _) => default(GeluFunction)).Map((GeluTanh _) => default(GeluTanhFunction))
        .Map((Tanh _) => default(TanhFunction)).Map((Sigmoid _) => default(SigmoidFunction)).Map((Silu _) => default(SiluFunction))
        .Map((Absolute _) => default(AbsoluteFunction)).Map((Power power) => new PowerFunction(power.Exponent, power.Offset))
        .Map((Above above) => new AboveFunction(above.Threshold))
        .Map((LowerLeakyHardSigmoid _) => default(LowerLeakyFunction)).Map((UpperLeakyHardSigmoid _) => default(UpperLeakyFunction))
        .Map((HardSigmoid hard) => new HardSigmoidFunction(hard.Leak)).Map((LeakyHardSigmoid leaky) => new LeakyHardSigmoidFunction(leaky.IsSymmetric))
        .Map((SwishHardSigmoid _) => default(SwishHardSigmoidFunction)).Map((Affine affine) => new AffineFunction(affine.Scale, affine.Shift))
        .Map((FrequencyCost cost) => new FrequencyCostFunction((float)cost.Count))
        .NumberMap((PowerOf power, double exponent) => new PowerFunction((float)exponent, power.Offset))
        .NumberMap((SmoothCount count, double width) => new SmoothCountFunction((float)(width * width), count.IsOneAtOne))
        .Combine((Multiply _) => default(MultiplyFunction)).Combine((Interpolate _) => default(InterpolateFunction))
        .Combine((SwiGlu _) => default(SwiGluFunction))
        .Combine((AffineBelow below) => new AffineBelowFunction(below.Threshold, below.Scale, below.Shift));

    private static CpuBackend Map<TOperation, TFunction>(this CpuBackend backend, Func<TOperation, TFunction> functionOf)
        where TOperation : Map
        where TFunction : struct, IUnaryFunction
    {
        return backend.Add(
            new FunctionKernel<TOperation>(_ => new() { Overwrites = 0b1, SplitsByRows = true }, Value),
            new FunctionKernel<MapGradient>(_ => new() { Accumulates = 1, Overwrites = 0b11, SplitsByRows = true }, Gradient));

        void Value(TOperation operation, in Call call) => call.Kernels.Map(functionOf(operation), call.Count, call.InRows(0), call.OutRows(0));

        void Gradient(MapGradient operation, in Call call)
        {
            var function = functionOf((TOperation)operation.Of);
            if (call.Accumulates(0)) call.Kernels.MapBackward(function, call.Count, call.InRows(0), call.InRows(1), call.OutRows(0));
            else call.Kernels.Combine(new Slope<TFunction>(function), call.Count, call.InRows(0), call.InRows(1), call.OutRows(0));
        }
    }

    private static CpuBackend NumberMap<TOperation, TFunction>(this CpuBackend backend, Func<TOperation, double, TFunction> functionOf)
        where TOperation : NumberMap
        where TFunction : struct, IUnaryFunction
    {
        return backend.Add(
            new FunctionKernel<TOperation>(_ => new() { Overwrites = 0b1, SplitsByRows = true }, Value),
            new FunctionKernel<NumberMapGradient>(_ => new() { Accumulates = 1, Overwrites = 0b101, SplitsByRows = true }, Gradient));

        void Value(TOperation operation, in Call call) =>
            call.Kernels.Map(functionOf(operation, call.Number(1)), call.Count, call.InRows(0), call.OutRows(0));

        void Gradient(NumberMapGradient operation, in Call call)
        {
            var function = functionOf((TOperation)operation.Of, call.Number(1));
            if (call.Accumulates(0)) call.Kernels.MapBackward(function, call.Count, call.InRows(0), call.InRows(2), call.OutRows(0));
            else call.Kernels.Combine(new Slope<TFunction>(function), call.Count, call.InRows(0), call.InRows(2), call.OutRows(0));
        }
    }

    private static CpuBackend Combine<TOperation, TFunction>(this CpuBackend backend, Func<TOperation, TFunction> functionOf)
        where TOperation : Combine
        where TFunction : struct, IBinaryFunction
    {
        return backend.Add(
            new FunctionKernel<TOperation>(_ => new() { Overwrites = 0b11, SplitsByRows = true }, Value),
            new FunctionKernel<CombineGradient>(_ => new() { Accumulates = 0b11, Overwrites = 0b111, SplitsByRows = true }, Gradients));

        void Value(TOperation operation, in Call call) =>
            call.Kernels.Combine(functionOf(operation), call.Count, call.InRows(0), call.InRows(1), call.OutRows(0));

        void Gradients(CombineGradient operation, in Call call) => call.Kernels.CombineBackward(
            functionOf((TOperation)operation.Of), call.Count, call.InRows(0), call.InRows(1), call.InRows(2),
            call.OutRows(0), call.OutRows(1), call.Accumulates(0), call.Accumulates(1));
    }
}
