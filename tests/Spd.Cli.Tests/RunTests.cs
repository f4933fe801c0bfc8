using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Spd.Cli.Tests;

public sealed class RunTests : IDisposable
{
    private static readonly string[] Short =
    [
        "--steps", "60",
        "--set", "batch_size=256",
        "--set", "print_freq=20",
        "--set", "n_eval_steps=3",
        "--set", "target.train.steps=4000",
    ];

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void ListShowsEachExperimentOnALine()
    {
        var (code, output, _) = _spd.Run("list");
        Assert.Equal(0, code);
        string[] lines = output.TrimEnd().Split('\n');
        Assert.Equal(Directory.GetFiles(Path.Combine(Repository.Root, "experiments"), "*.yaml").Length, lines.Length);
        Assert.All(lines, line => Assert.InRange(line.TrimEnd().Length, 30, 80));
        Assert.Contains(lines, line => line.StartsWith("tms_5-2 ", StringComparison.Ordinal) && line.Contains("Toy Model", StringComparison.Ordinal));
    }

    [Fact]
    public void HelpNamesCommandsAndOptions()
    {
        Assert.Contains("run <experiment>", _spd.Run("--help").Output, StringComparison.Ordinal);
        string help = _spd.Run("run", "--help").Output;
        Assert.All(new[] { "--seed", "--steps", "--threads", "--out", "--set", "--quiet" }, option => Assert.Contains(option, help, StringComparison.Ordinal));
    }

