using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Tests;

namespace Spd.Engine.Tests.Gradients;

/// <summary>One way to use a differentiable operation: its parameters are made first, then it is added to an objective's graph over a panel.</summary>
/// <param name="Name">What is checked.</param>
/// <param name="Covers">The operation, or the function of an elementwise one.</param>
/// <param name="Build">Makes the parameters and returns what adds the operation and its loss to an objective.</param>
/// <param name="IsPositive">Whether the operation takes positive inputs only.</param>
/// <param name="Step">
/// The step of finite differences. It is wider where a float holds a sum over the batch and what follows is smooth: such a sum is rounded by 6e-8 of itself,
/// however little one entry changes it, so that the differences' error falls as the step grows, while that of the extrapolation stays below 1e-4.
/// </param>
internal sealed record GradientCase(
    string Name, Type Covers, Func<GradientSetup, Action<Objective, Value>> Build, bool IsPositive = false, float Step = 1f / 64);

/// <summary>The shapes and random values of one trial.</summary>
internal sealed class GradientSetup(int rows, Batch batch, int seed)
{
    public static readonly int[] Sizes = [1, 2, 5, 17];
    private readonly Random _random = new(seed);

    public int Rows => rows;

    public Batch Batch => batch;

    public List<Parameter> Trainable { get; } = [];

    public Dictionary<Value, float[]> Inputs { get; } = [];

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

    public Value Input(Graph graph, int features, double low = -1, double high = 1)
    {
        var input = graph.Input(features);
        Inputs[input] = Numbers(features * batch.Positions, low, high);
        return input;
    }

    /// <summary>One row of whole numbers below the vocabulary's size.</summary>
    public Value Tokens(Graph graph, int vocabulary)
    {
        var input = graph.Input(1);
        Inputs[input] = [.. Enumerable.Range(0, batch.Positions).Select(_ => (float)_random.Next(vocabulary))];
        return input;
    }

    /// <summary>Adds the squared error against a random target, so that every entry gets a gradient of its own.</summary>
    public void Compare(Objective objective, Value prediction)
    {
        var target = prediction.Shape.IsPanel
            ? Input(objective.Graph, prediction.Rows)
            : objective.Graph.Weight(Frozen("target", prediction.Rows, prediction.Shape.Columns));
        objective.Add("main", objective.Graph.SquaredError(prediction, target), weight: 1, coefficient: 1.5);
    }

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
    // What finite differences may be off, and what kernel sets may differ by, each as a part of the largest of the entries compared.
    private const double Tolerance = 2e-3, TwinTolerance = 1e-4;
    private static readonly Batch[] Batches = [1, 3, 33, 100, 300, new(3, 5), new(5, 37)];

    /// <summary>Checks a case over sizes and batches that between them take every value of both lists.</summary>
    public static void Trials(GradientCase gradientCase)
    {
        for (int trial = 0; trial < 2 * Batches.Length; trial++)
        {
            int rows = GradientSetup.Sizes[(trial + trial / Batches.Length + gradientCase.Name.Length) % GradientSetup.Sizes.Length];
            Trial(gradientCase, rows, Batches[trial % Batches.Length], seed: 100 * trial + gradientCase.Name.Length);
        }
    }

    /// <summary>The operations of the case's graph, for the test of coverage.</summary>
    public static IReadOnlyList<Operation> OperationsOf(GradientCase gradientCase)
    {
        var setup = new GradientSetup(rows: 2, batch: 3, seed: 0);
        var add = gradientCase.Build(setup);
        var graph = new Graph();
        add(new Objective(graph), graph.Input(2));
        return graph.Operations;
    }

