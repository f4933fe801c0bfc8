using Spd.Networks;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Metrics;

public sealed class MetricTests
{
    [Fact]
    public void ADeadSubcomponentIsNoMatchHoweverWellItPoints()
    {
        // Subcomponent 0 carries the column, slightly off; subcomponent 1 points exactly along it, with a hundredth of the length.
        var match = ColumnMatch.Of(Site(new[,] { { 1f }, { 0 } }, v: new[,] { { 1f }, { 0.01f } }, u: new[,] { { 1f, 0.1f }, { 1, 0 } }));
        Assert.Equal([0], match.BestMatches);
        Assert.Equal(1 / Math.Sqrt(1.01), match.Mmcs, 1e-6);
        Assert.Equal(Math.Sqrt(1.01), match.Ml2r, 1e-6);
    }

    [Fact]
    public void PerfectSubcomponentsMatchTheirColumns()
    {
        var match = ColumnMatch.Of(Site(
            new[,] { { 1f, 0 }, { 0, 2 } },
            v: new[,] { { 0f, 3 }, { 0, 0 }, { -2, 0 } },
            u: new[,] { { 0, 2f / 3 }, { 5, 5 }, { -0.5f, 0 } }));
        Assert.Equal(1, match.Mmcs, 1e-9);
        Assert.Equal(1, match.Ml2r, 1e-7);
        Assert.Equal([2, 0], match.BestMatches);
        Assert.True(match.IsOneToOne);
    }

    [Fact]
    public void CosinesAndRatiosAreMeansOverTheColumns()
    {
        // Column 0 = (3, 4): subcomponent 0 gives (1, 0): cosine 0.6, ratio 0.2.
        // Column 1 = (0, 2): subcomponent 0 gives (−1, 0): 0; 1 gives (2, 2): √½, √2.
        var match = ColumnMatch.Of(Site(new[,] { { 3f, 0 }, { 4, 2 } }, v: new[,] { { 1f, -1 }, { 0, 2 } }, u: new[,] { { 1f, 0 }, { 1, 1 } }));
        Assert.Equal((0.6 + Math.Sqrt(0.5)) / 2, match.Mmcs, 1e-9);
        Assert.Equal((0.2 + Math.Sqrt(2)) / 2, match.Ml2r, 1e-7);
        Assert.Equal([0, 1], match.BestMatches);
    }

    [Fact]
    public void AnOppositeSubcomponentIsNoMatch()
    {
        var match = ColumnMatch.Of(Site(new[,] { { 1f, 1 } }, v: new[,] { { -1f, 1 }, { 0, 0 } }, u: new[,] { { 1f }, { 1 } }));
        Assert.Equal(0, match.Mmcs, 1e-9);
        Assert.Equal([0, 0], match.BestMatches);
        Assert.False(match.IsOneToOne);
        var flipped = ColumnMatch.Of(Site(new[,] { { 1f, 1 } }, v: new[,] { { -1f, -1 }, { 0, 0 } }, u: new[,] { { -1f }, { 1 } }));
        Assert.Equal(1, flipped.Mmcs, 1e-9);
        Assert.Equal(1, flipped.Ml2r, 1e-9);
    }

    [Fact]
    public void ColumnsOfZerosAreLeftOutAndNoColumnsGiveNaN()
    {
        var match = ColumnMatch.Of(Site(new[,] { { 0f, 2 } }, v: new[,] { { 7f, 1 } }, u: new[,] { { 1f } }));
        Assert.Equal((1, 0.5), (match.Mmcs, match.Ml2r));
        Assert.Single(match.BestMatches);
        var none = ColumnMatch.Of(Site(new[,] { { 0f, 0 } }, v: new[,] { { 7f, 1 } }, u: new[,] { { 1f } }));
        Assert.True(double.IsNaN(none.Mmcs) && double.IsNaN(none.Ml2r));
        Assert.Empty(none.BestMatches);
    }

