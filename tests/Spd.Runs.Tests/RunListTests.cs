using Spd.Formats;

namespace Spd.Runs.Tests;

public sealed class RunListTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatIsRunningWasStoppedAndWasKilledAreToldApart()
    {
        Make("finished", """{"status": "finished", "steps": 500}""");
        Make("stopped", """{"status": "interrupted", "steps": 70}""");
        Make("unfinished");
        Make("damaged", "{");
        // Their programs had not yet let go of them.
        Make("killed");
        File.WriteAllText(_folder["killed", FolderLock.IdFileName], "17");
        Make("killed when it went on", """{"status": "interrupted", "steps": 70}""");
        File.WriteAllText(_folder["killed when it went on", FolderLock.IdFileName], "17");
        Make("running", """{"status": "interrupted", "steps": 70}""");
        File.WriteAllText(_folder["running", "metrics.jsonl"], "{\"step\":80}\n{\"step\":90}\n{\"step\":1");
        using (FolderLock.Take(_folder["running"], other => other))
        {
            var runs = RunList.Of(_folder.Root).ToDictionary(run => run.Folder);
            Assert.All(runs.Values, run => Assert.Equal(("tiny", "3"), (run.Experiment, run.Seed)));
            foreach (string status in new[] { "finished", "stopped", "unfinished", "damaged", "killed", "running" }) Assert.Equal(status, runs[status].Status);
            Assert.Equal("killed", runs["killed when it went on"].Status);
            Assert.Equal((90, 500, $"process {Environment.ProcessId}"), (runs["running"].Steps, runs["running"].StepsPlanned, runs["running"].Program));
            Assert.Null(runs["killed"].Program);
            Assert.Contains("\"program\":\"process ", runs["running"].ToJson().ToJsonString(), StringComparison.Ordinal);
        }

        Assert.Equal("stopped", RunList.Of(_folder.Root).Single(run => run.Folder == "running").Status);
    }

    [Fact]
    public void ABadFolderIsARowOfItsOwnAndLinksAreNotFollowed()
    {
        Make("good", """{"status": "finished", "steps": 500}""");
        Make("huge", """{"status": "finished", "steps": 1e400, "losses": {"total": 1e400}, "checkpoint_seconds": -1e400}""");
        Directory.CreateDirectory(_folder["dangling"]);
        File.CreateSymbolicLink(_folder["dangling", "config.yaml"], "nowhere");
        Directory.CreateSymbolicLink(_folder["good", "parent"], "..");
        Directory.CreateDirectory(_folder["nonsense"]);
        File.WriteAllText(_folder["nonsense", "config.yaml"], "[");
        var runs = RunList.Of(_folder.Root);
        Assert.Equal(
            [("dangling", "unreadable"), ("good", "finished"), ("huge", "damaged"), ("nonsense", "unreadable")],
            runs.Select(run => (run.Folder, run.Status)).Order());
        var huge = runs.Single(run => run.Folder == "huge");
        Assert.Equal((null, null, null), (huge.Steps, huge.TotalLoss, huge.Seconds));
        Assert.All(runs, run => Assert.NotEmpty(run.ToJson().ToJsonString()));
    }

    [Fact]
    public void UnfinishedFilesOfOthersBehindALinkAreLeftAlone()
    {
        var folder = RunFolder.CreateAt(_folder["run"]);
        Directory.CreateDirectory(_folder["others"]);
        Directory.CreateDirectory(_folder["run", "figures"]);
        string theirs = _folder.Write(Path.Combine("others", $"theirs{AtomicFile.Unfinished}"), "");
        string ours = _folder.Write(Path.Combine("run", "figures", $"ours{AtomicFile.Unfinished}"), "");
        Directory.CreateSymbolicLink(_folder["run", "link"], _folder["others"]);
        Directory.CreateSymbolicLink(_folder["run", "figures", "loop"], _folder["run"]);
        folder.Take().Dispose();
        Assert.True(File.Exists(theirs));
        Assert.False(File.Exists(ours));
    }

    private void Make(string name, string? summary = null)
    {
        Directory.CreateDirectory(_folder[name]);
        File.WriteAllText(_folder[name, "config.yaml"], "name: tiny\nseed: 3\nsteps: 500\n");
        if (summary is not null)
            File.WriteAllText(_folder[name, "summary.json"], summary.Replace("{\"status", """{"experiment": "tiny", "seed": 3, "wall_seconds": 1, "status""", StringComparison.Ordinal));
    }
}
