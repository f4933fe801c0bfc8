using Spd.Engine.Kernels;

namespace Spd.Engine.Tests.Kernels;

/// <summary>The kernel sets that tests try.</summary>
internal static class TriedKernels
{
    /// <summary>
    /// Those of this processor. Where it has no 256 bits, as when the runtime was told to leave them (<c>DOTNET_EnableAVX=0</c>), also those of 256 bits in the
    /// narrower vectors that there are, which is the way that they take on NEON.
    /// </summary>
    public static IReadOnlyList<string> Names { get; } = Vector256Kernels.IsSupported ? KernelSet.Available : [.. KernelSet.Available, "portable"];
}