    [Fact]
    public void OneSubcomponentForTwoColumnsIsNotOneToOne()
    {
        var match = ColumnMatch.Of(Site(new[,] { { 1f, 2 } }, v: new[,] { { 1f, 2 }, { 0, 0 } }, u: new[,] { { 1f }, { 0 } }));
        Assert.Equal(1, match.Mmcs, 1e-9);
        Assert.False(match.IsOneToOne);
    }

    [Fact]
    public void SignificantSubcomponentsAreThoseAboveAShareOfTheLargestNormLargestFirst()
    {
        // Norms 1, 0, 20, 1.0001, 5 (a vector of length 5 times 1).
        var site = Site(
            new[,] { { 0f, 0 } }, v: new[,] { { 1f, 0 }, { 0, 0 }, { 0, 10 }, { 0, 1.0001f }, { 3, 4 } }, u: new[,] { { 1f }, { 100 }, { -2 }, { 1 }, { -1 } });
        Assert.Equal([2, 4, 3], Significance.Of(site));
        Assert.Empty(Significance.Of(Site(new[,] { { 1f } }, v: new[,] { { 0f }, { 0 } }, u: new[,] { { 1f }, { 2 } })));
    }

    [Theory]
    [InlineData("0.1 0.9 0.5; 0.8 0.95 0.2", "1 0 2")]
    [InlineData("0.1 0.9 0.5; 0.2 0.95 0.8", "1 2 0")]
    [InlineData("0 0 0", "0 1 2")]
    [InlineData("1; 1; 1", "0")]
    [InlineData("0 0 1 0", "2 0 1 3")]
    [InlineData("-0.1 -0.2; 0 1", "0 1")]
    public void ThePapersOrderTakesEachRowsBestUnusedColumn(string values, string expected)
    {
        float[][] rows = [.. values.Split("; ").Select(row => row.Split(' ').Select(float.Parse).ToArray())];
        float[,] table = new float[rows.Length, rows[0].Length];
        for (int i = 0; i < rows.Length; i++)
            for (int j = 0; j < rows[0].Length; j++)
                table[i, j] = rows[i][j];
        Assert.Equal(expected.Split(' ').Select(int.Parse), ImportanceMap.PaperOrder(table));
    }

    [Fact]
    public void AnImportanceMapHoldsEachSitesImportancesOnTheInputs()
    {
        var site = Site(
            new[,] { { 1f, 0 }, { 0, 1 } },
            v: new[,] { { 0f, 1 }, { 2, 0 }, { -4, 0 } },
            u: new[,] { { 1f, 0 }, { 0, 1 }, { 0, 0 } },
            out var model);
        site.Gate.Weight!.Values.Fill(1);
        using var backend = TestBackend.Create();
        var map = Assert.Single(ImportanceMap.OfSingleFeatures(model, 2, backend));
        // h = V · 0.75 e_i: (0, 1.5, −3) and (0.75, 0, 0); lower-leaky.
        Assert.Equal([0f, 1, -0.03f, 0.75f, 0, 0], map.Values.Cast<float>().Select(value => MathF.Round(value, 6)));
        Assert.Equal([1, 0, 2], map.Order);
        Assert.Same(site, map.Site);
    }

    private static Site Site(float[,] target, float[,] v, float[,] u) => Site(target, v, u, out _);

    private static Site Site(float[,] target, float[,] v, float[,] u, out ComponentModel model)
    {
        var linear = new Linear(target.GetLength(1), target.GetLength(0), bias: false);
        target.Cast<float>().ToArray().CopyTo(linear.Weight.Values);
        model = ComponentModel.Create(new Sequential(("linear", linear)), ["linear"], c: v.GetLength(0), k: 0, seed: 0);
        v.Cast<float>().ToArray().CopyTo(model.Sites[0].V.Values);
        u.Cast<float>().ToArray().CopyTo(model.Sites[0].U.Values);
        return model.Sites[0];
    }
}
