using Spd.Engine.Cpu;

namespace Spd.Tests;

/// <summary>The back end that tests run on: its kernels are those that the variable SPD_KERNELS names, as ./test sets it.</summary>
internal static class TestBackend
{
    /// <summary>The name of the kernels; null for the widest.</summary>
    public static string? KernelName => Environment.GetEnvironmentVariable("SPD_KERNELS") is { Length: > 0 } name ? name : null;

    /// <summary>Whether its kernels are the scalar ones, which are slow and exact.</summary>
    public static bool IsScalar
    {
        get
        {
            using var backend = Create(threads: 1);
            return backend.Name == "scalar";
        }
    }

    /// <summary>A back end of so many threads.</summary>
    public static CpuBackend Create(int threads = 2) => new(threads, KernelName);
}