    private static void Trial(GradientCase gradientCase, int rows, Batch batch, int seed)
    {
        string where = $"{gradientCase.Name}, {rows} rows, {batch.Sequences} x {batch.Length}";
        var setup = new GradientSetup(rows, batch, seed);
        // The parameters upstream stay within 0.04 of the identity, so that no step crosses a kink.
        var scale = setup.Trained("upstream scale", rows, 1, 0.98, 1.02);
        var shift = setup.Trained("upstream shift", rows, 1, -0.02, 0.02);
        var add = gradientCase.Build(setup);
        var graph = new Graph();
        var objective = new Objective(graph);
        var input = graph.Input(rows);
        float[] x = setup.Inputs[input] = setup.AwayFromKinks(rows * batch.Positions, gradientCase.IsPositive);
        var probe = graph.RowAffine(input, scale, shift);
        add(objective, probe);
        // A second user of the same value: its gradient must be added, not overwrite.
        objective.Add("beside", graph.SquaredError(probe, setup.Input(graph, rows)), weight: 0.5, coefficient: 0.8);
        var inputGradient = Derivative.Of(
            graph, [.. objective.Terms.Select(term => (term.Loss, graph.Scale(graph.Number(term.Coefficient), term.Weight)))], [probe])[probe]!;

        var trained = new ParameterSet(setup.Trainable);
        using CpuBackend backend = TestBackend.Create(), scalar = new(1, "scalar");
        var program = Ready(backend.Compile(objective, batch, trained, keep: [inputGradient]));
        var twin = Ready(scalar.Compile(objective, batch, trained, keep: [inputGradient]));
        var measured = Ready(scalar.Compile(objective, batch));

        Close(twin.TotalLoss, program.TotalLoss, TwinTolerance, $"{where}: loss against the scalar twin");
        float[] probed = program.Read(inputGradient);
        Close(twin.Read(inputGradient), probed, TwinTolerance, $"{where}: input gradient against the scalar twin");
        var pick = new Random(seed);
        foreach (var parameter in setup.Trainable)
        {
            float[] gradient = program.Gradients.Of(parameter).ToArray();
            Assert.Equal(parameter.Count, gradient.Length);
            Close(twin.Gradients.Of(parameter).ToArray(), gradient, TwinTolerance, $"{where}: gradient of '{parameter.Name}' against the scalar twin");
            int[] entries = Entries(pick, parameter.Count);
            Close(
                [.. entries.Select(entry => (float)Difference(measured, parameter.Values, entry, gradientCase.Step))], [.. entries.Select(entry => gradient[entry])],
                Tolerance, $"{where}: gradient of '{parameter.Name}' against finite differences");
        }

        int[] inputs = Entries(pick, x.Length);
        Close(
            [.. inputs.Select(entry => (float)(Difference(measured, x, entry, gradientCase.Step) / scale.Values[entry % rows]))], [.. inputs.Select(entry => probed[entry])],
            Tolerance, $"{where}: input gradient against finite differences");

        Engine.Execution.Program Ready(Engine.Execution.Program program)
        {
            foreach (var (value, numbers) in setup.Inputs) if (program.Plan.Find(value) is not null) program.Set(value, numbers);
            program.Run(seed: 7, step: 3);
            return program;
        }
    }

    private static int[] Entries(Random random, int count) => count <= 4
        ? [.. Enumerable.Range(0, count)]
        : [0, count - 1, random.Next(count), random.Next(count)];

    // Richardson's extrapolation of two central differences: what is left of the error is of fourth order in the step.
    private static double Difference(Engine.Execution.Program program, Span<float> values, int entry, float step) =>
        (4 * CentralDifference(program, values, entry, step / 2) - CentralDifference(program, values, entry, step)) / 3;

    private static double CentralDifference(Engine.Execution.Program program, Span<float> values, int entry, float step)
    {
        float original = values[entry];
        values[entry] = original + step;
        float above = values[entry];
        program.Run(seed: 7, step: 3);
        double lossAbove = program.TotalLoss;
        values[entry] = original - step;
        float below = values[entry];
        program.Run(seed: 7, step: 3);
        values[entry] = original;
        return (lossAbove - program.TotalLoss) / ((double)above - below);
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
}
