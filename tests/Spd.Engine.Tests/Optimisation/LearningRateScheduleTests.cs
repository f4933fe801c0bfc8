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
