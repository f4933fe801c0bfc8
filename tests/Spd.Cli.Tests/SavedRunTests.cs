using System.Text.Json;
using System.Text.Json.Nodes;

namespace Spd.Cli.Tests;

/// <summary><c>spd eval</c>, <c>report</c>, <c>runs</c> and <c>compare</c>: what is done with runs that lie in their folders.</summary>
public sealed class SavedRunTests : IDisposable
{
    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Theory]
    [InlineData("tms_5-2")]
    [InlineData("apd_tms_5-2")]
    public void TheSavedModelMeasuresAsTheRunDid(string experiment)
    {
        Run(experiment);
        var told = Json(File.ReadAllText(_spd.PathTo("run", "summary.json")));
        var (code, output, error) = _spd.Run("eval", "run", "--json");
        Assert.Equal((0, ""), (code, error));
        var again = Json(output);
        // Every number of it, as it stands there.
        foreach (var entry in told.EnumerateObject()) Assert.Equal(entry.Value.GetRawText(), again.GetProperty(entry.Name).GetRawText());

        var others = Json(_spd.Run("eval", "run", "--json", "--seed", "99", "--batches", "2").Output);
        Assert.NotEqual(Unmasked(again), Unmasked(others));
        Assert.Equal(told.GetProperty("seed").GetUInt64(), others.GetProperty("seed").GetUInt64());
        Assert.Contains("MMCS, linear1", _spd.Run("eval", "run").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void ARunThatWasKilledIsListedWithTheStepThatItCameTo()
    {
        string folder = Directory.CreateDirectory(_spd.PathTo("runs", "killed")).FullName;
        File.WriteAllText(Path.Combine(folder, "config.yaml"), "name: mine\nseed: 3\nsteps: 500\n");
        File.WriteAllText(Path.Combine(folder, ".pid"), "1");
        File.WriteAllText(Path.Combine(folder, ".lock"), "");
        File.WriteAllText(Path.Combine(folder, "metrics.jsonl"), """{"step":40,"seconds":1,"ms_per_step":1,"lr":1,"losses":{"total":1},"l0":{},"alive":{},"metrics":{}}""" + "\n");
        Assert.Contains("\"steps\": 40,\n    \"steps_planned\": 500", _spd.Run("runs", "--json").Output, StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(folder, "checkpoints"));
        File.WriteAllText(Path.Combine(folder, "checkpoints", "step-00000050.safetensors"), "");
        Assert.Matches("mine +3 +50 +killed", _spd.Run("runs").Output);
    }

    [Fact]
    public void AReportIsWrittenAnewAndTheRunStaysAsItWas()
    {
        Run("tms_5-2");
        string[] kept = ["config.yaml", "metrics.jsonl", "model.safetensors"];
        byte[][] before = [.. kept.Select(file => File.ReadAllBytes(_spd.PathTo("run", file)))];
        string vectors = File.ReadAllText(_spd.PathTo("run", "figures", "vectors.svg"));
        Directory.Delete(_spd.PathTo("run", "figures"), recursive: true);
        File.Delete(_spd.PathTo("run", "report.html"));
        var (code, output, error) = _spd.Run("report", "run");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("report.html", output, StringComparison.Ordinal);
        Assert.Equal(vectors, File.ReadAllText(_spd.PathTo("run", "figures", "vectors.svg")));
        Assert.Equal(6, Directory.GetFiles(_spd.PathTo("run", "figures")).Length);
        Assert.EndsWith("</html>", File.ReadAllText(_spd.PathTo("run", "report.html")).TrimEnd(), StringComparison.Ordinal);
        Assert.Equal(before, kept.Select(file => File.ReadAllBytes(_spd.PathTo("run", file))));
    }

    [Fact]
    public void RunsAreListedAndCompared()
    {
        Run("tms_5-2", "all/a");
        Run("apd_tms_5-2", "all/b");
        Run("tms_5-2", "all/c", "--seed", "8");
        File.Delete(_spd.PathTo("all", "b", "summary.json"));

        var runs = Json(_spd.Run("runs", "all", "--json", "--sort", "seed").Output).EnumerateArray().ToList();
        Assert.Equal(["a", "b", "c"], runs.Select(run => run.GetProperty("folder").GetString()));
        Assert.Equal(["finished", "unfinished", "finished"], runs.Select(run => run.GetProperty("status").GetString()));
        var told = Json(File.ReadAllText(_spd.PathTo("all", "c", "summary.json")));
        Assert.Equal(told.GetProperty("metrics").GetProperty("mmcs").GetDouble(), runs[2].GetProperty("metrics").GetProperty("mmcs").GetDouble());
        Assert.Contains("apd_tms_5-2", _spd.Run("runs", "all").Output, StringComparison.Ordinal);
        Assert.Equal("There are no runs in 'all/a/figures'.", _spd.Run("runs", "all/a/figures").Output.Trim());
        Refuses("--sort is 'size', but one of time, experiment, seed, status, loss, seconds is needed", "runs", "all", "--sort", "size");
        Refuses("there is no folder 'nowhere'", "runs", "nowhere");

        var (code, output, error) = _spd.Run("compare", "all/a", "all/c");
        Assert.Equal((0, ""), (code, error));
        Assert.Matches(@"seed +1 +8", output);
        Assert.Matches(@"run 1: all/a\nrun 2: all/c\n", output);
        Assert.Matches(@"L0 \(importance above 0.01\), linear1 +\d+\.\d{3} +\d+\.\d{3}\n", output);
        Assert.Matches(@"run 1 and run 2 +alive +mean cosine", output);
        Assert.Matches(@"linear1 +\d+ and \d+ +[01]\.\d{4} +\d+ of \d+\n", output);
        Assert.Matches(@"linear1 +(\d+) and \1 +1\.0000 +\1 of \1\n", _spd.Run("compare", "all/a", "all/a").Output);

        // A summary of an older version does not tell which are alive, and one of nothing measured has no errors.
        var older = JsonNode.Parse(File.ReadAllText(_spd.PathTo("all", "a", "summary.json")))!.AsObject();
        foreach (var (_, site) in older["sites"]!.AsObject()) Assert.True(site!.AsObject().Remove("alive_subcomponents"));
        older["metrics"]!["unmasked_mse"] = null;
        older["metrics"]!.AsObject().Remove("stochastic_mse");
        older["ms_per_step"]!["median"] = null;
        File.WriteAllText(_spd.PathTo("all", "a", "summary.json"), older.ToJsonString());
        output = _spd.Run("compare", "all/a", "all/c").Output;
        Assert.Matches(@"run 1 and run 2 +significant +mean cosine", output);
        Assert.Matches(@"unmasked error \(MSE\) +– +\d", output);
        Assert.Matches(@"stochastic error \(MSE\) +– +\d", output);
        Assert.DoesNotContain("NaN", output, StringComparison.Ordinal);
        var compared = Json(_spd.Run("compare", "all/a", "all/c", "--json").Output);
        Assert.Equal(["all/a", "all/c"], compared.GetProperty("runs").EnumerateArray().Select(run => run.GetString()));
        var metrics = compared.GetProperty("metrics").EnumerateArray().ToDictionary(metric => metric.GetProperty("key").GetString()!, metric => metric.GetProperty("values"));
        Assert.Equal(JsonValueKind.Null, metrics["metrics.unmasked_mse"][0].ValueKind);
        Assert.Equal(told.GetProperty("sites").GetProperty("linear2").GetProperty("l0").GetDouble(), metrics["sites.linear2.l0"][1].GetDouble());
        var match = compared.GetProperty("matches")[0];
        Assert.Equal(("all/c", "all/a", "linear1", "significant"), (match.GetProperty("run").GetString(), match.GetProperty("with").GetString(), match.GetProperty("matrix").GetString(), match.GetProperty("matched").GetString()));
        Assert.Equal(
            match.GetProperty("pairs").EnumerateArray().Average(pair => pair.GetProperty("cosine").GetDouble()), match.GetProperty("mean_cosine").GetDouble(), 1e-12);
        Assert.Equal("seed", compared.GetProperty("configuration")[0].GetProperty("key").GetString());
        Refuses("'all/b' has no summary.json", "compare", "all/a", "all/b");
    }

    [Fact]
    public void WhatCannotBeMeasuredIsSaidInOneSentence()
    {
        Directory.CreateDirectory(_spd.PathTo("empty"));
        Refuses("there is no run folder 'nowhere'", "eval", "nowhere");
        Refuses("'empty' holds no config.yaml, so it is not the folder of a run", "report", "empty");

        Run("tms_5-2");
        byte[] model = File.ReadAllBytes(_spd.PathTo("run", "model.safetensors"));
        string page = File.ReadAllText(_spd.PathTo("run", "report.html"));
        File.WriteAllBytes(_spd.PathTo("run", "model.safetensors"), model[..^100]);
        Refuses("model.safetensors'", "report", "run");
        Assert.Equal(page, File.ReadAllText(_spd.PathTo("run", "report.html")));
        File.WriteAllBytes(_spd.PathTo("run", "model.safetensors"), model);
        string config = File.ReadAllText(_spd.PathTo("run", "config.yaml"));
        File.WriteAllText(_spd.PathTo("run", "config.yaml"), config.Replace("C: 20", "C: 21", StringComparison.Ordinal));
        Refuses("holds 'linear1.V' of shape [5, 20], but the model of this configuration needs [5, 21]", "eval", "run");
        File.WriteAllText(_spd.PathTo("run", "config.yaml"), config);
        File.WriteAllText(_spd.PathTo("run", "summary.json"), "{");
        Refuses("'run' cannot be read: its summary.json is cut short or damaged; `spd resume run` writes it anew from the last checkpoint", "eval", "run");
        Assert.Equal(0, _spd.Run("resume", "run", "--quiet").ExitCode);
        Assert.Equal(0, _spd.Run("eval", "run").ExitCode);
        File.WriteAllText(_spd.PathTo("run", "summary.json"), "{");
        Directory.Move(_spd.PathTo("run", "checkpoints"), _spd.PathTo("moved"));
        Refuses("'run' cannot be read: its summary.json is cut short or damaged; run or import it anew", "eval", "run");
        Directory.Move(_spd.PathTo("moved"), _spd.PathTo("run", "checkpoints"));
        File.Delete(_spd.PathTo("run", "model.safetensors"));
        Refuses("'run' has no model.safetensors: the run did not come so far as to be measured; `spd resume run` goes on with it", "eval", "run");
    }

    private static double Unmasked(JsonElement summary) => summary.GetProperty("metrics").GetProperty("unmasked_mse").GetDouble();

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    private void Run(string experiment, string folder = "run", params string[] more) => Assert.Equal(0, _spd.Run(
    [
        "run", experiment, "--out", folder, "--quiet", "--steps", "40", "--set", "batch_size=256", "--set", "n_eval_steps=3",
        "--set", "target.train.steps=4000", .. more,
    ]).ExitCode);

    private void Refuses(string expected, params string[] arguments)
    {
        var (code, _, error) = _spd.Run(arguments);
        Assert.True(code is 1 or 2, $"exit code {code}");
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }
}
