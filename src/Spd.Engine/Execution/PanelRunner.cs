using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Engine.Execution;

/// <summary>
/// Runs a graph over a batch, panel by panel: forward, losses and backward of one panel on one thread, in that thread's own memory.
/// </summary>
/// <remarks>
/// The batch is cut into panels of a number of lanes that depends on the graph alone; panels add into a fixed number of accumulators, each the sum of a
/// fixed run of panels, and the accumulators are summed in a fixed order. So the gradients and losses have the same bits on any number of threads.
/// </remarks>
public sealed unsafe class PanelRunner
{
    private const int MostAccumulators = 16;
    private const int SmallestPanel = 64, LargestPanel = 256;
    private const long PanelBytes = 640 * 1024;
    private const long AccumulatorBytes = 256L * 1024 * 1024;

    private readonly Graph _graph;
    private readonly WorkerPool _pool;
    private readonly KernelSet _kernels;
    private readonly Workspace[] _workspaces;
    private readonly Node[] _forward;
    private readonly Node[] _backward;
    private readonly WeightProducts _weightProducts;
    private readonly ParameterGradients[] _accumulators;
    private readonly ParameterGradients _gradients;
    private readonly AccumulatorSum _sum;
    private readonly WeightLoss[][] _weightLosses;
    private readonly double[][] _lossSums;
    private readonly double[] _losses;
    private readonly PanelWork _work;
    private readonly Lock _observerLock = new();
    private Action<Workspace>? _observer;
    private bool _withBackward;

    /// <summary>Prepares the graph for batches of one size; the graph takes no further nodes from here on.</summary>
    /// <param name="graph">The computation.</param>
    /// <param name="batchSize">Rows of a batch.</param>
    /// <param name="pool">The threads.</param>
    /// <param name="kernels">The kernels, or null for <see cref="KernelSet.Default"/>.</param>
    public PanelRunner(Graph graph, int batchSize, WorkerPool pool, KernelSet? kernels = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batchSize, BatchRowsAttribute.Most);
        graph.Compile();
        _graph = graph;
        _pool = pool;
        _kernels = kernels ?? KernelSet.Default();
        _work = new PanelWork(this);
        BatchSize = batchSize;

        PanelLanes = LanesFor(graph, batchSize);
        int panels = (batchSize + PanelLanes - 1) / PanelLanes;
        _forward = [.. graph.Nodes.Where(node => node.IsComputed)];
        _backward = [.. graph.Nodes.Where(node => node.RunsBackward).Reverse()];

        // Panels add only to the parameters that their nodes read, which in a network with wide streams is a small part of all.
        var readByPanels = _backward.SelectMany(node => node.Parameters).ToHashSet();
        var accumulated = new ParameterSet(graph.WithGradients.Parameters.Where(readByPanels.Contains));
        int affordable = (int)Math.Clamp(AccumulatorBytes / sizeof(float) / Math.Max(accumulated.FlatLength, 1), 1, MostAccumulators);
        int accumulators = Math.Min(panels, affordable);

