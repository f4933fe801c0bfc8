using System.Text.Json;

namespace Spd.Cli.Tests;

public sealed class SweepTests : IDisposable
{
    private static readonly string[] Start =
    [
        "sweep", "tms_5-2", "--grid", "importance_minimality_coeff=1e-3,3e-3", "--seeds", "2", "--steps", "60", "--set", "batch_size=256", "--set", "n_eval_steps=3",
        "--set", "target.train.steps=4000", "--set", "save_freq=20",
    ];

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void EveryCombinationIsRunOnceAndShown()
    {
        var (code, output, error) = _spd.Run([.. Start, "--out", "out", "--threads-per-run", "1"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("4 of 4 runs have finished.", output, StringComparison.Ordinal);
        Assert.Matches(@"values +seed +L0 +alive +stochastic +CI-masked +adversarial", output);
        Assert.Matches(@"\n +3e-3 +2 +\d+\.\d{3} +\d+ +\d\.\d\de-\d +\d\.\d\de-\d +\d\.\d\de-\d", output);
        Assert.Matches(@"\n +1e-3 +median +\d+\.\d{3} .*\n +smallest .*\n +largest ", output);
        var results = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("out", "sweep.json"))).RootElement;
        string page = File.ReadAllText(_spd.PathTo("out", "sweep.html"));
        foreach (var run in results.GetProperty("runs").EnumerateArray())
        {
            string folder = run.GetProperty("folder").GetString()!;
            Assert.True(File.Exists(_spd.PathTo("out", folder, "report.html")));
            Assert.Contains($"href=\"{folder.Replace("=", "%3D", StringComparison.Ordinal)}/report.html\"", page, StringComparison.Ordinal);
            var summary = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("out", folder, "summary.json"))).RootElement;
            double l0 = summary.GetProperty("sites").EnumerateObject().Sum(site => site.Value.GetProperty("l0").GetDouble());
            Assert.Equal(l0, run.GetProperty("metrics").GetProperty("l0").GetDouble(), 1e-12);
            Assert.Equal(summary.GetProperty("metrics").GetProperty("stochastic_mse").GetDouble(), run.GetProperty("metrics").GetProperty("stochastic_error").GetDouble());
        }

        // One of them is what `spd run` makes of its values, on any number of threads.
        Assert.Equal(0, _spd.Run(
            "run", "tms_5-2", "--out", "own", "--quiet", "--seed", "2", "--steps", "60", "--set", "batch_size=256", "--set", "n_eval_steps=3", "--set", "target.train.steps=4000",
            "--set", "save_freq=20", "--set", "importance_minimality_coeff=3e-3").ExitCode);
        _spd.AssertSameRun("own", Path.Combine("out", "importance_minimality_coeff=3e-3", "seed2"));

        // What is there is not run again, another configuration is not mixed with it, and a damaged run is told and left alone.
        var written = File.GetLastWriteTimeUtc(_spd.PathTo("out", "importance_minimality_coeff=1e-3", "seed1", "summary.json"));
        Assert.Contains("4 of 4 runs have finished, 4 of them earlier.", _spd.Run([.. Start, "--out", "out", "--quiet"]).Output, StringComparison.Ordinal);
        Assert.Equal(written, File.GetLastWriteTimeUtc(_spd.PathTo("out", "importance_minimality_coeff=1e-3", "seed1", "summary.json")));
        string before = File.ReadAllText(_spd.PathTo("out", "sweep.json"));
        (code, output, error) = _spd.Run([.. Start, "--out", "out", "--set", "C=7"]);
        Assert.Equal((2, ""), (code, output));
        Assert.Matches(@"^spd: '[^']*seed1' is a run of another configuration \(C 20 instead of 7\): give the sweep the settings that it had, or another folder with --out\n$", error);
        Assert.Equal(before, File.ReadAllText(_spd.PathTo("out", "sweep.json")));
        File.Delete(_spd.PathTo("out", "importance_minimality_coeff=1e-3", "seed1", "report.html"));
        (code, output, error) = _spd.Run([.. Start, "--out", "out", "--quiet"]);
        Assert.Equal(1, code);
        Assert.Contains("is left alone: its report.html is missing", error, StringComparison.Ordinal);
        Assert.Contains("3 of 4 runs have finished", output, StringComparison.Ordinal);
    }

    [Fact]
    public void OneThatWasStoppedOrKilledGoesOnToTheSameBits()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill, which Windows lacks");
        Assert.Equal(0, _spd.Run([.. Start, "--out", "whole", "--quiet"]).ExitCode);
        using (var process = _spd.StartUntil(new Moment("importance_minimality_coeff=1e-3/seed2/checkpoints/step-00000020.safetensors", 0, "-INT"), [.. Start, "--out", "out"]))
        {
            var (code, output, _) = SpdProgram.Finish(process);
            Assert.Equal(SpdProgram.ExitCodeOf("-INT"), code);
            Assert.Contains("1 of 4 runs have finished", output, StringComparison.Ordinal);
            Assert.Contains("stopped by the user; the next call goes on with it", File.ReadAllText(_spd.PathTo("out", "sweep.json")), StringComparison.Ordinal);
        }

        _spd.KillAt(new Moment("importance_minimality_coeff=3e-3/seed1/checkpoints/step-00000040.safetensors", 100, "-KILL"), [.. Start, "--out", "out"]);
        var (last, told, error) = _spd.Run([.. Start, "--out", "out"]);
        Assert.Equal((0, ""), (last, error));
        Assert.Contains("importance_minimality_coeff=3e-3, seed 1: going on from step 20.", told, StringComparison.Ordinal);
        Assert.Contains("4 of 4 runs have finished, 2 of them earlier.", told, StringComparison.Ordinal);
        foreach (string point in new[] { "1e-3", "3e-3" })
        {
            foreach (string seed in new[] { "seed1", "seed2" })
                _spd.AssertSameRun(Path.Combine("whole", $"importance_minimality_coeff={point}", seed), Path.Combine("out", $"importance_minimality_coeff={point}", seed));
        }
    }

    [Fact]
    public void WhatCannotBeSweptIsSaidInOneSentenceAndNothingIsWritten()
    {
        Refuses("--grid C=x: C is 'x', but", "--grid", "C=5,x");
        Refuses("--grid importance_minimality=1: unknown key 'importance_minimality'", "--grid", "importance_minimality=1,2");
        Refuses("Option '--grid' is required");
        Refuses("--threads-per-run is '0', but a whole number from 1", "--grid", "C=5", "--threads-per-run", "0");
        Refuses("'a.txt' is a file, but a folder is needed", "--grid", "C=5", "--out", "a.txt");
        Directory.CreateDirectory(_spd.PathTo("theirs"));
        File.WriteAllText(_spd.PathTo("theirs", "sweep.html"), "mine");
        Refuses("was not written by `spd sweep` and would be lost", "--grid", "C=5", "--out", "theirs");
        Assert.Equal("mine", File.ReadAllText(_spd.PathTo("theirs", "sweep.html")));

        void Refuses(string sentence, params string[] arguments)
        {
            File.WriteAllText(_spd.PathTo("a.txt"), "");
            var (code, output, error) = _spd.Run(["sweep", "tms_5-2", .. arguments]);
            Assert.Equal((2, ""), (code, output));
            Assert.Contains(sentence, error, StringComparison.Ordinal);
            Assert.Single(error.TrimEnd().Split('\n'));
            Assert.False(Directory.Exists(_spd.PathTo("runs")));
        }
    }
}
