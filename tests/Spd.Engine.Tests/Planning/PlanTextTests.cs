using System.Globalization;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Tests;

namespace Spd.Engine.Tests.Planning;

/// <summary>What a plan says of its work.</summary>
public sealed class PlanTextTests
{
    private const int Rows = 100;

    [Fact]
    public void AStepIsShownWithItsMemoryAndItsWork()
    {
        const string Expected = """
            batch    100 rows, in 1 panel of 128 lanes
            panel    18 rows, 9 KiB for each thread
            leaves   1, each a sum of 12 numbers, 48 bytes
            totals   12 numbers, 48 bytes
            kept     nothing for the whole batch

            phase   pass  ops  products     outer     GELUs  gradient  uniforms   entries
            weights         7        72        36         -         -         -        30
            panels     1   10   3.600 k   2.400 k         -         -       300   1.400 k
            all            17   3.672 k   2.436 k         -         -       300   1.430 k

            reconstruction: in pass 1
            rotation: on the weights
            """;
        using var backend = TestBackend.Create();
        var culture = CultureInfo.CurrentCulture;
        try
        {
            var other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            other.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = other;
            string text = PlanOf(backend).ToString();
            Assert.Equal(Expected.ReplaceLineEndings("\n"), text.TrimEnd());
            Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 80, line));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Fact]
    public void TheWorkIsThatOfTheKernelsCountedByHand()
    {
        using var backend = TestBackend.Create();
        var plan = PlanOf(backend);
        // In every lane: W x and Wᵀ y, the gradient through Wᵀ, and two outer products for W. Once: Wᵀ W, and for its gradient two products of that size.
        Assert.Equal(Rows * 3 * (4 * 3) + 3 * (4 * 3 * 3), plan.Work.MultiplyAdds + OuterOnWeights(plan));
        Assert.Equal(Rows * 2 * (4 * 3), plan.Work.OuterMultiplyAdds - OuterOnWeights(plan));
        Assert.Equal((0, 0), (plan.Work.Gelus, plan.Work.GeluGradients));
        Assert.Equal(Rows * 3, plan.Work.Uniforms);
        // In every lane: the relu and its gradient, the residual and its scaling; once: residual, scaling, and one of the gradient's two parts copied to its sum, where the other is computed.
        Assert.Equal(Rows * (4 + 4 + 3 + 3) + 9 + 9 + 12, plan.Work.Entries);
        // Twice the rows are twice the work in the panels, and none more on the weights.
        var twice = PlanOf(backend, 2 * Rows);
        foreach (var (phase, other) in plan.Phases.Zip(twice.Phases)) Assert.Equal(plan.WorkOf(phase) * (phase.IsPanels ? 2 : 1), twice.WorkOf(other));
    }

    [Fact]
    public void AMatrixCountsByAllItsEntriesAndALaneByItsRows()
    {
        var graph = new Graph();
        Value matrix = graph.Weight(new Parameter("w", 4, 3)), lane = graph.Input(4);
        Assert.Equal(new Work(Entries: 12), new Scale(matrix, null, 2).Work);
        Assert.Equal(new Work(Entries: 12), new RowSum(matrix).Work);
        Assert.Equal(new Work(Entries: 12), new SquaredError(matrix, matrix).Work);
        Assert.Equal(new Work(Entries: 12), graph.Multiply(matrix, matrix).Source.Work);
        Assert.Equal(new Work(Entries: 4), new Scale(lane, null, 2).Work);
        Assert.Equal(new Work(MultiplyAdds: 12), graph.MatMul(matrix, lane, transposed: true).Source.Work);
        Assert.Equal(new Work(MultiplyAdds: 36), graph.MatMul(matrix, matrix, transposed: true).Source.Work);
        Assert.Equal(new Work(OuterMultiplyAdds: 16), new Outer(lane, lane).Work);
        Assert.Equal(new Work(OuterMultiplyAdds: 48), new Outer(matrix, matrix).Work);
        var mlp = new Parameter("mlp", 4, 5);
        var bias = new Parameter("bias", 4);
        Assert.Equal(new Work(Gelus: 20), graph.RowMlp(lane, mlp, mlp, mlp, bias).Source.Work);
    }

    [Fact]
    public void PeaksAreTimesThatGiveAFloor()
    {
        using var backend = TestBackend.Create();
        var peaks = Peaks.Measure(backend);
        var each = peaks.Nanoseconds;
        Assert.All(
            new[] { each.MultiplyAdds, each.OuterMultiplyAdds, each.Gelus, each.GeluGradients, each.Uniforms, each.Entries },
            nanoseconds => Assert.InRange(nanoseconds, 1e-4, 1000));
        Assert.True(each.MultiplyAdds < each.Gelus);
        Assert.Equal(each.Gelus * 10 / 2, peaks.Floor(new Work(Gelus: 1e7), threads: 2).Sum, 1e-9 * each.Gelus);
    }

    [Theory]
    [InlineData(0, "-")]
    [InlineData(1, "1")]
    [InlineData(999, "999")]
    [InlineData(1000, "1.000 k")]
    [InlineData(26_214_400, "26.21 M")]
    [InlineData(3.219e9, "3.219 G")]
    [InlineData(4.5e20, "450.0 E")]
    public void AmountsHaveFourDigits(double number, string shown) => Assert.Equal(shown, Plan.Amount(number));

    private static double OuterOnWeights(Plan plan) => plan.Phases.Where(phase => !phase.IsPanels).Sum(phase => plan.WorkOf(phase).OuterMultiplyAdds);

    /// <summary>An autoencoder of random numbers with tied weights, and a loss that holds these near a rotation.</summary>
    private static Plan PlanOf(CpuBackend backend, int rows = Rows)
    {
        var weight = new Parameter("weight", 4, 3);
        weight.Values.Fill(0.5f);
        var graph = new Graph();
        var x = graph.Uniform(3, default);
        var w = graph.Weight(weight);
        var y = graph.MatMul(w, graph.Relu(graph.MatMul(w, x)), transposed: true);
        var objective = new Objective(graph);
        objective.Add("reconstruction", graph.SquaredError(y, x));
        objective.Add("rotation", graph.SquaredError(graph.MatMul(w, w, transposed: true), graph.Weight(new Parameter("unit", 3, 3))));
        return Plan.Of(objective, rows, backend.TraitsOf, [weight]);
    }
}
