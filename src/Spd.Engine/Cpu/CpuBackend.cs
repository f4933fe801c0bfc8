using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>The processor: threads, a set of kernels, and for each operation how it is computed with them.</summary>
public sealed class CpuBackend : Backend
{
    private readonly Dictionary<Type, CpuKernel> _kernels = [], _gradients = [];
    private readonly AlignedBuffer?[] _panels;

    /// <summary>A back end of so many threads; results have the same bits on any number.</summary>
    /// <param name="threads">Threads, the calling one among them; null for one for each processor.</param>
    /// <param name="kernels"><c>vector512</c>, <c>vector256</c> or <c>scalar</c>; null or empty for the widest that this processor runs.</param>
    /// <exception cref="ArgumentException">There is no such set of kernels.</exception>
    /// <exception cref="PlatformNotSupportedException">This processor lacks its instructions.</exception>
    public CpuBackend(int? threads = null, string? kernels = null)
    {
        Kernels = KernelSet.Create(string.IsNullOrEmpty(kernels) ? KernelSet.Available[0] : kernels);
        Pool = new WorkerPool(threads ?? Environment.ProcessorCount);
        Reduction = new LocalReduction(Kernels);
        _panels = new AlignedBuffer?[Pool.Threads];
        CpuKernels.AddTo(this);
    }

    public override string Name => Kernels.Name;

    internal override KernelSet Kernels { get; }

    internal override WorkerPool Pool { get; }

    internal IReduction Reduction { get; init; }

    // Rows of the blocks of an instruction that several threads share.
    internal int BlockRows { get; init; } = 48;

    /// <summary>Adds a kernel for an operation, in place of one it has.</summary>
    /// <param name="kernel">How it is computed.</param>
    /// <param name="gradient">Where it is a <see cref="Map"/>, a <see cref="NumberMap"/> or a <see cref="Combine"/>: the kernel of its
    /// <see cref="MapGradient"/>, <see cref="NumberMapGradient"/> or <see cref="CombineGradient"/>.</param>
    /// <returns>This back end.</returns>
    public CpuBackend Add<TOperation>(CpuKernel<TOperation> kernel, CpuKernel? gradient = null)
        where TOperation : Operation
    {
        _kernels[typeof(TOperation)] = kernel;
        if (gradient is not null) _gradients[typeof(TOperation)] = gradient;
        return this;
    }

    public override Traits TraitsOf(Operation operation) => KernelOf(operation).TraitsOf(operation);

    internal CpuKernel KernelOf(Operation operation)
    {
        var (kernels, type) = operation switch
        {
            MapGradient gradient => (_gradients, gradient.Of.GetType()),
            CombineGradient gradient => (_gradients, gradient.Of.GetType()),
            NumberMapGradient gradient => (_gradients, gradient.Of.GetType()),
            _ => (_kernels, operation.GetType()),
        };
        return kernels.TryGetValue(type, out var kernel)
            ? kernel
            : throw new NotSupportedException($"the processor has no kernel for the operation {operation.Name}: give it one with CpuBackend.Add");
    }

    /// <summary>
    /// Memory for a panel of any program: it means nothing from one phase to the next, and <see cref="Pool"/> runs one phase at a time. So training, evaluation and
    /// adversary take no more than the largest of them.
    /// </summary>
    internal AlignedBuffer PanelOf(int worker, long length)
    {
        ref var panel = ref _panels[worker];
        if (panel is null || panel.Length < length) panel = new AlignedBuffer(length);
        return panel;
    }

    protected override Program Compile(Plan plan, ParameterSet trained, Program? given) => new CpuProgram(this, plan, trained, (CpuProgram?)given);

    protected override void Dispose(bool isDisposing)
    {
        if (isDisposing) Pool.Dispose();
    }
}
