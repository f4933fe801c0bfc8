using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Spd.Cli.Tests;

/// <summary>Runs that are killed, stopped, damaged or starved of disk, and go on: the real program as a child process.</summary>
public sealed partial class ResumeTests : IDisposable
{
    /// <summary>The environment variable that says how many times the program is killed; <c>docs/reliability.sh</c> asks for more than the tests do.</summary>
    private const string RoundsVariable = "SPD_KILL_ROUNDS";

    // Every step is a checkpoint, so that many a kill comes while one is written. 131 is no multiple of the log's interval.
    private static readonly string[] Options =
    [
        "--steps", "131", "--set", "batch_size=512", "--set", "n_eval_steps=3", "--set", "print_freq=10", "--set", "save_freq=1", "--set", "keep_every=50",
        "--set", "target.train.steps=4000", "--quiet",
    ];

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void AKilledRunEndsLikeOneThatNeverStopped()
    {
        var whole = Stopwatch.StartNew();
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "first", .. Options]).ExitCode);
        whole.Restart();
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "whole", .. Options]).ExitCode);
        double duration = whole.Elapsed.TotalMilliseconds;
        int rounds = int.TryParse(Environment.GetEnvironmentVariable(RoundsVariable), out int more) ? more : 4;
        var random = new Random(5);
        int killed = 0, insideWrite = 0;
        for (int round = 0; round < rounds; round++)
        {
            string folder = $"cut{round}";
            using (var process = _spd.Start(["run", "tms_5-2", "--out", folder, "--threads", "1", .. Options]))
                Kill(process, random.NextDouble() * duration);
            while (File.Exists(_spd.PathTo(folder, "target", "config.yaml")))
            {
                insideWrite += Directory.Exists(_spd.PathTo(folder, "checkpoints")) && Directory.GetFiles(_spd.PathTo(folder, "checkpoints"), "*.tmp").Length > 0
                    ? 1 : 0;
                killed++;
                // Every second time it is killed again on its way.
                using var process = _spd.Start("resume", folder, "--threads", "2", "--quiet");
                if (killed % 2 == 0) Kill(process, random.NextDouble() * duration);
                else
                {
                    var (code, _, error) = SpdProgram.Finish(process);
                    Assert.Equal((0, ""), (code, error));
                    AssertSame("whole", folder);
                    break;
                }
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{killed} kills in {rounds} rounds, {insideWrite} of them inside the writing of a checkpoint");
    }

    [Fact]
    public void AStoppedRunGoesOnAndAFinishedOneIsLeftAlone()
    {
        Assert.Equal(0, _spd.Run(["run", "apd_tms_5-2", "--out", "whole", .. Options]).ExitCode);
        using (var process = _spd.Start(["run", "apd_tms_5-2", "--out", "cut", .. Options]))
        {
            while (!process.HasExited && !Directory.Exists(_spd.PathTo("cut", "checkpoints"))) Thread.Sleep(5);
            Process.Start("kill", ["-TERM", $"{process.Id}"])!.WaitForExit();
            SpdProgram.Finish(process);
        }

        Assert.False(File.Exists(_spd.PathTo("cut", ".lock")));
        Assert.Equal(0, _spd.Run("resume", "cut", "--quiet").ExitCode);
        AssertSame("whole", "cut");
        Assert.Contains("has taken all of its 131 steps", _spd.Run("resume", "cut").Output, StringComparison.Ordinal);
        Assert.Equal(
            ["step-00000050.safetensors", "step-00000100.safetensors", "step-00000130.safetensors", "step-00000131.safetensors"],
            Directory.GetFiles(_spd.PathTo("cut", "checkpoints")).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void RunGoesOnWhereItIsAskedTo()
    {
        // Nothing is there yet: it begins.
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--resume", "--out", "whole", .. Options]).ExitCode);
        Interrupted("cut");
        Assert.Equal(2, _spd.Run(["run", "tms_5-2", "--out", "cut", .. Options]).ExitCode);
        Assert.Contains("is not empty", _spd.Run(["run", "tms_5-2", "--resume", "--seed", "9", "--out", "cut", .. Options]).Error, StringComparison.Ordinal);
        var (code, output, _) = _spd.Run(["run", "tms_5-2", "--resume", "--out", "cut", .. Options[..^1]]);
        Assert.Equal(0, code);
        Assert.Contains("going on from step ", output, StringComparison.Ordinal);
        AssertSame("whole", "cut");

        Directory.CreateDirectory(_spd.PathTo("runs", "tms_5-2"));
        Interrupted(Path.Combine("runs", "tms_5-2", "older"));
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--resume", .. Options]).ExitCode);
        AssertSame("whole", Path.Combine("runs", "tms_5-2", "older"));
        Assert.Single(Directory.GetDirectories(_spd.PathTo("runs", "tms_5-2")));
    }

    [Fact]
    public void ARunGoesOnWithTensorBoardTurnedOnAndStaysSo()
    {
        Interrupted("cut");
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--resume", "--tensorboard", "--out", "cut", .. Options]).ExitCode);
        Assert.Single(Directory.GetFiles(_spd.PathTo("cut", "tensorboard"), "events.out.tfevents.*"));
        Assert.Contains("\ntensorboard: true\n", File.ReadAllText(_spd.PathTo("cut", "config.yaml")), StringComparison.Ordinal);

        // A file is in the way of the folder: as for every file of a run, it is told and nothing is lost.
        Interrupted("blocked");
        File.WriteAllText(_spd.PathTo("blocked", "tensorboard"), "");
        var (code, _, error) = _spd.Run(["run", "tms_5-2", "--resume", "--tensorboard", "--out", "blocked", .. Options]);
        Assert.Equal(1, code);
        Assert.Matches(@"^spd: a file could not be written or read: [^\n]*tensorboard[^\n]*\n$", error);
        File.Delete(_spd.PathTo("blocked", "tensorboard"));
        Assert.Equal(0, _spd.Run("resume", "blocked", "--quiet").ExitCode);
        Assert.Single(Directory.GetFiles(_spd.PathTo("blocked", "tensorboard"), "events.out.tfevents.*"));
    }

    [Fact]
    public void ADamagedCheckpointIsNamedAndTheOneBeforeItUsed()
    {
        Interrupted("cut");
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "whole", .. Options]).ExitCode);
        string[] checkpoints = [.. Directory.GetFiles(_spd.PathTo("cut", "checkpoints")).Order(StringComparer.Ordinal)];
        byte[] newest = File.ReadAllBytes(checkpoints[^1]);
        newest[newest.Length / 2] ^= 1;
        File.WriteAllBytes(checkpoints[^1], newest);
        var (code, output, _) = _spd.Run("resume", "cut");
        Assert.Equal(0, code);
        Assert.Contains($"{Path.GetFileName(checkpoints[^1])}' cannot be used: its content does not fit its checksum", output, StringComparison.Ordinal);
        Assert.Contains($"going on from step {int.Parse(Path.GetFileNameWithoutExtension(checkpoints[^2])[5..])}", output, StringComparison.Ordinal);
        AssertSame("whole", "cut");
    }

    [Fact]
    public void ASecondProgramIsRefusedWithTheFirstOnesId()
    {
        string[] endless = ["run", "tms_5-2", "--out", "busy", "--steps", "100000000", "--set", "target.train.steps=4000", "--quiet"];
        using var first = _spd.Start(endless);
        try
        {
            while (!first.HasExited && !File.Exists(_spd.PathTo("busy", "metrics.jsonl"))) Thread.Sleep(10);
            var (code, _, error) = _spd.Run("resume", "busy");
            Assert.Equal(2, code);
            Assert.Contains($"is being computed by another program (process {first.Id})", error, StringComparison.Ordinal);
        }
        finally
        {
            first.Kill();
            SpdProgram.Finish(first);
        }

        // The process is gone, whatever it left: the folder is free again.
        Assert.True(File.Exists(_spd.PathTo("busy", ".pid")));
        using var next = _spd.Start("resume", "busy");
        while (!next.HasExited && File.ReadLines(_spd.PathTo("busy", ".pid")).FirstOrDefault() != $"{next.Id}") Thread.Sleep(10);
        Assert.False(next.HasExited);
        next.Kill();
        SpdProgram.Finish(next);
    }

    [Fact]
    public void AScheduleThatAllowsItIsProlongedAndOthersSayWhyNot()
    {
        string[] constant = ["--set", "lr_schedule=constant"];
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "long", .. Options, .. constant]).ExitCode);
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "short", "--steps", "77", .. Options.Skip(2), .. constant]).ExitCode);
        Assert.Equal(0, _spd.Run("resume", "short", "--steps", "131", "--quiet").ExitCode);
        AssertSame("long", "short");
        Assert.Contains("more than the 50 asked for", _spd.Run("resume", "short", "--steps", "50").Error, StringComparison.Ordinal);

        Interrupted("cosine");
        var (code, _, error) = _spd.Run("resume", "cosine", "--steps", "500");
        Assert.Equal(2, code);
        Assert.Contains("was planned for 131 steps and cannot have 500: its learning rate", error, StringComparison.Ordinal);
    }

    [Fact]
    public void AFullDiskLosesNothingThatWasSaved()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("files are limited by a shell's ulimit, which Windows lacks");
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "whole", .. Options]).ExitCode);
        Interrupted("cut");
        string[] before = Directory.GetFiles(_spd.PathTo("cut", "checkpoints"));
        long size = new FileInfo(before[0]).Length;
        // No file may grow beyond half a checkpoint.
        string arguments = string.Join(' ', new[] { "dotnet", Path.Combine(_spd.Location, "spd.dll"), "resume", "cut", "--quiet" }.Select(part => $"'{part}'"));
        var start = new ProcessStartInfo("bash", ["-c", $"trap '' XFSZ; ulimit -f {size / 2048}; exec {arguments}"])
        {
            WorkingDirectory = _spd.Folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The runtime's own files in memory would be limited too.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.Environment["SPD_CACHE"] = _spd.Cache;
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        using (var process = Process.Start(start)!)
        {
            var (code, _, error) = SpdProgram.Finish(process);
            Assert.Equal(1, code);
            Assert.Matches(@"^spd: a file could not be written or read: [^\n]*\n$", error);
        }

        Assert.Equal(before, Directory.GetFiles(_spd.PathTo("cut", "checkpoints")));
        Assert.Equal(0, _spd.Run("resume", "cut", "--quiet").ExitCode);
        AssertSame("whole", "cut");
    }

    /// <summary>A run that was killed when it had two checkpoints at least.</summary>
    private void Interrupted(string folder)
    {
        using var process = _spd.Start(["run", "tms_5-2", "--out", folder, .. Options]);
        string checkpoints = _spd.PathTo(folder, "checkpoints");
        while (!process.HasExited && !(Directory.Exists(checkpoints) && Directory.GetFiles(checkpoints, "*.safetensors").Length >= 2)) Thread.Sleep(1);
        process.Kill();
        SpdProgram.Finish(process);
        Assert.False(File.Exists(_spd.PathTo(folder, "summary.json")), "the run came to its end before it was killed");
        foreach (string torn in Directory.GetFiles(checkpoints, "*.tmp")) File.Delete(torn);
    }

    private static void Kill(Process process, double milliseconds)
    {
        process.WaitForExit(TimeSpan.FromMilliseconds(milliseconds));
        if (!process.HasExited) process.Kill();
        SpdProgram.Finish(process);
    }

    /// <summary>The same parameters and the same log, but for the clock's readings.</summary>
    private void AssertSame(string expected, string actual)
    {
        Assert.Equal(File.ReadAllBytes(_spd.PathTo(expected, "model.safetensors")), File.ReadAllBytes(_spd.PathTo(actual, "model.safetensors")));
        Assert.Equal(Log(expected), Log(actual));
        Assert.Equal(Results(expected), Results(actual));
    }

    private string[] Log(string folder) => [.. File.ReadLines(_spd.PathTo(folder, "metrics.jsonl")).Select(line => Clock().Replace(line, ""))];

    private string Results(string folder) => File.ReadAllText(_spd.PathTo(folder, "summary.json")).Split("\"losses\"")[1];

    [GeneratedRegex("\"(seconds|ms_per_step)\":[^,]*,")]
    private static partial Regex Clock();
}
