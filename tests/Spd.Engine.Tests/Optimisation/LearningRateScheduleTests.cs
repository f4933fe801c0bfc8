using System.Text.Json;
using Spd.Engine.Optimisation;

namespace Spd.Engine.Tests.Optimisation;

public sealed class LearningRateScheduleTests
{
    private static readonly Dictionary<string, LearningRateSchedule> Schedules = new()
    {
        ["constant"] = new(ScheduleShape.Constant),
        ["constant_warmup10%"] = new(ScheduleShape.Constant, 0.1),
        ["linear"] = new(ScheduleShape.Linear),
        ["linear_warmup10%"] = new(ScheduleShape.Linear, 0.1),
        ["cosine"] = new(ScheduleShape.Cosine),
        ["cosine_warmup10%"] = new(ScheduleShape.Cosine, 0.1),
        ["exponential_halflife100"] = new(ScheduleShape.Exponential, 0, 100),
    };

    [Fact]
    public void EverySchedulePassesThroughTheRecordedPoints()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "functions.json")));
        var recorded = golden.RootElement.GetProperty("lr(steps=1000,lr=1e-3)").EnumerateObject().ToList();
        Assert.Equal(Schedules.Keys.Order(), recorded.Select(entry => entry.Name).Order());
        foreach (var schedule in recorded)
        {
            foreach (var point in schedule.Value.EnumerateObject())
            {
                double computed = 1e-3 * Schedules[schedule.Name].Factor(long.Parse(point.Name), 1000);
                Assert.Equal(point.Value.GetDouble(), computed, 1e-15);
            }
        }
    }

    /// <summary>The successor's code ends its decay at the floor in the last step.</summary>
    [Fact]
    public void HalfAWaveEndsAtItsFloorAsTheAuthorsHaveIt()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "successor", "schedules.json")));
        var cases = golden.RootElement.GetProperty("cases").EnumerateArray().Where(one => one.GetProperty("fn_type").GetString() == "cosine").ToList();
        Assert.Equal(4, cases.Count);
        foreach (var one in cases)
        {
            int steps = one.GetProperty("total_steps").GetInt32();
            double warmup = one.GetProperty("warmup_pct").GetDouble(), floor = one.GetProperty("final_val_frac").GetDouble();
            double[] values = [.. one.GetProperty("values").EnumerateArray().Select(value => value.GetDouble())];
            var schedule = new LearningRateSchedule(ScheduleShape.HalfCosine, warmup) { Floor = floor };
            // The last recorded one is of a step behind the end.
            for (int step = 0; step < steps; step++) Assert.Equal(values[step], schedule.Factor(step, steps), 1e-14);
        }
    }

    [Fact]
    public void AWarmUpMayBeAShareOrANumberOfSteps()
    {
        var share = new LearningRateSchedule(ScheduleShape.HalfCosine, 0.25) { Floor = 0.1 };
        var number = new LearningRateSchedule(ScheduleShape.HalfCosine) { Floor = 0.1, WarmupSteps = 5 };
        for (int step = 0; step < 20; step++) Assert.Equal(share.Factor(step, 20), number.Factor(step, 20));
        Assert.Equal([0, 0.2, 0.8, 1], new[] { 0, 1, 4, 5 }.Select(step => number.Factor(step, 20)));
        Assert.Equal(0.1, number.Factor(19, 20), 1e-15);
        // Steps that warm up are the same of however many.
        Assert.False(new LearningRateSchedule(ScheduleShape.Constant) { WarmupSteps = 5 }.DependsOnSteps);
        Assert.True(number.DependsOnSteps);
        Assert.True(new LearningRateSchedule(ScheduleShape.Constant, 0.1).DependsOnSteps);
    }

    [Fact]
    public void ARunOfOneStepHasTheFullRate()
    {
        foreach (var (_, schedule) in Schedules.Where(entry => entry.Value.WarmupFraction == 0)) Assert.Equal(1, schedule.Factor(0, 1));
    }

    [Fact]
    public void AWarmUpOverTheWholeRunNeverReachesTheFullRate()
    {
        var schedule = new LearningRateSchedule(ScheduleShape.Cosine, 1);
        for (int step = 0; step < 10; step++) Assert.Equal(step / 10.0, schedule.Factor(step, 10), 1e-12);
    }

    [Fact]
    public void AnExponentialScheduleWithoutAHalflifeSaysSo() => Assert.Contains(
        "halflife",
        Assert.Throws<InvalidOperationException>(() => new LearningRateSchedule(ScheduleShape.Exponential).Factor(3, 10)).Message,
        StringComparison.Ordinal);
}
