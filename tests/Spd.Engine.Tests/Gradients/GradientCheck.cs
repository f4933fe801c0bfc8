using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;

namespace Spd.Engine.Tests.Gradients;

/// <summary>One way to use a differentiable operation: its parameters are made first, then it is added to a graph over a panel.</summary>
/// <param name="Name">What is checked.</param>
/// <param name="Covers">The operation, or the function of an elementwise one.</param>
/// <param name="Build">Makes the parameters and returns what adds the operation and its loss to a graph.</param>
/// <param name="IsPositive">Whether the operation takes positive inputs only.</param>
internal sealed record GradientCase(string Name, Type Covers, Func<GradientSetup, Action<Graph, Node>> Build, bool IsPositive = false);

/// <summary>The shapes and random values of one trial.</summary>
internal sealed class GradientSetup(int rows, int batch, int seed)
{
    public static readonly int[] Sizes = [1, 2, 5, 17];
    private readonly Random _random = new(seed);

    public int Rows => rows;

    public List<Parameter> Trainable { get; } = [];

    public int AnotherSize() => _random.Next(2) == 0 ? Sizes[_random.Next(Sizes.Length)] : _random.Next(1, 41);

    public float Number(double low, double high) => (float)(low + (high - low) * _random.NextDouble());

    public float[] Numbers(int count, double low = -1, double high = 1) => [.. Enumerable.Range(0, count).Select(_ => Number(low, high))];

    public Parameter Frozen(string name, int height, int width = 1, double low = -0.7, double high = 0.7)
    {
        var parameter = new Parameter(name, height, width);
        Numbers(parameter.Count, low, high).CopyTo(parameter.Values);
        return parameter;
    }

    public Parameter Trained(string name, int height, int width = 1, double low = -0.7, double high = 0.7)
    {
        Trainable.Add(Frozen(name, height, width, low, high));
        return Trainable[^1];
    }

    public InputNode Input(Graph graph, int features, double low = -1, double high = 1)
    {
        var input = graph.Input(features);
        input.Set(Numbers(features * batch, low, high));
        return input;
    }

    /// <summary>Adds the squared error against a random target, so that every entry gets a gradient of its own.</summary>
    public void Compare(Graph graph, Node prediction) =>
        graph.AddLoss("main", new SquaredErrorLoss(prediction, Input(graph, prediction.Rows)), weight: 1, coefficient: 1.5);

    /// <summary>Inputs at least 0.2 away from 0 and ±1, where piecewise functions have their kinks.</summary>
    public float[] AwayFromKinks(int count, bool positive) => [.. Enumerable.Range(0, count).Select(_ =>
    {
        float magnitude = Number(0.2, 0.8) + (_random.Next(3) == 0 ? 1 : 0);
        return !positive && _random.Next(2) == 0 ? -magnitude : magnitude;
    })];
}

/// <summary>
/// Compares the gradients of an operation with central finite differences of the scalar kernels' loss, which is summed in double, and with the scalar
/// kernels' own gradients: of every parameter up- and downstream, and of single entries of the operation's input.
/// </summary>
internal static class GradientCheck
{
    private const float Step = 1f / 64;
    private const double DifferenceTolerance = 2e-3, TwinTolerance = 1e-4;
    private static readonly int[] Batches = [1, 3, 33, 100, 300];

    /// <summary>Checks a case over sizes and batches that between them take every value of both lists.</summary>
    public static void Trials(GradientCase gradientCase)
    {
        for (int trial = 0; trial < 2 * Batches.Length; trial++)
        {
            int rows = GradientSetup.Sizes[(trial + trial / Batches.Length + gradientCase.Name.Length) % GradientSetup.Sizes.Length];
            Trial(gradientCase, rows, Batches[trial % Batches.Length], seed: 100 * trial + gradientCase.Name.Length);
        }
    }

    /// <summary>The nodes of the case's graph, for the test of coverage.</summary>
    public static IReadOnlyList<Node> NodesOf(GradientCase gradientCase)
    {
        var setup = new GradientSetup(rows: 2, batch: 3, seed: 0);
        var add = gradientCase.Build(setup);
        var graph = new Graph(new ParameterSet(setup.Trainable));
        add(graph, graph.Input(2));
        return graph.Nodes;
    }

