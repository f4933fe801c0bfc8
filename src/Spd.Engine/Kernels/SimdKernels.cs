using System.Runtime.CompilerServices;

namespace Spd.Engine.Kernels;

/// <summary>The kernels written once for every vector width; the gate, whose curve depends on the width, is added by the sealed classes.</summary>
/// <typeparam name="TVector">The bare vector type.</typeparam>
/// <typeparam name="TSimd">Its instructions.</typeparam>
public abstract unsafe partial class SimdKernels<TVector, TSimd> : KernelSet
    where TVector : struct
    where TSimd : struct, ISimd<TVector>
{
    private const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
}