    [Fact]
    public void ARunLeavesACompleteFolderAndPlainLines()
    {
        var (code, output, error) = _spd.Run(["run", "tms_5-2", "--out", "one", .. Short]);
        Assert.Equal((0, ""), (code, error));
        Assert.DoesNotContain('\u001b', output);
        Assert.Contains("trained the target with seed", output, StringComparison.Ordinal);
        Assert.Contains("step 40/60", output, StringComparison.Ordinal);
        Assert.Equal(9, Regex.Count(output, @"(?m)^training the target: step \d+/\d+  loss \d\.\d\de[+-]\d+$"));
        var summary = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("one", "summary.json"))).RootElement;
        double all = summary.GetProperty("wall_seconds").GetDouble(), target = summary.GetProperty("target").GetProperty("seconds").GetDouble();
        Assert.InRange(target, 1e-3, all);
        Assert.Matches(@"(?m)^trained the target with seed \d+ for 4000 steps in \d+\.\d s: ", output);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $": 60 steps in {all - target:F1} s\n"), output, StringComparison.Ordinal);
        var metrics = summary.GetProperty("metrics");
        // This run's number, which is not yet the paper's, beside it.
        double mmcs = metrics.GetProperty("mmcs").GetDouble(), ml2r = metrics.GetProperty("ml2r").GetDouble();
        Assert.InRange(mmcs, 0.9, 0.9999);
        Assert.InRange(ml2r, 0.1, 0.9);
        Assert.Matches($@"MMCS, linear1 +{mmcs:F4} +1\.000 ± 0\.000", output);
        Assert.Matches($@"ML2R, linear1 +{ml2r:F4} +0\.993 ± 0\.002", output);

        string[] files =
        [
            .. Directory.EnumerateFiles(_spd.PathTo("one"), "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(_spd.PathTo("one"), file).Replace('\\', '/'))
                .Order(StringComparer.Ordinal),
        ];
        Assert.Equal(
            [
                ".lock", "activations/linear1.html", "activations/linear2.html", "checkpoints/step-00000054.safetensors", "checkpoints/step-00000060.safetensors", "config.yaml", "figures/causal_importances.svg",
                "figures/components.svg", "figures/importance_histogram.svg", "figures/importance_spectrum.svg", "figures/training.svg", "figures/vectors.svg",
                "metrics.jsonl", "model.safetensors", "report.html", "summary.json", "target/config.yaml", "target/weights.safetensors",
            ], files);
        // Step 1, and every twentieth.
        Assert.Equal(
            [1, 20, 40, 60],
            File.ReadLines(_spd.PathTo("one", "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt32()));
        string report = File.ReadAllText(_spd.PathTo("one", "report.html"));
        Assert.Equal(6, report.Split("<figure>").Length - 1);
        Assert.DoesNotContain("src=", report, StringComparison.Ordinal);
        Assert.DoesNotContain("<link", report, StringComparison.Ordinal);
    }

    [Fact]
    public void TheBaselineLeavesTheSameFolderAndMetrics()
    {
        var (code, output, error) = _spd.Run(["run", "apd_tms_5-2", "--out", "apd", .. Short]);
        Assert.Equal((0, ""), (code, error));
        double ml2r = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("apd", "summary.json"))).RootElement.GetProperty("metrics").GetProperty("ml2r").GetDouble();
        Assert.Matches($@"ML2R, linear1 +{ml2r:F4} +0\.893 ± 0\.004", output);
        Assert.All(
            new[]
            {
                "config.yaml", "figures/attributions.svg", "figures/training.svg", "figures/vectors.svg", "metrics.jsonl", "model.safetensors", "report.html",
                "target/config.yaml", "target/weights.safetensors",
            },
            file => Assert.True(File.Exists(_spd.PathTo("apd", file)), file));
        var summary = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("apd", "summary.json"))).RootElement;
        Assert.Equal(("apd_tms_5-2", "finished"), (summary.GetProperty("experiment").GetString(), summary.GetProperty("status").GetString()));
        Assert.Equal(
            ["mmcs", "ml2r", "one_to_one", "mmcs_all_subcomponents", "ml2r_all_subcomponents", "significant_subcomponents", "unmasked_mse"],
            summary.GetProperty("metrics").EnumerateObject().Select(metric => metric.Name));
        Assert.Equal(["param_match", "schatten", "topk_recon", "total"], summary.GetProperty("losses").EnumerateObject().Select(loss => loss.Name).Order());
        Assert.DoesNotContain("NaN", File.ReadAllText(_spd.PathTo("apd", "metrics.jsonl")), StringComparison.Ordinal);

        // Its configuration runs again as it is, and on any number of threads the result has the same bits.
        Assert.Equal(0, _spd.Run("run", _spd.PathTo("apd", "config.yaml"), "--out", "again", "--threads", "1", "--quiet").ExitCode);
        Assert.Equal(File.ReadAllBytes(_spd.PathTo("apd", "model.safetensors")), File.ReadAllBytes(_spd.PathTo("again", "model.safetensors")));
        Assert.Equal(File.ReadAllText(_spd.PathTo("apd", "config.yaml")), File.ReadAllText(_spd.PathTo("again", "config.yaml")));
    }

    [Fact]
    public void TheSummaryHasEveryKeyPromised()
    {
        Assert.Equal(0, _spd.Run(["run", "tms_5-2-id", "--seed", "7", "--quiet", "--out", "id", .. Short]).ExitCode);
        var summary = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("id", "summary.json"))).RootElement;
        Assert.Equal("tms_5-2-id", summary.GetProperty("experiment").GetString());
        Assert.Equal(
            (7, 60, 256),
            (summary.GetProperty("seed").GetInt32(), summary.GetProperty("steps").GetInt32(), summary.GetProperty("batch_size").GetInt32()));
        Assert.Equal("finished", summary.GetProperty("status").GetString());
        Assert.True(summary.GetProperty("threads").GetInt32() >= 1);
        Assert.True(summary.GetProperty("wall_seconds").GetDouble() > 0);
        var times = summary.GetProperty("ms_per_step");
        Assert.InRange(times.GetProperty("median").GetDouble(), times.GetProperty("p10").GetDouble(), times.GetProperty("p90").GetDouble());
        Assert.All(
            new[] { "faithfulness", "stochastic_recon", "stochastic_recon_layerwise", "importance_minimality", "total" },
            loss => Assert.True(summary.GetProperty("losses").GetProperty(loss).GetDouble() > 0));
        foreach (string site in new[] { "linear1", "linear2", "hidden_layers.0" })
        {
            Assert.Equal(20, summary.GetProperty("sites").GetProperty(site).GetProperty("C").GetInt32());
            Assert.True(summary.GetProperty("sites").GetProperty(site).GetProperty("l0").GetDouble() >= 0);
            Assert.InRange(summary.GetProperty("sites").GetProperty(site).GetProperty("alive").GetInt32(), 0, 20);
            Assert.InRange(summary.GetProperty("metrics").GetProperty("significant_subcomponents").GetProperty(site).GetInt32(), 1, 20);
        }

        Assert.All(
            new[] { "mmcs", "ml2r", "mmcs_all_subcomponents", "ml2r_all_subcomponents", "unmasked_mse", "adversarial_mse" },
            metric => Assert.True(summary.GetProperty("metrics").GetProperty(metric).GetDouble() > 0));
        Assert.True(summary.GetProperty("target").GetProperty("seeds_tried").GetInt32() >= 1);
    }

    [Fact]
    public void TheWrittenConfigurationRunsAgainToTheSameBytesOnAnotherNumberOfThreads()
    {
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--threads", "1", "--seed", "3", "--quiet", "--out", "first", .. Short]).ExitCode);
        var (code, output, _) = _spd.Run("run", _spd.PathTo("first", "config.yaml"), "--threads", "3", "--out", "second");
        Assert.Equal(0, code);
        Assert.Contains("found the trained target", output, StringComparison.Ordinal);
        foreach (string file in new[] { "config.yaml", "model.safetensors", "target/weights.safetensors", "figures/components.svg" })
            Assert.Equal(File.ReadAllBytes(_spd.PathTo("first", file)), File.ReadAllBytes(_spd.PathTo("second", file)));
    }

    [Fact]
    public void ATargetIsTrainedAnewForOtherKernels()
    {
        Assert.SkipWhen(TestBackend.IsScalar, "needs a second kernel set");
        string[] arguments = ["run", "tms_5-2", "--steps", "1", "--set", "batch_size=16", "--set", "n_eval_steps=1"];
        arguments = [.. arguments, "--set", "target.train.steps=2000", "--set", "target.train.batch_size=256"];
        Assert.Contains("trained the target", _spd.Run(arguments).Output, StringComparison.Ordinal);
        Assert.Contains("found the trained target", _spd.Run(arguments).Output, StringComparison.Ordinal);
        _spd.Kernels = "scalar";
        string output = _spd.Run(arguments).Output;
        Assert.Contains("trained the target", output, StringComparison.Ordinal);
        Assert.DoesNotContain("found the trained target", output, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutOutTheFolderIsNamedAfterExperimentTimeAndSeed()
    {
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--seed", "5", "--quiet", .. Short]).ExitCode);
        string folder = Assert.Single(Directory.GetDirectories(_spd.PathTo("runs", "tms_5-2")));
        Assert.Matches(@"^\d{8}-\d{6}-seed5$", Path.GetFileName(folder));
    }

    [Fact]
    public void AnInterruptEndsTheRunAfterAStepAndWritesWhatThereIs()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill, which Windows lacks");
        string[] options = ["--steps", "1000000", "--out", "stopped", "--set", "n_eval_steps=3", "--set", "save_freq=20", "--set", "lr_schedule=constant"];
        using var process = _spd.StartUntil(new Moment("step-00000060.safetensors", 0, "-INT"), ["run", "tms_5-2", .. options]);
        var (code, output, error) = SpdProgram.Finish(process);
        Assert.Equal((SpdProgram.ExitCodeOf("-INT"), ""), (code, error));
        Assert.Contains("stopped after", output, StringComparison.Ordinal);
        Assert.Contains(Path.Combine("stopped", "report.html"), output, StringComparison.Ordinal);
        var summary = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("stopped", "summary.json"))).RootElement;
        Assert.Equal("interrupted", summary.GetProperty("status").GetString());
        Assert.Equal(60, summary.GetProperty("steps").GetInt32());
        Assert.True(File.Exists(_spd.PathTo("stopped", "figures", "vectors.svg")));
        Assert.True(File.Exists(_spd.PathTo("stopped", "model.safetensors")));
        Assert.EndsWith("Go on:   spd resume stopped\n", output, StringComparison.Ordinal);
        Assert.Contains("the run in it goes on with `spd resume stopped`", _spd.Run("run", "tms_5-2", "--out", "stopped").Error, StringComparison.Ordinal);

        // All of its time is told, not only that of its last part; a line of the log may lie far behind.
        string file = _spd.PathTo("stopped", "summary.json");
        const double Before = 1000;
        File.WriteAllText(file, Regex.Replace(File.ReadAllText(file), "\"wall_seconds\": [0-9.]+", $"\"wall_seconds\": {Before}"));
        (code, _, error) = _spd.Run("resume", "stopped", "--steps", "61", "--quiet");
        Assert.Equal((0, ""), (code, error));
        summary = JsonDocument.Parse(File.ReadAllText(file)).RootElement;
        Assert.InRange(summary.GetProperty("wall_seconds").GetDouble(), Before - 300, Before + 300);
    }

    [Fact]
    public void ASecondInterruptEndsTheProgramAtOnceAndKeepsTheModel()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill, which Windows lacks");
        // More steps than can be reserved memory for, and an evaluation that would take hours.
        string[] options = ["--steps", "2147483647", "--out", "stopped", "--set", "n_eval_steps=10000000"];
        using var process = _spd.Start(["run", "tms_5-2", .. options]);
        SpdProgram.WaitFor(process, () => HasContent("metrics.jsonl"));
        SpdProgram.Signal(process, "-INT");
        SpdProgram.WaitFor(process, () => HasContent("model.safetensors"));
        int atOnce = SpdProgram.Signal(process, "-INT");
        Assert.Equal(atOnce, SpdProgram.Finish(process).ExitCode);
        Assert.True(File.Exists(_spd.PathTo("stopped", "model.safetensors")));
        Assert.False(File.Exists(_spd.PathTo("stopped", "summary.json")));
    }

    private bool HasContent(string file) => new FileInfo(_spd.PathTo("stopped", file)) is { Exists: true, Length: > 0 };
}
