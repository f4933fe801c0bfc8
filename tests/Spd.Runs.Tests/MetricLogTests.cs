using System.Globalization;

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
    public void ALastLineThatWasCutShortIsLeftOut()
    {
        _folder.Write("metrics.jsonl", "{\"step\":1}\n{\"step\":2,\"lo");
        Assert.Equal(1, Assert.Single(MetricLog.Read(Path)).Step);
        _folder.Write("metrics.jsonl", "{\"step\":1}\nnonsense\n{\"step\":3}\n");
        Assert.Contains(
            "metrics.jsonl', line 2: this is no log record",
            Assert.Throws<InvalidDataException>(() => MetricLog.Read(Path)).Message,
            StringComparison.Ordinal);
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
    public void AnOldLogIsNotOverwritten()
    {
        _folder.Write("metrics.jsonl", "{\"step\":1}\n");
        Assert.Throws<IOException>(() => new MetricLog(Path));
    }
}
