namespace Spd.Runs.Tests;

public sealed class CadenceTests
{
    [Theory]
    [InlineData(3, false, true, new[] { 3, 6, 9, 12 })]
    [InlineData(3, true, true, new[] { 1, 3, 6, 9, 12 })]
    [InlineData(3, false, false, new[] { 3, 6, 9 })]
    [InlineData(5, true, false, new[] { 1, 5, 10 })]
    [InlineData(1, true, true, new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })]
    [InlineData(13, false, true, new int[0])]
    [InlineData(null, false, true, new int[0])]
    [InlineData(null, true, true, new[] { 1 })]
    public void ItIsDueBehindTheseOfTwelveSteps(int? every, bool withFirst, bool withLast, int[] expected)
    {
        var cadence = new Cadence(every, withFirst, withLast);
        Assert.Equal(expected, Enumerable.Range(1, 12).Where(taken => cadence.IsDue(taken, 12)));
    }
}
