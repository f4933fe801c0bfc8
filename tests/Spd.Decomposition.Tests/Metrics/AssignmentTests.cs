namespace Spd.Decomposition.Tests.Metrics;

/// <summary>The assignment of largest sum, against all there are, and subcomponents that are matched by it.</summary>
public sealed class AssignmentTests
{
    [Fact]
    public void TheSumIsTheLargestThatAnyAssignmentHas()
    {
        var random = new Random(1);
        for (int trial = 0; trial < 2_000; trial++)
        {
            double[,] weights = new double[random.Next(0, 6), random.Next(0, 6)];
            // Every second one is full of ties, and of zeros.
            for (int i = 0; i < weights.GetLength(0); i++)
                for (int j = 0; j < weights.GetLength(1); j++)
                    weights[i, j] = trial % 2 == 0 ? random.NextDouble() - 0.2 : random.Next(0, 3);
            int[] columns = LargestAssignment.Of(weights);
            Assert.Equal(weights.GetLength(0), columns.Length);
            var taken = columns.Where(column => column >= 0).ToList();
            Assert.Equal(Math.Min(weights.GetLength(0), weights.GetLength(1)), taken.Count);
            Assert.Equal(taken.Count, taken.Distinct().Count());
            double sum = columns.Index().Where(row => row.Item >= 0).Sum(row => weights[row.Index, row.Item]);
            Assert.Equal(Largest(weights, 0, [], weights.GetLength(0) - taken.Count), sum, 1e-9);
        }
    }

    [Fact]
    public void OneThatIsTakenGreedilyIsNotTheLargest() => Assert.Equal([1, 0], LargestAssignment.Of(new double[,] { { 1, 0.9 }, { 0.9, 0 } }));

    [Fact]
    public void EqualWeightsAreAssignedAllTheSame()
    {
        Assert.Equal([0, 1, 2], LargestAssignment.Of(new double[3, 3]).Order());
        double[,] identity = new double[40, 40];
        for (int i = 0; i < 40; i++) identity[i, (7 * i) % 40] = 1;
        Assert.Equal(Enumerable.Range(0, 40).Select(i => (7 * i) % 40), LargestAssignment.Of(identity));
    }

    [Fact]
    public void SubcomponentsInAnotherOrderAndOfAnotherSignAndLengthAreFound()
    {
        var (first, other) = (Model(), Model());
        var (site, changed) = (first.Sites[0], other.Sites[0]);
        for (int c = 0; c < site.C; c++)
        {
            int place = (c + 2) % site.C;
            for (int i = 0; i < site.Inputs; i++) changed.V.Row(place)[i] = -3 * site.V.Row(c)[i];
            for (int i = 0; i < site.Outputs; i++) changed.U.Row(place)[i] = 0.1f * site.U.Row(c)[i];
        }

        changed.U.Row(2).Clear();
        var pairs = SubcomponentMatch.Of(site, [4, 0, 1], changed, [0, 1, 2, 3]);
        // What 0 lies in is all zeros by now, which is like nothing.
        Assert.Equal([(4, 1), (1, 3)], pairs.Where(pair => pair.Cosine > 0.999).Select(pair => (pair.First, pair.Other)));
        Assert.Equal(3, pairs.Count);

        // The cosine of two matrices, written out.
        var any = SubcomponentMatch.Of(site, [2], changed, [0])[0];
        float[,] a = site.Subcomponent(2), b = changed.Subcomponent(0);
        Assert.Equal(Math.Abs(Inner(a, b)) / Math.Sqrt(Inner(a, a) * Inner(b, b)), any.Cosine, 1e-6);

        static double Inner(float[,] a, float[,] b) => a.Cast<float>().Zip(b.Cast<float>(), (x, y) => (double)x * y).Sum();
    }

    private static ComponentModel Model() => ComponentModel.Create(Given.Chain(4, 3), ["linear0"], c: 5, k: 2, seed: 3);

    /// <summary>The largest sum of the rows from one on, of which some may be left out.</summary>
    private static double Largest(double[,] weights, int row, HashSet<int> used, int left)
    {
        if (row == weights.GetLength(0)) return 0;
        double best = left > 0 ? Largest(weights, row + 1, used, left - 1) : double.NegativeInfinity;
        for (int column = 0; column < weights.GetLength(1); column++)
        {
            if (!used.Add(column)) continue;
            best = Math.Max(best, weights[row, column] + Largest(weights, row + 1, used, left));
            used.Remove(column);
        }

        return best;
    }
}
