using Spd.Baselines;
using System.Buffers.Binary;
using Spd.Decomposition;
using Spd.Figures;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.TensorBoard;
using Spd.Runs.Tests.Reporting;

namespace Spd.Runs.Tests.TensorBoard;

public sealed class TensorBoardTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Events => _folder["tensorboard"];

    private string Newest => Directory.GetFiles(Events).Order(StringComparer.Ordinal).Last();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheChecksumHasThePublishedValues()
    {
        // RFC 3720, B.4.
        Assert.Equal(0xe3069283u, EventFile.Crc32C("123456789"u8));
        Assert.Equal(0x8a9136aau, EventFile.Crc32C(new byte[32]));
        Assert.Equal(0x62a8ab43u, EventFile.Crc32C([.. Enumerable.Repeat((byte)255, 32)]));
        Assert.Equal(0x46dd794eu, EventFile.Crc32C([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0u, EventFile.Crc32C([]));
        byte[] bytes = new byte[100];
        new Random(1).NextBytes(bytes);
        for (int length = 0; length <= bytes.Length; length++)
            Assert.Equal(EventReader.Crc32C(bytes.AsSpan(0, length)), EventFile.Crc32C(bytes.AsSpan(0, length)));
    }

    [Fact]
    public void AFileBeginsWithItsVersionAndTheStart()
    {
        double before = EventFile.Now;
        EventLog.Begin(Events, 0, []).Dispose();

        Assert.Matches($@"^events\.out\.tfevents\.\d{{10}}\.{System.Text.RegularExpressions.Regex.Escape(Environment.MachineName)}$", Path.GetFileName(Newest));
        byte[] bytes = File.ReadAllBytes(Newest);
        // The version's record: 26 bytes, which are tag and time (9), tag and step (2), tag, length and text (15).
        Assert.Equal([26, 0, 0, 0, 0, 0, 0, 0], bytes[..8]);
        Assert.Equal([0x1a, 13, .. "brain.Event:2"u8], bytes[23..38]);
        var messages = EventReader.ReadFile(Newest);
        Assert.Equal(2, messages.Count);
        Assert.InRange(messages[0].Double(1), before, EventFile.Now);
        Assert.Equal("brain.Event:2", messages[0].Text(3));
        Assert.Equal((0, 1), (messages[1].Integer(2), messages[1].Message(7).Integer(1)));
    }

    [Fact]
    public void ALogLineBecomesScalarsThatCanBeReadWhileTheFileGrows()
    {
        using var log = EventLog.Begin(Events, 0, []);
        log.Write(new MetricRecord
        {
            Step = 3_000_000,
            Seconds = 2.5,
            MsPerStep = 0.5,
            Lr = 1e-3,
            Losses = new Dictionary<string, double> { ["total"] = 0.25, ["stochastic_recon"] = double.NaN },
            L0 = new Dictionary<string, double> { ["linear1"] = 0.75 },
            Alive = new Dictionary<string, int> { ["linear1"] = 5 },
            Metrics = new Dictionary<string, double> { ["unmasked_recon"] = 1e-9 },
        });
        var values = EventReader.ReadFolder(Events);
        Assert.All(values, value => Assert.Equal(3_000_000, value.Step));
        Assert.Equal(
            [
                ("loss/total", 0.25f), ("loss/stochastic_recon", float.NaN), ("l0/linear1", 0.75f), ("alive/linear1", 5f), ("metric/unmasked_recon", 1e-9f),
                ("training/lr", 1e-3f), ("training/ms_per_step", 0.5f), ("training/seconds", 2.5f),
            ], values.Select(value => (value.Tag, value.Message.Float(2))));
    }

    [Fact]
    public void HistogramsPicturesAndTextsAreThoseOfTheFigures()
    {
        var heatmap = new HeatmapFigure("t", [new HeatmapPanel("linear1: 1 of 20", Grid.From(new[,] { { 0.5, 1 } }), "r", "c", Name: "linear1")],
            HeatmapScale.UnitInterval, "importance");
        var evaluation = new Evaluation(
            new Dictionary<string, double>(), [new SiteEvaluation("linear1", 20, 1, 1, [7, 0, 2, 1L << 40]), new SiteEvaluation("linear2", 20, 1, 1, [])],
            0, 0, 0, 0, 0);
        using (var log = EventLog.Begin(Events, 0, []))
        {
            log.Write(
                40, evaluation, [new RunFigure("vectors", "As vectors", new DrawnFigure("<svg/>"), "Arrows."), new RunFigure("map", "A map", heatmap, "Darker is more.")],
                "step-00000040/");
        }

        var values = EventReader.ReadFolder(Events);
        Assert.Equal([(40, "importances/linear1"), (40, "map/linear1"), (40, "figures")], values.Select(value => (value.Step, value.Tag)));

        var tensor = AssertTensor(values[0], "histograms", type: 2);
        Assert.Equal([4, 3], tensor.Message(2).Messages(2).Select(dimension => dimension.Integer(1)));
        byte[] content = tensor.Bytes(4);
        double[] table = [.. Enumerable.Range(0, 12).Select(i => BinaryPrimitives.ReadDoubleLittleEndian(content.AsSpan(8 * i)))];
        Assert.Equal([0, 0.25, 7, 0.25, 0.5, 0, 0.5, 0.75, 2, 0.75, 1, 1L << 40], table);

        var picture = Assert.Single(heatmap.ToImages());
        var image = values[1].Message.Message(4);
        Assert.Equal((picture.Height, picture.Width, 3), (image.Integer(1), image.Integer(2), image.Integer(3)));
        Assert.Equal(picture.Png.ToArray(), image.Bytes(4));

        var text = AssertTensor(values[2], "text", type: 7);
        Assert.Empty(text.Bytes(2));
        Assert.Equal(
            "- **As vectors**, `figures/step-00000040/vectors.svg` in the run's folder: Arrows.\n"
            + "- **A map**, `figures/step-00000040/map.svg` in the run's folder: Darker is more.", text.Text(8));

        static WireMessage AssertTensor(EventValue value, string plugin, int type)
        {
            var metadata = value.Message.Message(9);
            Assert.Equal((plugin, 2), (metadata.Message(1).Text(1), metadata.Integer(4)));
            Assert.Equal(type, value.Message.Message(8).Integer(1));
            return value.Message.Message(8);
        }
    }

    [Fact]
    public void ALaterFileComesBehindAndVoidsWhatIsComputedAgain()
    {
        MetricRecord[] lines = [.. new[] { 10, 20, 30, 40 }.Select(step => new MetricRecord { Step = step, Lr = step })];
        using (var log = EventLog.Begin(Events, 0, []))
        {
            foreach (var line in lines) log.Write(line);
        }

        // A kill cuts a record short.
        File.AppendAllBytes(Newest, [90, 0, 0, 0, 0]);
        using (var log = EventLog.Begin(Events, 20, lines[..2])) log.Write(lines[2]);
        Assert.Equal([10, 20, 30], Steps());
        // Step 25 has a checkpoint, but no line.
        using (var log = EventLog.Begin(Events, 25, lines[..2])) log.Write(lines[2]);
        Assert.Equal([10, 20, 30], Steps());
        // The last step's line came after the checkpoint.
        using (var log = EventLog.Begin(Events, 30, lines[..2])) log.Write(lines[2]);
        Assert.Equal([10, 20, 30], Steps());
        EventLog.Begin(Events, 0, []).Dispose();
        Assert.Empty(Steps());
        Assert.Equal(5, Directory.GetFiles(Events).Length);

        IEnumerable<long> Steps() => EventReader.ReadFolder(Events).Where(value => value.Tag == "training/lr").Select(value => value.Step);
    }

    [Fact]
    public void ARunThatIsWrittenFromItsMiddleOnHasTheLinesBeforeToo()
    {
        MetricRecord[] lines = [new() { Step = 10 }, new() { Step = 20 }];
        EventLog.Begin(Events, 20, lines).Dispose();
        Assert.Equal([10, 20], EventReader.ReadFolder(Events).Where(value => value.Tag == "training/lr").Select(value => value.Step));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(15)]
    [InlineData(20)]
    public void ARunHasItsLogAndItsFiguresInTensorBoardOnce(int? stopAfter)
    {
        var config = ExperimentConfig.Parse(
            TinyExperiment.Yaml(steps: 33) + "\nsave_freq: 4\nimage_freq: 15\ntensorboard: true", "tiny.yaml", [], new ExperimentCatalog(_folder.Root)).Config;
        var cache = new TargetCache(_folder["cache"]);
        using var stop = new CancellationTokenSource();
        var run = new ExperimentRun(config with { PrintFreq = 5 }, TestBackend.Create(1), cache, new Stop(stop, stopAfter));
        var (_, folder) = run.Execute(() => RunFolder.CreateAt(_folder["run"]), stop.Token);
        if (stopAfter is not null) new ExperimentRun(config with { PrintFreq = 5 }, TestBackend.Create(1), cache, new Stop(stop, null)).Resume(folder, CancellationToken.None);

        var shown = EventReader.ReadFolder(folder.TensorBoardFolder);
        var log = MetricLog.Read(folder.MetricsFile);
        Assert.Equal([1, 5, 10, 15, 20, 25, 30, 33], log.Select(record => record.Step));
        Assert.Equal(log.Select(record => ((long)record.Step, (float)record.Losses["total"])), Curve("loss/total"));
        Assert.Equal(log.Select(record => ((long)record.Step, (float)record.L0["linear1"])), Curve("l0/linear1"));

        // What was drawn where the run was stopped is kept, if it is the state of a log line.
        long[] drawn = stopAfter == 20 ? [0, 15, 20, 30, 33] : [0, 15, 30, 33];
        foreach (string tag in new[] { "importances/linear1", "causal_importances/linear1", "components/V of linear1", "figures" })
            Assert.Equal(drawn, shown.Where(value => value.Tag == tag).Select(value => value.Step));
        Assert.True(File.Exists(Path.Combine(folder.FiguresFolder, "step-00000015", "components.svg")));

        IEnumerable<(long, float)> Curve(string tag) => shown.Where(value => value.Tag == tag).Select(value => (value.Step, value.Message.Float(2)));
    }

    [Fact]
    public void TheKeyIsOffUnlessItIsSetAndMakesNoOtherRun()
    {
        var catalog = ExperimentCatalog.BesideProgram(ApdMethod.Instance);
        foreach (string name in new[] { "tms_5-2", "apd_tms_5-2" })
        {
            var (off, on) = (catalog.Load(name, []).Config, catalog.Load(name, [ConfigOverride.Parse("tensorboard=true")]).Config);
            Assert.Equal((false, true), (off.TensorBoard, on.TensorBoard));
            Assert.Contains("\ntensorboard: true\n", on.ToYaml(), StringComparison.Ordinal);
            Assert.Empty(RunComparison.Differences(off.ToYaml(), on.ToYaml()));
            // A folder of an older version has no such key.
            Assert.Empty(RunComparison.Differences(off.ToYaml().Replace("tensorboard: false\n", "", StringComparison.Ordinal), off.ToYaml()));
        }
    }

    /// <summary>Stops a run behind the log line of a step.</summary>
    private sealed class Stop(CancellationTokenSource source, int? step) : IRunObserver
    {
        public void Note(string sentence) { }

        public void TargetStep(int taken, int steps, double loss) { }

        public void Progress(RunProgress progress)
        {
            if (progress.IsLogLine && progress.Step == step) source.Cancel();
        }
    }
}
