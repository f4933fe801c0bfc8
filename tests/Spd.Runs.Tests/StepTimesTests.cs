namespace Spd.Runs.Tests;

public sealed class StepTimesTests
{
    [Fact]
    public void MoreStepsThanMemoryHoldsAreOnlyRecordedAsTheyCome()
    {
        var times = new StepTimes(int.MaxValue, new Clock());
        Assert.Equal((0, double.NaN), (times.Count, times.Quantile(0.5)));
    }

    [Fact]
    public void QuantilesAreThoseOfTheStepsFromAPlaceOn()
    {
        var clock = new Clock();
        var times = new StepTimes(6, clock);
        foreach (int milliseconds in new[] { 50, 10, 30, 20, 40, 1000 })
        {
            clock.Wait(milliseconds);
            times.Record();
        }

        Assert.Equal(6, times.Count);
        Assert.Equal((10, 30, 1000), (times.Quantile(0), times.Quantile(0.5), times.Quantile(1)));
        Assert.Equal((20, 40, 1000), (times.Quantile(0, from: 2), times.Quantile(0.5, from: 2), times.Quantile(0.9, from: 2)));
        Assert.Equal(1000, times.Quantile(0.1, from: 5));
        Assert.Equal(double.NaN, times.Quantile(0.5, from: 6));
    }

    [Fact]
    public void WhatLiesBetweenStepsIsNotTimed()
    {
        var clock = new Clock();
        var times = new StepTimes(2, clock);
        clock.Wait(500);
        times.Restart();
        clock.Wait(3);
        times.Record();
        clock.Wait(7);
        times.Record();
        Assert.Equal((3, 7), (times.Quantile(0), times.Quantile(1)));
    }

    private sealed class Clock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => _now;

        public void Wait(int milliseconds) => _now += milliseconds;
    }
}
