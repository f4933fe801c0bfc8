using FsCheck;
using FsCheck.Fluent;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Tests;
using static Spd.Engine.Tests.Samples;

namespace Spd.Engine.Tests.Planning;

/// <summary>Where the values of random graphs lie: nothing is overwritten that is still needed, and nothing is read that was not written.</summary>
public sealed class PlacementTests
{
    [Fact]
    public void RowsOfRandomGraphsHoldWhatIsReadFromThem() =>
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            var random = new Random(seed);
            var (objective, _, trained) = RandomGraph(random);
            using var backend = TestBackend.Create(threads: 1).Add(new SourceKernel(poisons: false));
            var graph = objective.Graph;
            var values = graph.Operations.SelectMany(graph.ResultsOf).Where(value => value.Shape.IsPanel).ToList();
            var plan = backend.Compile(objective, 40, new ParameterSet(trained), keep: [.. values.Where(_ => random.Next(10) == 0)]).Plan;
            foreach (var phase in plan.Phases.Where(phase => phase.IsPanels)) CheckRows(plan, phase);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));

    [Fact]
    public void RandomGraphsGiveTheSameOnPoisonedPanelsAndWithEverythingKept() =>
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            int batch = new Random(seed).Next(1, 500);
            double[][] results = [.. new (bool IsPoisoned, bool IsKept, int Threads)[] { (false, false, 1), (true, false, 1), (true, false, 7), (false, true, 2) }.Select(way =>
            {
                var (objective, input, trained) = RandomGraph(new Random(seed));
                using var backend = TestBackend.Create(way.Threads).Add(new SourceKernel(way.IsPoisoned));
                var graph = objective.Graph;
                var kept = way.IsKept ? graph.Operations.SelectMany(graph.ResultsOf).Where(value => value.Shape.IsPanel).ToList() : [];
                var program = backend.Compile(objective, batch, new ParameterSet(trained), keep: kept);
                double[] numbers = [];
                for (int step = 0; step < 2; step++)
                {
                    program.Run(1, step);
                    numbers = [.. numbers, .. program.Losses, .. trained.SelectMany(parameter => program.Gradients.Of(parameter).ToArray()).Select(value => (double)value)];
                }

                return numbers;
            })];
            Assert.All(results[0], value => Assert.True(double.IsFinite(value)));
            SameBits(results[0], results[1]);
            SameBits(results[0], results[2]);
            double largest = results[0].Max(Math.Abs);
            for (int i = 0; i < results[0].Length; i++) Assert.Equal(results[0][i], results[3][i], 1e-3 * Math.Abs(results[0][i]) + 1e-5 * largest);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(60));

    /// <summary>Follows what lies in each row of a panel through a phase.</summary>
    private static void CheckRows(Plan plan, Phase phase)
    {
        // In each row what was computed there last, and for a sum how many of its parts.
        var contents = new (Place? Place, int Parts)[plan.PanelRows];
        foreach (var operation in phase.Operations)
        {
            string what = $"{operation.Operation.Name} in pass {operation.Pass}";
            bool isSum = operation.Operation is Sum;
            foreach (var input in operation.Inputs.Where(input => input.Shape.IsPanel && input.Store == Store.Panel))
                foreach (var (place, parts) in RowsOf(input)) Assert.True(isSum ? place == input.Into : place == input && parts == 0, $"{what} reads {input.Value} from rows that hold {place?.Value}");
            if (isSum && operation.Results[0] is { Store: Store.Panel } total)
                foreach (var (place, parts) in RowsOf(total)) Assert.True(place == total && parts == operation.Inputs.Count, $"{what} has {parts} of {operation.Inputs.Count} parts");
            var wanted = operation.Results.Where(result => result.Shape.IsPanel && result is { IsWanted: true, Store: Store.Panel }).ToList();
            foreach (var result in wanted)
            {
                Assert.InRange(result.Row, 0, plan.PanelRows - result.Shape.Rows);
                Assert.All(wanted.Where(other => other != result), other => Assert.False(Overlap(result, other), $"two results of {what} overlap"));
                foreach (var (input, i) in operation.Inputs.Select((input, i) => (input, i)).Where(entry => entry.input is { Store: Store.Panel } && !isSum && Overlap(result, entry.input)))
                {
                    Assert.True((operation.Traits.Overwrites >> i & 1) != 0 && result == wanted[0] && result.Row == input.Row, $"{what} writes over what it reads");
                    Assert.DoesNotContain(operation.Inputs.Where((_, k) => k != i), other => other.Store == Store.Panel && other.Shape.IsPanel && Overlap(result, other));
                }

                if (result.Accumulates) Assert.All(RowsOf(result).ToArray(), row => Assert.True(row.Place == result.Into && row.Parts > 0, $"{what} adds to rows that hold something else"));
            }

            foreach (var result in wanted)
            {
                var rows = contents.AsSpan(result.Row, result.Shape.Rows);
                if (isSum) rows.Fill((result, 0));
                else if (result.Into is null) rows.Fill((result, 0));
                else foreach (ref var row in rows) row = (result.Into, result.Accumulates ? row.Parts + 1 : 1);
            }
        }

        (Place? Place, int Parts)[] RowsOf(Place place) => contents[place.Row..(place.Row + place.Shape.Rows)];
    }

    private static bool Overlap(Place a, Place b) => a.Shape.IsPanel && b.Shape.IsPanel && a.Row < b.Row + b.Shape.Rows && b.Row < a.Row + a.Shape.Rows;

    private static (Objective Objective, Value Input, List<Parameter> Trained) RandomGraph(Random random)
    {
        var graph = new Graph();
        var objective = new Objective(graph);
        var input = graph.Add(new Source(4));
        var panels = new List<Value> { input };
        var trained = new List<Parameter>();
        int operations = random.Next(4, 30);
        for (int i = 0; i < operations; i++)
        {
            Value x = Pick(), y = PickOf(x.Rows);
            panels.Add(random.Next(13) switch
            {
                0 => graph.Relu(x),
                1 => graph.Add(new Gelu(x)),
                2 => graph.Multiply(graph.Add(new Tanh(x)), y),
                3 => graph.Plus(x, y),
                4 => graph.Sum([.. Enumerable.Range(0, random.Next(2, 5)).Select(_ => PickOf(x.Rows))]),
                5 or 6 or 7 => graph.MatMul(New(random.Next(1, 9), x.Rows), x),
                8 => graph.RowAffine(x, New(x.Rows), New(x.Rows)),
                9 => graph.RowAffine(x, New(x.Rows), null),
                10 => graph.RowMlp(x, New(x.Rows, 2), New(x.Rows, 2), New(x.Rows, 2), New(x.Rows)),
                11 => graph.Scale(x, 0.5),
                _ => graph.MatMul(New(x.Rows, 3), x, transposed: true),
            });
            if (random.Next(4) == 0 || i == operations - 1) AddLoss();
        }

        return (objective, input, trained);

        void AddLoss()
        {
            var x = graph.Add(new Tanh(Pick()));
            objective.Add($"loss {random.Next(3)}", random.Next(3) switch
            {
                0 => graph.PowerSum(graph.Add(new Sigmoid(x)), 2),
                1 => graph.Divergence(x, graph.MatMul(Filled("frozen", x.Rows, 4, seed: random.Next(100)), input)),
                _ => graph.SquaredError(x, graph.Add(new Tanh(PickOf(x.Rows)))),
            }, weight: 0.5);
        }

        Value Pick() => panels[random.Next(panels.Count)];

        Value PickOf(int rows) => panels.Where(panel => panel.Rows == rows).ElementAt(random.Next(panels.Count(panel => panel.Rows == rows)));

        Parameter New(int rows, int columns = 1)
        {
            var parameter = Filled("parameter", rows, columns, seed: random.Next(1000), low: -0.8, high: 0.8);
            if (random.Next(4) > 0) trained.Add(parameter);
            return parameter;
        }
    }

    /// <summary>Numbers that depend on the lane alone, and the first to be computed.</summary>
    private sealed record Source(int Rows) : Operation
    {
        public override IReadOnlyList<Value> Inputs => [];

        public override IReadOnlyList<Shape> Results => [new(Domain.Lane, Rows)];
    }

    private sealed class SourceKernel(bool poisons) : CpuKernel<Source>
    {
        public override void Run(Source operation, in Call call)
        {
            if (poisons) call.Workspace.Poison();
            var result = call.Result(0);
            for (int row = 0; row < call.Rows; row++)
                for (int lane = 0; lane < call.Lanes; lane++) result[row * call.Stride + lane] = MathF.Sin(1 + 7 * row + 3 * (call.Workspace.FirstLane + lane) + call.Step);
        }
    }
}