        Panels = panels;
        _weightProducts = new WeightProducts(graph, pool, _kernels);
        _gradients = new ParameterGradients(graph.WithGradients);
        _accumulators = [.. Enumerable.Range(0, accumulators).Select(_ => new ParameterGradients(accumulated))];
        _sum = new AccumulatorSum(_kernels, accumulated, _accumulators, _gradients);
        _weightLosses = GroupsWithoutCommonParameters(graph.WeightLosses);
        int items = accumulators + _weightLosses.Length;
        _workspaces =
        [
            .. Enumerable.Range(0, Math.Min(pool.Threads, items)).Select(_ => new Workspace(graph, _kernels, PanelLanes) { BatchSize = batchSize }),
        ];
        _losses = new double[graph.LossNames.Count];
        _lossSums = [.. Enumerable.Range(0, items).Select(_ => new double[_losses.Length])];
    }

    /// <summary>Rows of a batch.</summary>
    public int BatchSize { get; }

    /// <summary>Lanes of a panel.</summary>
    public int PanelLanes { get; }

    /// <summary>Panels of a batch.</summary>
    public int Panels { get; }

    /// <summary>The gradients of the last run with a backward pass.</summary>
    public ParameterGradients Gradients => _gradients;

    /// <summary>Σ coefficient · loss of the last run.</summary>
    public double TotalLoss
    {
        get
        {
            double total = 0;
            for (int i = 0; i < _losses.Length; i++) total += _graph.Coefficients[i] == 0 ? 0 : _graph.Coefficients[i] * _losses[i];
            return total;
        }
    }

    /// <summary>The losses of the last run, in the order of <see cref="Graph.LossNames"/>, without their coefficients.</summary>
    public ReadOnlySpan<double> Losses => _losses;

    /// <summary>One loss of the last run.</summary>
    /// <exception cref="KeyNotFoundException">The graph has no loss of this name.</exception>
    public double Loss(string name)
    {
        for (int i = 0; i < _losses.Length; i++)
        {
            if (_graph.LossNames[i] == name) return _losses[i];
        }

        throw new KeyNotFoundException($"the graph has no loss '{name}'; it has: {string.Join(", ", _graph.LossNames)}");
    }

    /// <summary>Runs one batch.</summary>
    /// <param name="seed">Seed of the random streams.</param>
    /// <param name="step">Step the random streams are drawn for.</param>
    /// <param name="backward">Whether gradients are computed.</param>
    /// <param name="observer">Sees each panel after its forward pass; calls come one at a time, in no fixed order.</param>
    public void Run(ulong seed, long step, bool backward = true, Action<Workspace>? observer = null)
    {
        _observer = observer;
        _withBackward = backward;
        foreach (var workspace in _workspaces)
        {
            workspace.Seed = seed;
            workspace.Step = (uint)step;
        }

        if (backward) _gradients.Clear();
        _weightProducts.Forward();
        foreach (double[] sums in _lossSums) Array.Clear(sums);
        try
        {
            _pool.Run(_work, _lossSums.Length);
        }
        catch
        {
            // What the panels before the failure added belongs to no later run.
            foreach (var accumulator in _accumulators) accumulator.Clear();
            throw;
        }
        finally
        {
            _observer = null;
        }

        Array.Clear(_losses);
        foreach (double[] sums in _lossSums)
            for (int slot = 0; slot < _losses.Length; slot++)
                _losses[slot] += sums[slot];
        if (!backward) return;
        _pool.Run(_sum, _sum.Count);
        _weightProducts.Backward(_gradients);
        GC.KeepAlive(this);
    }

    private static int LanesFor(Graph graph, int batchSize)
    {
        int lanes = LargestPanel;
        while (lanes > SmallestPanel && (long)graph.PanelRows * lanes * sizeof(float) > PanelBytes) lanes /= 2;
        int wholeBatch = (batchSize + KernelSet.LaneBlock - 1) / KernelSet.LaneBlock * KernelSet.LaneBlock;
        return Math.Min(lanes, wholeBatch);
    }

    private static WeightLoss[][] GroupsWithoutCommonParameters(IReadOnlyList<WeightLoss> losses)
    {
        var groups = new List<List<WeightLoss>>();
        foreach (var loss in losses)
        {
            var related = groups.FindAll(group => group.Exists(other => other.Parameters.Intersect(loss.Parameters).Any()));
            groups.RemoveAll(related.Contains);
            groups.Add([.. related.SelectMany(group => group), loss]);
        }

        return [.. groups.Select(group => group.ToArray())];
    }

    private void RunWeightLosses(int group, double[] lossSums)
    {
        foreach (var loss in _weightLosses[group]) lossSums[loss.Slot] += loss.Evaluate(_kernels, _withBackward ? _gradients : null);
    }

    private void RunPanels(int accumulator, Workspace workspace, double[] lossSums)
    {
        workspace.LossSums = lossSums;
        workspace.Gradients = _accumulators[accumulator];
        int first = (int)((long)Panels * accumulator / _accumulators.Length);
        int last = (int)((long)Panels * (accumulator + 1) / _accumulators.Length);
        for (int panel = first; panel < last; panel++)
        {
            int firstRow = panel * PanelLanes;
            workspace.MoveTo(firstRow, Math.Min(PanelLanes, BatchSize - firstRow));
            foreach (var node in _forward) node.Forward(workspace);
            if (_observer is not null)
            {
                lock (_observerLock) _observer(workspace);
            }

            if (!_withBackward) continue;
            workspace.ClearGradients();
            foreach (var node in _backward) node.Backward(workspace);
        }
    }

    /// <summary>Adds up the accumulators, in their order, a stretch of a parameter at a time.</summary>
    private sealed class AccumulatorSum : IParallelWork
    {
        private const int StretchLength = 1 << 14;

        private readonly KernelSet _kernels;
        private readonly ParameterGradients[] _accumulators;
        private readonly ParameterGradients _total;
        private readonly List<(int From, int To, int Length)> _stretches = [];

        public AccumulatorSum(KernelSet kernels, ParameterSet accumulated, ParameterGradients[] accumulators, ParameterGradients total)
        {
            (_kernels, _accumulators, _total) = (kernels, accumulators, total);
            foreach (var parameter in accumulated.Parameters)
            {
                int from = accumulated.OffsetOf(parameter), to = (int)(total.Pointer(parameter) - total.Flat);
                for (int first = 0; first < parameter.Count; first += StretchLength)
                    _stretches.Add((from + first, to + first, Math.Min(StretchLength, parameter.Count - first)));
            }
        }

        public int Count => _stretches.Count;

        public void Execute(int item, int worker)
        {
            var (from, to, length) = _stretches[item];
            foreach (var accumulator in _accumulators) _kernels.AddAndClear(length, accumulator.Flat + from, _total.Flat + to);
        }
    }

    private sealed class PanelWork(PanelRunner runner) : IParallelWork
    {
        public void Execute(int item, int worker)
        {
            double[] lossSums = runner._lossSums[item];
            // Losses of the weights come first: one is longer than a panel, and no thread should be left waiting for it.
            int weightLosses = runner._weightLosses.Length;
            if (item < weightLosses) runner.RunWeightLosses(item, lossSums);
            else runner.RunPanels(item - weightLosses, runner._workspaces[worker], lossSums);
        }
    }
}
