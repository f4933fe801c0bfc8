using Spd.Engine.Cpu;
using Spd.Engine.Kernels;

namespace Spd.Tests;

/// <summary>The back end that tests run on: its kernels are those that the variable SPD_KERNELS names, as ./test sets it.</summary>
internal static class TestBackend
{
    /// <summary>The name of the kernels; null for the widest.</summary>
    public static string? KernelName => Environment.GetEnvironmentVariable("SPD_KERNELS") is { Length: > 0 } name ? name : null;

    /// <summary>The kernels themselves.</summary>
    public static KernelSet Kernels => KernelName is { } name ? KernelSet.Create(name) : KernelSet.Widest();

    /// <summary>A back end of so many threads.</summary>
    public static CpuBackend Create(int threads = 2) => new(threads, KernelName);
}