    private static void Trial(GradientCase gradientCase, int rows, int batch, int seed)
    {
        string where = $"{gradientCase.Name}, {rows} rows, batch {batch}";
        var setup = new GradientSetup(rows, batch, seed);
        // The parameters upstream stay within 0.04 of the identity, so that no step crosses a kink.
        var scale = setup.Trained("upstream scale", rows, 1, 0.98, 1.02);
        var shift = setup.Trained("upstream shift", rows, 1, -0.02, 0.02);
        var add = gradientCase.Build(setup);
        var graph = new Graph(new ParameterSet(setup.Trainable));
        var input = graph.Input(rows);
        float[] x = setup.AwayFromKinks(rows * batch, gradientCase.IsPositive);
        input.Set(x);
        var probe = new GradientProbe(graph.RowAffine(input, scale, shift), batch);
        graph.Add(probe);
        add(graph, probe);
        // A second user of the same node: its gradient must be added, not overwrite.
        graph.AddLoss("beside", new SquaredErrorLoss(probe, setup.Input(graph, rows)), weight: 0.5, coefficient: 0.8);

        using var pool = new WorkerPool(2);
        var runner = new PanelRunner(graph, batch, pool);
        var scalar = new PanelRunner(graph, batch, pool, KernelSet.Create("scalar"));
        runner.Run(seed: 7, step: 3);
        float[] probed = [.. probe.Gradient];
        var gradients = setup.Trainable.ToDictionary(parameter => parameter, parameter => runner.Gradients.Of(parameter).ToArray());
        Assert.False(probe.PaddingHasGradient, $"{where}: padding lanes have a gradient");

        scalar.Run(seed: 7, step: 3);
        Close(scalar.TotalLoss, runner.TotalLoss, TwinTolerance, $"{where}: loss against the scalar twin");
        Close(probe.Gradient, probed, TwinTolerance, $"{where}: input gradient against the scalar twin");
        foreach (var (parameter, gradient) in gradients)
        {
            Assert.Equal(parameter.Count, gradient.Length);
            Close(scalar.Gradients.Of(parameter).ToArray(), gradient, TwinTolerance, $"{where}: gradient of '{parameter.Name}' against the scalar twin");
        }

        var pick = new Random(seed);
        foreach (var (parameter, gradient) in gradients)
        {
            int[] entries = Entries(pick, parameter.Count);
            Close(
                [.. entries.Select(entry => (float)Difference(scalar, parameter.Values, entry))], [.. entries.Select(entry => gradient[entry])],
                DifferenceTolerance, $"{where}: gradient of '{parameter.Name}' against finite differences");
        }

        int[] inputs = Entries(pick, x.Length);
        Close(
            [.. inputs.Select(entry => (float)(Difference(scalar, x, entry) / scale.Values[entry % rows]))], [.. inputs.Select(entry => probed[entry])],
            DifferenceTolerance, $"{where}: input gradient against finite differences");
    }

    private static int[] Entries(Random random, int count) => count <= 4
        ? [.. Enumerable.Range(0, count)]
        : [0, count - 1, random.Next(count), random.Next(count)];

    // Richardson's extrapolation of two central differences: what is left of the error is of fourth order in the step.
    private static double Difference(PanelRunner runner, Span<float> values, int entry) =>
        (4 * CentralDifference(runner, values, entry, Step / 2) - CentralDifference(runner, values, entry, Step)) / 3;

    private static double CentralDifference(PanelRunner runner, Span<float> values, int entry, float step)
    {
        float original = values[entry];
        values[entry] = original + step;
        float above = values[entry];
        runner.Run(seed: 7, step: 3, backward: false);
        double lossAbove = runner.TotalLoss;
        values[entry] = original - step;
        float below = values[entry];
        runner.Run(seed: 7, step: 3, backward: false);
        values[entry] = original;
        return (lossAbove - runner.TotalLoss) / ((double)above - below);
    }

    private static void Close(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance * Math.Abs(expected) + 1e-7, $"{what}: {actual:G9}, expected {expected:G9}");

    private static void Close(IReadOnlyList<float> expected, IReadOnlyList<float> actual, double tolerance, string what)
    {
        double largest = expected.Max(value => Math.Abs((double)value));
        for (int i = 0; i < expected.Count; i++)
        {
            if (!(Math.Abs((double)expected[i] - actual[i]) <= tolerance * largest + 2e-6))
                Assert.Fail($"{what}, entry {i}: {actual[i]:G9}, expected {expected[i]:G9} (largest {largest:G4})");
        }
    }

    /// <summary>Passes values and gradients through and keeps the gradients.</summary>
    private sealed class GradientProbe(Node x, int batch) : Node(x.Rows, x)
    {
        private int _paddingHasGradient;

        public float[] Gradient { get; } = new float[x.Rows * batch];

        public bool PaddingHasGradient => _paddingHasGradient != 0;

        protected override object Attributes => this;

        protected override void Forward(Workspace workspace) => workspace.Values(x).CopyTo(workspace.Values(this));

        protected override void Backward(Workspace workspace)
        {
            var own = workspace.GradientOf(this);
            var upstream = workspace.GradientOf(x);
            for (int i = 0; i < own.Length; i++) upstream[i] += own[i];
            for (int row = 0; row < Rows; row++)
            {
                for (int lane = 0; lane < workspace.ValidLanes; lane++)
                    Gradient[((int)workspace.FirstRow + lane) * Rows + row] = own[row * workspace.Stride + lane];
                if (own[(row * workspace.Stride + workspace.ValidLanes)..((row + 1) * workspace.Stride)].ContainsAnyExcept(0f))
                    Interlocked.Exchange(ref _paddingHasGradient, 1);
            }
        }
    }
}
