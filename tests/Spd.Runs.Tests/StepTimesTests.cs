namespace Spd.Runs.Tests;

public sealed class StepTimesTests
{
    [Fact]
    public void MoreStepsThanMemoryHoldsAreOnlyRecordedAsTheyCome()
    {
        var times = new StepTimes(int.MaxValue);
        Assert.True(double.IsNaN(times.Quantile(0.5)));
        times.Record();
        Assert.InRange(times.Quantile(0.5), 0, 60_000);
    }
}
