using System.Diagnostics;
using Spd.Formats;
using Spd.Runs.Checkpoints;
using Spd.Runs.Log;
using Spd.Runs.Results;

namespace Spd.Runs.Tests;

public sealed class RunFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheFolderIsNamedByExperimentTimeAndSeed()
    {
        var clock = new FixedClock(new DateTimeOffset(2025, 3, 4, 5, 6, 7, TimeSpan.Zero));
        var first = RunFolder.Create(_folder["runs"], "tms_5-2", 3, clock);
        var second = RunFolder.Create(_folder["runs"], "tms_5-2", 3, clock);
        Assert.Equal(_folder["runs", "tms_5-2", "20250304-050607-seed3"], first.Root);
        Assert.Equal(first.Root + "-2", second.Root);
        Assert.Empty(Directory.EnumerateFileSystemEntries(first.Root));
        Assert.Equal(Path.Combine(first.Root, "figures", "losses.svg"), first.FigureFile("losses"));
    }

    [Fact]
    public void PipesInAFolderAreNotWaitedFor()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("pipes are no files on Windows");
        string pipe = _folder["pipe"], link = _folder["link"];
        using (var make = Process.Start("mkfifo", pipe)) make.WaitForExit();
        File.CreateSymbolicLink(link, pipe);
        foreach (string path in new[] { pipe, link })
        {
            Assert.Equal(FileHash.Compute(_folder.Write("empty", "")), FileHash.Compute(path));
            Assert.Empty(MetricLog.Read(path));
            Assert.Null(MetricLog.LastStep(path));
            Assert.Equal("its summary.json is cut short or damaged", Assert.Throws<InvalidDataException>(() => RunSummary.Read(path)).Message);
            Assert.Contains("it has no checksum", Assert.Throws<FileContentException>(() => Checkpoint.Read(path)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void RunsThatStartInTheSameSecondEachGetAFolder()
    {
        const int Runs = 24;
        var clock = new FixedClock(new DateTimeOffset(2025, 3, 4, 5, 6, 7, TimeSpan.Zero));
        string[] roots = new string[Runs];
        using var start = new Barrier(Runs);
        Thread[] threads =
        [
            .. Enumerable.Range(0, Runs).Select(run => new Thread(() =>
            {
                start.SignalAndWait();
                roots[run] = RunFolder.Create(_folder["runs"], "tms_5-2", 3, clock).Root;
            })),
        ];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Assert.Equal(Runs, roots.Distinct().Count());
        Assert.Equal(roots.Order(StringComparer.Ordinal), Directory.GetFileSystemEntries(_folder["runs", "tms_5-2"]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void AFileInTheWayOfAllRunsIsTold() => Assert.Contains(
        "cannot be made or written to",
        Assert.Throws<RunFolderException>(() => RunFolder.Create(_folder.Write("file", "x"), "tms_5-2", 3, TimeProvider.System)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void WhatAKilledBeginningLeftIsNotInTheWay()
    {
        var folder = RunFolder.CreateAt(_folder["run"]);
        folder.WriteText(folder.TargetConfigFile, "seed: 0\n");
        // Without the lock it is not known to be ours.
        Assert.Contains("is not empty", Assert.Throws<RunFolderException>(() => RunFolder.CreateAt(_folder["run"])).Message, StringComparison.Ordinal);
        folder.Take().Dispose();
        File.WriteAllText($"{folder.TargetWeightsFile}.1{AtomicFile.Unfinished}", "");
        RunFolder.CreateAt(_folder["run"]).Take().Dispose();
        Assert.Equal([folder.TargetConfigFile], Directory.GetFiles(_folder["run", "target"]));
        folder.WriteText(folder.ConfigFile, "seed: 1\n");
        Assert.Throws<RunFolderException>(() => RunFolder.CreateAt(_folder["run"]));
    }

    [Fact]
    public void FilesAreWrittenWithTheirFolders()
    {
        var folder = RunFolder.CreateAt(_folder["run"]);
        folder.WriteText(folder.TargetConfigFile, "seed: 0\n");
        folder.WriteText(folder.TargetConfigFile, "seed: 1 μ\n");
        Assert.Equal("seed: 1 μ\n", File.ReadAllText(_folder["run", "target", "config.yaml"]));
        Assert.Equal([(byte)'s'], File.ReadAllBytes(folder.TargetConfigFile)[..1]);
        Assert.Single(Directory.EnumerateFiles(_folder["run"], "*", SearchOption.AllDirectories));
        Assert.Equal(folder.FigureFile("a"), folder.PrepareParent(folder.FigureFile("a")));
        Assert.True(Directory.Exists(folder.FiguresFolder));
        Assert.Throws<ArgumentException>(() => folder.WriteText(_folder["elsewhere.txt"], "x"));
    }

    [Fact]
    public void AnEmptyOrNewFolderIsTaken()
    {
        Directory.CreateDirectory(_folder["empty"]);
        Assert.Equal(_folder["empty"], RunFolder.CreateAt(_folder["empty"]).Root);
        Assert.Equal(_folder["new", "deep"], RunFolder.CreateAt(_folder["new", "deep"]).Root);
    }

    [Fact]
    public void WhatCannotBeTakenIsRefusedInOneSentence()
    {
        string file = _folder.Write("file", "x");
        Assert.Equal($"the folder '{_folder.Root}' is not empty: name a new one with --out, or empty it first", Refusal(_folder.Root));
        Assert.Equal($"'{file}' is a file, but the run needs a folder: name another with --out", Refusal(file));
        Assert.Contains("cannot be made or written to", Refusal(Path.Combine(file, "below")), StringComparison.Ordinal);
        Assert.Contains("has no name", Refusal(" "), StringComparison.Ordinal);
        Assert.Equal("x", File.ReadAllText(file));
    }

    [Fact]
    public void AnUnwritableFolderIsRefused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists("/proc/self"), "needs a folder that nobody may write to");
        Assert.Contains("cannot be made or written to", Refusal("/proc/self/run"), StringComparison.Ordinal);
    }

    private static string Refusal(string path) => Assert.Throws<RunFolderException>(() => RunFolder.CreateAt(path)).Message;

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => now;
    }
}
