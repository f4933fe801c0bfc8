using System.Text.Json.Nodes;
using Spd.Runs.Results;

namespace Spd.Runs.Tests.Results;

public sealed class RunSummaryTests : IDisposable
{
    private const string Foreign = "<script>\u001b[31m\u202e\u0007";

    private static readonly RunSummary Whole = new()
    {
        Experiment = "tms_5-2",
        Seed = ulong.MaxValue,
        Steps = 40_000,
        BatchSize = 4096,
        Threads = 2,
        Kernels = "vector256",
        Commit = "6980e71",
        Status = RunStatus.Interrupted,
        WallSeconds = 12.345,
        CheckpointSeconds = 0.25,
        MsPerStep = new StepTime(1.5, 1.25, double.NaN),
        Target = new TargetOrigin { Seed = 3, SeedsTried = 2, FromCache = true },
        Hashes = new Dictionary<string, string> { ["model.safetensors"] = "ab" },
        EvaluatedFrom = 40,
        Losses = new Dictionary<string, double> { ["faithfulness"] = 1.0 / 3, ["total"] = double.PositiveInfinity },
        Sites = new Dictionary<string, SiteUse> { ["linear1"] = new(20, 0.25, 5) },
        Metrics = new Dictionary<string, MetricValue>
        {
            ["mmcs"] = new(0.1),
            ["ml2r"] = new(double.NaN),
            ["one_to_one"] = new(false),
            ["features"] = new(5),
            ["significant_subcomponents"] = new(new Dictionary<string, double> { ["linear1"] = 6 }),
        },
        Error = Foreign,
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatIsWrittenIsReadByTheSameType()
    {
        string text = Whole.ToJson();
        var read = Read(text);
        Assert.Equal(text, read.ToJson());
        Assert.Equal((ulong.MaxValue, RunStatus.Interrupted, 40), (read.Seed, read.Status, read.EvaluatedFrom));
        Assert.Equal((1.0 / 3, double.NaN), (read.Losses["faithfulness"], read.Losses["total"]));
        Assert.Equal(new SiteUse(20, 0.25, 5), read.Sites["linear1"]);
        Assert.Equal((0.1, null, null), (read.Number("mmcs"), read.Number("ml2r"), read.Number("significant_subcomponents")));
        Assert.Equal((true, 0), (read.Metrics["one_to_one"].IsTruth, read.Metrics["one_to_one"].Number));
        Assert.Equal(6, read.Metrics["significant_subcomponents"].BySite!["linear1"]);
        Assert.Equal(Foreign, read.Error);
    }

    [Fact]
    public void KeysAreThoseThatUsersRead()
    {
        var json = JsonNode.Parse(Whole.ToJson())!.AsObject();
        Assert.Equal(
            [
                "experiment", "seed", "steps", "batch_size", "threads", "kernels", "commit", "status", "wall_seconds", "checkpoint_seconds", "ms_per_step",
                "target", "sha256", "evaluated_from", "losses", "sites", "metrics", "error",
            ],
            json.Select(entry => entry.Key).Where(key => key != "remarks"));
        Assert.Equal("""{"median":1.5,"p10":1.25,"p90":null}""", json["ms_per_step"]!.ToJsonString());
        Assert.Equal("""{"seed":3,"seeds_tried":2,"from_cache":true}""", json["target"]!.ToJsonString());
        Assert.Equal("""{"linear1":{"C":20,"l0":0.25,"alive":5}}""", json["sites"]!.ToJsonString());
        var told = Whole with { Sites = new Dictionary<string, SiteUse> { ["linear1"] = new(20, 0.25, 2) { AliveSubcomponents = [3, 17] } } };
        // Hundreds of them are one line.
        Assert.Contains("\"alive_subcomponents\": [3, 17]\n", told.ToJson(), StringComparison.Ordinal);
        Assert.Equal([3, 17], Read(told.ToJson()).Sites["linear1"].AliveSubcomponents);
        Assert.Equal(
            """{"mmcs":0.1,"ml2r":null,"one_to_one":false,"features":5,"significant_subcomponents":{"linear1":6}}""", json["metrics"]!.ToJsonString());
        Assert.Null(json["losses"]!["total"]);
        var loaded = Whole with { Target = new TargetOrigin { LoadedFrom = "w.pt" }, Error = null };
        Assert.Equal("""{"loaded_from":"w.pt"}""", JsonNode.Parse(loaded.ToJson())!["target"]!.ToJsonString());
        Assert.DoesNotContain("\"error\"", loaded.ToJson(), StringComparison.Ordinal);
        // Nothing in it moves a cursor or ends a script.
        Assert.DoesNotContain(Whole.ToJson(), letter => letter is not '\n' && (letter is '<' or '>' or '\u202e' || char.IsControl(letter)));
    }

    [Theory]
    [InlineData("seed", "\"one\"")]
    [InlineData("seed", "-1")]
    [InlineData("seed", "1.5")]
    [InlineData("steps", "1e300")]
    [InlineData("steps", "null")]
    [InlineData("status", "\"ended\"")]
    [InlineData("status", "0")]
    [InlineData("wall_seconds", "1e400")]
    [InlineData("wall_seconds", "\"NaN\"")]
    [InlineData("losses", "{\"total\": 1e400}")]
    [InlineData("losses", "{\"total\": \"small\"}")]
    [InlineData("losses", "{\"total\": 1, \"total\": 2}")]
    [InlineData("losses", "null")]
    [InlineData("losses", "[1]")]
    [InlineData("sites", "{\"linear1\": {\"C\": 20}}")]
    [InlineData("sites", "{\"linear1\": null, \"\\u001b[31m\": {\"C\": \"x\"}}")]
    [InlineData("metrics", "{\"\\u001b[31m\\u202e\": \"x\"}")]
    [InlineData("sites", "{\"linear1\": {\"C\": 20, \"l0\": 1, \"alive\": 1, \"alive_subcomponents\": [-1]}}")]
    [InlineData("sites", "{\"linear1\": {\"C\": 20, \"l0\": 1, \"alive\": 2, \"alive_subcomponents\": [3, 3]}}")]
    [InlineData("metrics", "{\"mmcs\": [1]}")]
    [InlineData("metrics", "{\"significant_subcomponents\": {\"a\": {\"b\": 1}}}")]
    [InlineData("metrics", "{\"significant_subcomponents\": {\"a\": 1, \"a\": 2}}")]
    [InlineData("target", "7")]
    public void ADamagedSummaryIsOneSentence(string key, string value)
    {
        var json = JsonNode.Parse(Whole.ToJson())!.AsObject();
        json[key] = "@";
        string message = Refusal(json.ToJsonString().Replace("\"@\"", value, StringComparison.Ordinal));
        Assert.StartsWith("its summary.json is cut short or damaged", message, StringComparison.Ordinal);
        Assert.Contains($" at {key}", message, StringComparison.Ordinal);
        Assert.True(message.Length < 300 && !message.Any(letter => char.IsControl(letter) || letter == '\u202e'), message);
    }

    [Fact]
    public void WhatIsNoSummaryIsOneSentenceToo()
    {
        string text = Whole.ToJson();
        for (int length = 0; length < text.Length - 2; length += 7) Assert.StartsWith("its summary.json is cut short or damaged", Refusal(text[..length]), StringComparison.Ordinal);
        foreach (string other in new[] { "[]", "null", "7", "{}", "{\"seed\": 1}", text + "{}", new string('[', 100_000), "\"" + new string('x', 100_000) })
            Assert.True(Refusal(other).Length < 300);
        foreach (string required in new[] { "experiment", "seed", "steps", "status" })
        {
            var json = JsonNode.Parse(text)!.AsObject();
            json.Remove(required);
            Refusal(json.ToJsonString());
        }

        Assert.Equal("its summary.json is larger than that of any run", Refusal(new string(' ', (1 << 24) + 1)));
    }

    [Fact]
    public void SummariesOfOtherVersionsAreRead()
    {
        var old = Read("""{"experiment": "x", "seed": 1, "steps": 2, "status": "finished", "wall_seconds": null}""");
        Assert.Equal((0, "unknown", double.NaN, double.NaN, 0), (old.Threads, old.Kernels, old.WallSeconds, old.MsPerStep.Median, old.Metrics.Count));
        Assert.Empty(ResultTable.AllRows(old));
        var later = Read("""{"experiment": "x", "seed": 1, "steps": 2, "status": "finished", "wall_seconds": 1, "later": {"a": [1]}, "metrics": {"a_later_one": 0.5}}""");
        Assert.Empty(ResultTable.Rows(later));
        Assert.Equal(("a later one", "5.00e-1"), (Assert.Single(ResultTable.AllRows(later)).Quantity, ResultTable.AllRows(later)[0].Value));
    }

    private RunSummary Read(string text) => RunSummary.Read(_folder.Write("summary.json", text));

    private string Refusal(string text) => Assert.Throws<InvalidDataException>(() => Read(text)).Message;
}
