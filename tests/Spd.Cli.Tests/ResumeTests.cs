using System.Diagnostics;
using System.Globalization;
using Spd.Runs.Checkpoints;

namespace Spd.Cli.Tests;

/// <summary>Runs that are killed, stopped, damaged or starved of disk, and go on: the real program as a child process.</summary>
public sealed class ResumeTests : IDisposable
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
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "first", .. Options]).ExitCode);
        var watch = Stopwatch.StartNew();
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "whole", .. Options]).ExitCode);
        // At its end it measures and draws.
        double duration = 0.8 * watch.Elapsed.TotalMilliseconds;
        var random = new Random(5);
        int killed = 0, insideWrite = 0;
        var moments = new List<string>();
        for (int round = 0; round < Rounds(4); round++)
        {
            string folder = $"cut{round}";
            string[] goOn = ["run", "tms_5-2", "--resume", "--out", folder, .. Options];
            string checkpoints = _spd.PathTo(folder, "checkpoints");
            // At a random moment, which may be the very beginning; while a checkpoint is written; and every second time again at a random moment.
            KillAtRandom([.. goOn, "--threads", "1"]);
            bool isInside = false;
            int earliest = random.Next(120);
            while (!isInside)
            {
                using var process = _spd.Start([.. goOn, "--threads", "2"]);
                while (!process.HasExited && (NewestStep(checkpoints) < earliest || Unfinished(checkpoints).Length == 0)) Thread.SpinWait(10);
                if (!Kill(process, folder)) break;
                isInside = Unfinished(checkpoints).Length > 0;
                if (!isInside) continue;
                insideWrite++;
                moments[^1] += " inside a write";
            }

            if (round % 2 == 1) KillAtRandom([.. goOn, "--threads", "3"]);
            var (code, _, error) = _spd.Run([.. goOn, "--threads", "1"]);
            Assert.Equal((0, ""), (code, error));
            _spd.AssertSameRun("whole", folder);
            Tell($"round {round + 1}: {(moments.Count > 0 ? $"killed {string.Join(", ", moments)}" : "it ended before it could be killed")}");
            moments.Clear();
            Assert.Empty(Directory.GetFiles(_spd.PathTo(folder), "*.tmp", SearchOption.AllDirectories));

            void KillAtRandom(string[] arguments)
            {
                using var process = _spd.Start(arguments);
                process.WaitForExit(TimeSpan.FromMilliseconds(random.NextDouble() * duration));
                Kill(process, folder);
            }
        }

        Tell($"{killed} kills in {Rounds(4)} rounds, {insideWrite} of them inside the writing of a checkpoint");
        Assert.True(insideWrite > 0);

        // False where the program was faster.
        bool Kill(Process process, string folder)
        {
            bool isAlive = !process.HasExited;
            if (isAlive) process.Kill();
            SpdProgram.Finish(process);
            if (!isAlive) return false;
            killed++;
            int step = NewestStep(_spd.PathTo(folder, "checkpoints"));
            moments.Add(step < 0 ? "before the first checkpoint" : $"behind step {step}");
            return true;
        }
    }

    [Fact]
    public void AKilledTargetTrainingGoesOn()
    {
        string[] start = ["run", "tms_5-2", "--resume", "--steps", "5", "--set", "n_eval_steps=1", "--set", "target.train.steps=20000"];
        using var other = new SpdProgram();
        Assert.Equal(0, other.Run([.. start, "--out", "whole", "--threads", "2"]).ExitCode);

        int killedAt = UntilCheckpointBehind(-1, process => process.Kill());
        Assert.Empty(Directory.GetFileSystemEntries(_spd.PathTo("cut")));
        if (!OperatingSystem.IsWindows())
        {
            UntilCheckpointBehind(killedAt, process =>
            {
                SpdProgram.Signal(process, "-TERM");
                var (exitCode, _, error) = SpdProgram.Finish(process);
                Assert.Equal(130, exitCode);
                Assert.Equal("spd: stopped before the target was trained; the same command goes on with its training\n", error);
            });
        }

        var (code, output, _) = _spd.Run([.. start, "--out", "cut", "--threads", "1"]);
        Assert.Equal(0, code);
        Assert.Contains("going on with the target's training from step ", output, StringComparison.Ordinal);
        Assert.Equal(
            File.ReadAllBytes(other.PathTo("whole", "target", "weights.safetensors")), File.ReadAllBytes(_spd.PathTo("cut", "target", "weights.safetensors")));
        Assert.Equal(File.ReadAllBytes(other.PathTo("whole", "model.safetensors")), File.ReadAllBytes(_spd.PathTo("cut", "model.safetensors")));
        Assert.Single(Directory.GetFileSystemEntries(_spd.Cache));

        int UntilCheckpointBehind(int step, Action<Process> end)
        {
            using var process = _spd.Start([.. start, "--out", "cut"]);
            while (!process.HasExited && Newest() <= step) Thread.Sleep(1);
            Assert.False(process.HasExited, "the training came to its end before it was stopped");
            end(process);
            process.WaitForExit();
            return Newest();
        }

        int Newest() => Directory.GetDirectories(_spd.Cache, "*.training").Select(NewestStep).DefaultIfEmpty(-1).Max();
    }

    [Fact]
    public void AStoppedRunGoesOnAndAFinishedOneIsLeftAlone()
    {
        string[] options = ["--steps", "431", .. Options.Skip(2)];
        Assert.Equal(0, _spd.Run(["run", "apd_tms_5-2", "--out", "whole", .. options]).ExitCode);
        if (OperatingSystem.IsWindows()) Assert.Skip("signals are sent with kill, which Windows lacks");
        int stopped = Stop("-INT", behind: -1, ["run", "apd_tms_5-2", "--out", "cut", .. options]);
        Assert.True(Stop("-TERM", behind: stopped, ["resume", "cut", "--quiet"]) > stopped);
        Assert.False(File.Exists(_spd.PathTo("cut", ".pid")));
        Assert.Equal(0, _spd.Run("resume", "cut", "--quiet").ExitCode);
        _spd.AssertSameRun("whole", "cut");
        Assert.Contains("has taken all of its 431 steps", _spd.Run("resume", "cut").Output, StringComparison.Ordinal);
        Assert.Equal(
            [50, 100, 150, 200, 250, 300, 350, 400, 430, 431], Checkpoint.Newest(_spd.PathTo("cut", "checkpoints")).Select(StepOf).Order());

        // The step of the newest checkpoint, which is that of the summary.
        int Stop(string signal, int behind, string[] arguments)
        {
            using var process = _spd.Start(arguments);
            while (!process.HasExited && NewestStep(_spd.PathTo("cut", "checkpoints")) <= behind) Thread.Sleep(1);
            SpdProgram.Signal(process, signal);
            Assert.Equal(130, SpdProgram.Finish(process).ExitCode);
            int step = NewestStep(_spd.PathTo("cut", "checkpoints"));
            string summary = File.ReadAllText(_spd.PathTo("cut", "summary.json"));
            Assert.Contains("\"status\": \"interrupted\"", summary, StringComparison.Ordinal);
            Assert.Contains($"\"steps\": {step},", summary, StringComparison.Ordinal);
            return step;
        }
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
        _spd.AssertSameRun("whole", "cut");
        // Now that it is finished, there is nothing to do.
        Assert.Contains(
            "has taken all of its 131 steps", _spd.Run(["run", "tms_5-2", "--resume", "--out", "cut", .. Options]).Output, StringComparison.Ordinal);

        Directory.CreateDirectory(_spd.PathTo("runs", "tms_5-2"));
        Interrupted(Path.Combine("runs", "tms_5-2", "older"));
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--resume", .. Options]).ExitCode);
        _spd.AssertSameRun("whole", Path.Combine("runs", "tms_5-2", "older"));
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
        _spd.AssertSameRun("whole", "cut");
    }

    [Fact]
    public void OtherKernelsAreTold()
    {
        _spd.Kernels = "scalar";
        Interrupted("cut");
        _spd.Kernels = "vector256";
        var (code, output, _) = _spd.Run("resume", "cut");
        Assert.Equal(0, code);
        Assert.Contains("its steps were taken with scalar kernels and the next ones with vector256, which round otherwise", output, StringComparison.Ordinal);
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
        _spd.AssertSameRun("long", "short");
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
        // The runtime's own files in memory would be limited too.
        const string Unlimited = "export DOTNET_EnableDiagnostics=0 DOTNET_EnableWriteXorExecute=0";
        using (var process = Shell($"{Unlimited}; trap '' XFSZ; ulimit -f {size / 2048}; exec {_spd.Command} resume cut --quiet"))
        {
            var (code, _, error) = SpdProgram.Finish(process);
            Assert.Equal(1, code);
            Assert.Matches(@"^spd: a file could not be written or read: [^\n]*\n$", error);
        }

        Assert.Equal(before, Directory.GetFiles(_spd.PathTo("cut", "checkpoints")));
        Assert.Equal(0, _spd.Run("resume", "cut", "--quiet").ExitCode);
        _spd.AssertSameRun("whole", "cut");
    }

    [Fact]
    public void ADiskThatIsFullAtAnyMomentLosesNothing()
    {
        string[] options = [.. Options, "--set", "print_freq=1", "--set", "save_freq=50"];
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "whole", .. options]).ExitCode);
        string script = $"""
            mount -t tmpfs -o size=$1 none disk || exit 99
            {_spd.Command} run tms_5-2 --resume --out disk/run {string.Join(' ', options)} 2>error
            echo $? $(ls disk/run | tr '\n' ' ') >code
            mount -o remount,size=64m none disk
            {_spd.Command} run tms_5-2 --resume --out disk/run {string.Join(' ', options)} || exit 98
            cp -r disk/run $2
            """;
        Directory.CreateDirectory(_spd.PathTo("disk"));
        File.WriteAllText(_spd.PathTo("full.sh"), script);
        long whole = new DirectoryInfo(_spd.PathTo("whole")).GetFiles("*", SearchOption.AllDirectories).Sum(file => (file.Length + 4095) / 4096 * 4096);
        int sizes = Rounds(4);
        for (int i = 0; i < sizes; i++)
        {
            long size = whole * (2 * i + 1) / (2 * sizes);
            using var process = Shell($"unshare -rm bash full.sh {size} cut{i}");
            var (code, _, trouble) = SpdProgram.Finish(process);
            if (!File.Exists(_spd.PathTo("code"))) Assert.Skip($"no small disk can be mounted here: {trouble}");
            string error = File.ReadAllText(_spd.PathTo("error")), first = File.ReadAllText(_spd.PathTo("code"));
            Assert.Equal((0, ""), (code, trouble));
            Assert.Matches(@"^spd: [^\n]*[Nn]o space left on device[^\n]*\n$", error);
            Assert.StartsWith("1 ", first, StringComparison.Ordinal);
            _spd.AssertSameRun("whole", $"cut{i}");
            Tell($"with {size} bytes: {error.TrimEnd()}");
        }
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
        foreach (string torn in Unfinished(checkpoints)) File.Delete(torn);
    }

    private static int Rounds(int few) => int.TryParse(Environment.GetEnvironmentVariable(RoundsVariable), out int more) ? more : few;

    private static void Tell(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);

    private static string[] Unfinished(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder, "*.tmp") : [];

    private static int StepOf(string checkpoint) => int.Parse(Path.GetFileNameWithoutExtension(checkpoint)["step-".Length..], CultureInfo.InvariantCulture);

    /// <summary>The step of the newest checkpoint, or -1.</summary>
    private static int NewestStep(string folder) => Checkpoint.Newest(folder).Select(StepOf).DefaultIfEmpty(-1).First();

    private Process Shell(string commands) => _spd.StartProgram("bash", "-c", commands);
}
