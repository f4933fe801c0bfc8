using Spd.Engine.Execution;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>
/// Runs instructions over the panels of a batch. The batch is cut into leaves, runs of panels whose sums are added up apart and handed in one after the other.
/// A thread takes a leaf; where there are more threads than leaves, several share one, instruction by instruction, in blocks of rows.
/// </summary>
/// <remarks>
/// Which panels a leaf has, and the order in which leaves are added, are the plan's. An element does not depend on the block that it is computed in. So sums
/// have the same bits on any number of threads.
/// </remarks>
/// <param name="plan">The plan.</param>
/// <param name="backend">The threads, and what takes in sums.</param>
/// <param name="workspaces">One for each thread that runs a leaf.</param>
/// <param name="instructions">What is run on every panel.</param>
/// <param name="sums">What is summed: where it lies in a workspace and in the total.</param>
/// <param name="total">What sums are added to.</param>
/// <param name="numberTotals">What numbers are added to.</param>
internal sealed unsafe class PanelPhase(
    Plan plan, CpuBackend backend, Workspace[] workspaces, Instruction[] instructions, IReadOnlyList<(int Offset, int Length, bool IsMaximum)> sums,
    AlignedBuffer total, double[] numberTotals) : IParallelWork
{
    private readonly (int Offset, int Length, bool IsMaximum)[] _stretches =
    [
        .. sums.SelectMany(sum => WorkerPool.Stretches(sum.Length), (sum, stretch) => (sum.Offset + stretch.First, stretch.Length, sum.IsMaximum)),
    ];

    // The numbers of each leaf; the leaf that adds to each stretch next, and whoever shares a leaf, where several threads do.
    private readonly double[][] _numbers = [.. Enumerable.Range(0, plan.Leaves).Select(_ => new double[numberTotals.Length])];
    private readonly Team[] _teams = [.. Enumerable.Range(0, backend.Threads > plan.Leaves ? plan.Leaves : 0).Select(_ => new Team())];
    private readonly int[] _turns = new int[sums.Sum(sum => WorkerPool.Stretches(sum.Length).Count())];
    private volatile bool _failed = true;

    public void Run(ulong seed, long step)
    {
        foreach (var workspace in workspaces) (workspace.Seed, workspace.Step) = (seed, step);
        foreach (double[] numbers in _numbers) Array.Clear(numbers);
        foreach (var team in _teams) team.Begin();
        Array.Clear(_turns);
        // What panels before a failure added belongs to no later run.
        if (_failed) ClearLeaves();
        _failed = false;
        backend.Pool.Run(this, _teams.Length == 0 ? plan.Leaves : plan.Leaves * ((backend.Threads + plan.Leaves - 1) / plan.Leaves));
        for (int leaf = 0; leaf < plan.Leaves; leaf++) backend.Reduction.Add(leaf, _numbers[leaf], numberTotals);
    }

    public void Execute(int item, int worker)
    {
        int leaf = item % plan.Leaves;
        try
        {
            if (_teams.Length == 0) RunLeaf(leaf, workspaces[worker]);
            else RunShared(leaf, workspaces[leaf], _teams[leaf]);
        }
        catch
        {
            _failed = true;
            throw;
        }
    }

    private (int First, int End) PanelsOf(int leaf) =>
        ((int)((long)plan.Panels * leaf / plan.Leaves), (int)((long)plan.Panels * (leaf + 1) / plan.Leaves));

    private void RunLeaf(int leaf, Workspace workspace)
    {
        workspace.NumberSums = _numbers[leaf];
        var (first, end) = PanelsOf(leaf);
        for (int panel = first; panel < end; panel++)
        {
            workspace.MoveTo(panel);
            foreach (var instruction in instructions) instruction.Run(workspace);
        }

        HandIn(leaf, workspace);
    }

    /// <summary>
    /// One member's part of a leaf that several threads share. The instructions of all panels are numbered; whoever finishes the last block of one opens the
    /// next, so that nobody is waited for who holds no block.
    /// </summary>
    private void RunShared(int leaf, Workspace workspace, Team team)
    {
        var (first, end) = PanelsOf(leaf);
        int perPanel = instructions.Length + 1;
        long last = (long)(end - first) * perPanel;
        var wait = default(SpinWait);
        while (!_failed)
        {
            var (number, block) = team.Claim();
            if (number > last) return;
            var instruction = number == last || number % perPanel == 0 ? null : instructions[number % perPanel - 1];
            int blocks = instruction?.Blocks ?? 1;
            if (block >= blocks)
            {
                wait.Reset();
                while (team.Number == number && !_failed) wait.SpinOnce(sleep1Threshold: -1);
                continue;
            }

            if (instruction is not null) instruction.RunBlock(workspace, block);
            else if (number == last) HandIn(leaf, workspace);
            else
            {
                workspace.NumberSums = _numbers[leaf];
                workspace.MoveTo(first + (int)(number / perPanel));
            }

            team.Finish(number, blocks);
        }
    }

    /// <summary>Adds a leaf's sums to the total, a stretch at a time, each when the leaf before has.</summary>
    private void HandIn(int leaf, Workspace workspace)
    {
        if (plan.Leaves == 1) return;
        var wait = default(SpinWait);
        for (int i = 0; i < _stretches.Length; i++)
        {
            var (offset, length, isMaximum) = _stretches[i];
            wait.Reset();
            while (Volatile.Read(ref _turns[i]) != leaf)
            {
                if (_failed) return;
                wait.SpinOnce(sleep1Threshold: -1);
            }

            backend.Reduction.Add(leaf, length, workspace.Sums.Pointer + offset, total.Pointer + offset, isMaximum);
            Volatile.Write(ref _turns[i], leaf + 1);
        }
    }

    private void ClearLeaves()
    {
        if (plan.Leaves == 1) return;
        foreach (var workspace in workspaces)
            foreach (var (offset, length, isMaximum) in _stretches) workspace.Sums.Span.Slice(offset, length).Fill(isMaximum ? float.NegativeInfinity : 0);
    }

    /// <summary>Which block of which instruction is next.</summary>
    private sealed class Team
    {
        private const int BlockBits = 20;

        private long _next;
        private int _finished;

        public long Number => Volatile.Read(ref _next) >> BlockBits;

        public void Begin() => (_next, _finished) = (0, 0);

        public (long Number, int Block) Claim()
        {
            long next = Interlocked.Increment(ref _next) - 1;
            return (next >> BlockBits, (int)(next & ((1 << BlockBits) - 1)));
        }

        public void Finish(long number, int blocks)
        {
            if (Interlocked.Increment(ref _finished) != blocks) return;
            _finished = 0;
            Volatile.Write(ref _next, (number + 1) << BlockBits);
        }
    }
}
