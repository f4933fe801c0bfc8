using System.Globalization;
using Spd.Runs.Log;

namespace Spd.Runs.Tests;

public sealed class MetricLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder["metrics.jsonl"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void LinesCanBeReadWhileTheLogGrows()
    {
        using var log = new MetricLog(Path);
        log.Write(new MetricRecord
        {
            Step = 1000,
            MsPerStep = 1.5,
            Lr = 1e-3,
            Losses = new Dictionary<string, double> { ["stochastic_recon"] = 0.25, ["total"] = double.NaN },
        });
        Assert.Single(MetricLog.Read(Path));
        log.Write(new MetricRecord { Step = 2000, L0 = new Dictionary<string, double> { ["hidden_layers.0"] = 2 } });

        var records = MetricLog.Read(Path);
        Assert.Equal([1000, 2000], records.Select(record => record.Step));
        Assert.Equal(0.25, records[0].Losses["stochastic_recon"]);
        Assert.True(double.IsNaN(records[0].Losses["total"]));
        Assert.Equal(2, records[1].L0["hidden_layers.0"]);
    }

    [Fact]
    public void TheKeysAreSnakeCaseAndTheNumbersInvariant()
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = "," } };
            using (var log = new MetricLog(Path))
            {
                log.Write(new MetricRecord
                {
                    Step = 5,
                    MsPerStep = 1.5,
                    Seconds = 2,
                    Lr = 1e-5,
                    L0 = new Dictionary<string, double> { ["linear1"] = 0.5 },
                    Alive = new Dictionary<string, int> { ["linear1"] = 5 },
                });
            }
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }

        Assert.Equal(
            """{"step":5,"seconds":2,"ms_per_step":1.5,"lr":1E-05,"losses":{},"l0":{"linear1":0.5},"alive":{"linear1":5},"metrics":{}}""" + "\n",
            File.ReadAllText(Path));
    }

    [Fact]
    public void WhatTheLogsOfOlderVersionsLackIsEmpty()
    {
        _folder.Write("metrics.jsonl", "{\"step\":1,\"losses\":{\"total\":\"NaN\"}}\n");
        var record = Assert.Single(MetricLog.Read(Path));
        Assert.True(double.IsNaN(record.Losses["total"]));
        Assert.Empty(record.Alive);
        Assert.Empty(record.L0);
        Assert.Empty(record.Metrics);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"step\":0}")]
    [InlineData("{\"step\":2,\"losses\":null}")]
    [InlineData("{\"step\":2,\"losses\":{\"total\":null}}")]
    [InlineData("{\"step\":2,\"l0\":[]}")]
    [InlineData("{\"step\":1e99}")]
    public void ALineThatIsNoRecordIsLeftOut(string line)
    {
        _folder.Write("metrics.jsonl", $"{{\"step\":1}}\n{line}\n{{\"step\":3}}\n{{\"step\":4,\"lo");
        Assert.Equal([1, 3], MetricLog.Read(Path).Select(record => record.Step));
        Assert.Equal(3, MetricLog.LastStep(Path));
    }

    [Theory]
    [InlineData("1 2 3", 3, 30, "1 2 3")]
    // Behind the checkpoint.
    [InlineData("1 2 3", 2, 2, "1 2")]
    [InlineData("1 2 3 4", 3, 2, "1 2")]
    // Cut, or with the first lines gone: what is left goes on, and nothing behind the checkpoint is taken for it.
    [InlineData("1", 3, 3, "1")]
    [InlineData("2 3 4 5", 3, 3, "2 3")]
    [InlineData("1 x 3", 3, 3, "1 3")]
    // Out of order.
    [InlineData("1 3 2 3 4", 5, 4, "1 3 4")]
    [InlineData("", 3, 3, "")]
    public void ARunGoesOnWithTheLinesThatAreThere(string steps, int lines, int step, string kept)
    {
        File.WriteAllText(Path, Text(steps));
        var (log, records) = MetricLog.Continue(Path, lines, step);
        using (log) log.Write(new MetricRecord { Step = 50 });
        Assert.Equal(kept, string.Join(' ', records.Select(record => record.Step)));
        Assert.Equal($"{kept} 50".Trim(), string.Join(' ', MetricLog.Read(Path).Select(record => record.Step)));
        Assert.StartsWith(Text(kept), File.ReadAllText(Path), StringComparison.Ordinal);

        static string Text(string steps) => string.Concat(steps.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(step => $"{{\"step\":{step}}}\n"));
    }

    [Fact]
    public void ALogThatIsGoneBegins()
    {
        var (log, records) = MetricLog.Continue(Path, 7, 100);
        using (log) log.Write(new MetricRecord { Step = 110 });
        Assert.Empty(records);
        Assert.Equal(110, Assert.Single(MetricLog.Read(Path)).Step);
    }

    [Fact]
    public void APipeInPlaceOfTheLogGivesWayToOne()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Windows has no pipes among files");
        using (var make = System.Diagnostics.Process.Start("mkfifo", Path)) make.WaitForExit();
        var (log, records) = MetricLog.Continue(Path, 7, 100);
        using (log) log.Write(new MetricRecord { Step = 110 });
        Assert.Empty(records);
        Assert.Equal(110, Assert.Single(MetricLog.Read(Path)).Step);
    }

    [Fact]
    public void WhatAnotherProgramCutsOffLeavesNoGap()
    {
        using var log = new MetricLog(Path);
        log.Write(new MetricRecord { Step = 1 });
        using (var other = new FileStream(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite)) other.SetLength(0);
        log.Write(new MetricRecord { Step = 2 });
        Assert.Equal(2, Assert.Single(MetricLog.Read(Path)).Step);
        Assert.DoesNotContain('\0', File.ReadAllText(Path));
    }

    [Fact]
    public void ALogOfAnOlderVersionHasNoCountsOfSubcomponentsInUse()
    {
        _folder.Write("metrics.jsonl", "{\"step\":1,\"l0\":{\"linear1\":2.5},\"metrics\":{}}\n");
        var record = Assert.Single(MetricLog.Read(Path));
        Assert.Equal(2.5, record.L0["linear1"]);
        Assert.Empty(record.Alive);
    }

    [Fact]
    public void EmptyLinesCostHardlyMoreThanTheirLength()
    {
        _folder.Write("metrics.jsonl", new string('\n', 10_000) + "{\"step\":1}\n");
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(1, Assert.Single(MetricLog.Read(Path)).Step);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void AnOldLogIsNotOverwritten()
    {
        _folder.Write("metrics.jsonl", "{\"step\":1}\n");
        Assert.Throws<IOException>(() => new MetricLog(Path));
    }
}
