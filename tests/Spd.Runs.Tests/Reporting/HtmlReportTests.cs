using Spd.Networks.Targets;
using Spd.Runs.Reporting;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Reporting;

public sealed class HtmlReportTests
{
    [Theory]
    [InlineData(1, "seed 4; it has learnt")]
    [InlineData(2, "seed 4, after 1 seed that did not learn every feature; it has learnt")]
    [InlineData(5, "seed 4, after 4 seeds that did not learn every feature; it has learnt")]
    public void TheSeedsTriedAreTold(int seedsTried, string expected)
    {
        var target = new TmsTargetConfig { Seed = 4 };
        var summary = new RunSummary
        {
            Experiment = "x",
            Seed = 0,
            Steps = 1,
            BatchSize = 1,
            Threads = 1,
            Status = RunStatus.Finished,
            Kernels = "scalar",
            WallSeconds = 1,
            CheckpointSeconds = 0.01,
            MsPerStep = (1, 1, 1),
            Target = new TrainedTarget(new Tms(target.Model), target, seedsTried, FromCache: false),
        };
        Assert.Contains(expected, HtmlReport.Write(new ExperimentConfig(), summary, [], "seed: 0\n"), StringComparison.Ordinal);
    }
}
