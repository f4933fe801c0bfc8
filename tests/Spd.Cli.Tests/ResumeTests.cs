using System.Diagnostics;
using System.Globalization;
using Spd.Runs.Checkpoints;

namespace Spd.Cli.Tests;

/// <summary>Runs that are killed, stopped, damaged or starved of disk, and go on: the real program as a child process.</summary>
public sealed class ResumeTests : IDisposable
{
    /// <summary>The environment variable that says how many times the program is killed; <c>docs/reliability.sh</c> asks for more than the tests do.</summary>
    private const string RoundsVariable = "SPD_KILL_ROUNDS";

    // Every step is a checkpoint. 131 is no multiple of the log's interval.
    private const int Steps = 131;

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
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "whole", .. Options]).ExitCode);
        int size = (int)new FileInfo(Checkpoint.Newest(_spd.PathTo("whole", "checkpoints"))[0]).Length;
        var random = new Random(5);
        int insideWrite = 0;
        for (int round = 0; round < Rounds(4); round++)
        {
            string folder = $"cut{round}";
            string[] goOn = ["run", "tms_5-2", "--resume", "--out", folder, .. Options];
            string moments = "";
            // Within the first checkpoint of all, the one behind it, and two anywhere; at the first byte, at the last, and at two between.
            int[] steps = round == 0 ? [1, 2, random.Next(3, Steps), Steps] : [.. Enumerable.Range(0, 4).Select(_ => random.Next(1, Steps + 1)).Distinct().Order()];
            int[] bytes = [0, random.Next(1, size), random.Next(1, size), size];
            for (int i = 0; i < steps.Length; i++)
            {
                int written = bytes[(i + round) % bytes.Length];
                _spd.KillAt(new Moment(CheckpointName(steps[i]), written, "-KILL"), [.. goOn, "--threads", $"{i % 3 + 1}"]);
                string torn = Assert.Single(Unfinished(_spd.PathTo(folder, "checkpoints")));
                Assert.Equal(written, new FileInfo(torn).Length);
                Assert.Equal(steps[i] - 1, Math.Max(0, NewestStep(_spd.PathTo(folder, "checkpoints"))));
                insideWrite++;
                moments += $" {written} bytes into step {steps[i]},";
            }

            // Not inside a write, as a rule: at whatever it is doing by then, if it has not ended.
            using (var process = _spd.Start(goOn))
            {
                process.WaitForExit(TimeSpan.FromMilliseconds(random.Next(1500)));
                process.Kill();
                SpdProgram.Finish(process);
            }

            var (code, _, error) = _spd.Run([.. goOn, "--threads", "1"]);
            Assert.Equal((0, ""), (code, error));
            _spd.AssertSameRun("whole", folder);
            Tell($"round {round + 1}: killed{moments} and anywhere");
            Assert.Empty(Directory.GetFiles(_spd.PathTo(folder), "*.tmp", SearchOption.AllDirectories));
        }

        Tell($"{insideWrite} kills in {Rounds(4)} rounds inside the writing of a checkpoint");
        Assert.True(insideWrite >= 2 * Rounds(4));
    }

    [Theory]
    [InlineData("/config.yaml")]
    [InlineData("target/weights.safetensors")]
    [InlineData("/model.safetensors")]
    [InlineData("/summary.json")]
    [InlineData("/report.html")]
    public void AKillInsideTheWritingOfAnyFileLosesNothing(string file)
    {
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "whole", .. Options]).ExitCode);
        _spd.KillAt(new Moment(file, 100, "-KILL"), ["run", "tms_5-2", "--resume", "--out", "cut", .. Options]);
        Assert.Single(Directory.GetFiles(_spd.PathTo("cut"), "*.tmp", SearchOption.AllDirectories));
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--resume", "--out", "cut", .. Options]).ExitCode);
        _spd.AssertSameRun("whole", "cut");
        Assert.Empty(Directory.GetFiles(_spd.PathTo("cut"), "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public void AKilledTargetTrainingGoesOn()
    {
        // Its checkpoints are a tenth of its steps apart.
        string[] start = ["run", "tms_5-2", "--resume", "--steps", "5", "--set", "n_eval_steps=1", "--set", "target.train.steps=4000"];
        using var other = new SpdProgram();
        Assert.Equal(0, other.Run([.. start, "--out", "whole", "--threads", "2"]).ExitCode);

        _spd.KillAt(new Moment(CheckpointName(1200), 300, "-KILL"), [.. start, "--out", "cut"]);
        Assert.Equal(800, Newest());
        Assert.Empty(Directory.GetFileSystemEntries(_spd.PathTo("cut")));
        if (!OperatingSystem.IsWindows())
        {
            using var process = _spd.StartUntil(new Moment(CheckpointName(2400), 300, "-TERM"), [.. start, "--out", "cut"]);
            var (exitCode, _, said) = SpdProgram.Finish(process);
            Assert.Equal(143, exitCode);
            Assert.Equal("spd: stopped before the target was trained; the same command goes on with its training\n", said);
            Assert.Equal(2400, Newest());
        }

        var (code, output, _) = _spd.Run([.. start, "--out", "cut", "--threads", "1"]);
        Assert.Equal(0, code);
        Assert.Contains($"going on with the target's training from step {(OperatingSystem.IsWindows() ? 800 : 2400)}", output, StringComparison.Ordinal);
        Assert.Equal(
            File.ReadAllBytes(other.PathTo("whole", "target", "weights.safetensors")), File.ReadAllBytes(_spd.PathTo("cut", "target", "weights.safetensors")));
        Assert.Equal(File.ReadAllBytes(other.PathTo("whole", "model.safetensors")), File.ReadAllBytes(_spd.PathTo("cut", "model.safetensors")));
        Assert.Single(Directory.GetFileSystemEntries(_spd.Cache));

        int Newest() => Directory.GetDirectories(_spd.Cache, "*.training").Select(NewestStep).DefaultIfEmpty(-1).Max();
    }

    [Fact]
    public void AStoppedRunGoesOnAndAFinishedOneIsLeftAlone()
    {
        string[] options = ["--steps", "231", .. Options.Skip(2)];
        Assert.Equal(0, _spd.Run(["run", "apd_tms_5-2", "--out", "whole", .. options]).ExitCode);
        if (OperatingSystem.IsWindows()) Assert.Skip("signals are sent with kill, which Windows lacks");
        Stop("-INT", 73, ["run", "apd_tms_5-2", "--out", "cut", .. options]);
        Stop("-TERM", 160, ["resume", "cut", "--quiet"]);
        Assert.False(File.Exists(_spd.PathTo("cut", ".pid")));
        Assert.Equal(0, _spd.Run("resume", "cut", "--quiet").ExitCode);
        _spd.AssertSameRun("whole", "cut");
        Assert.Contains("has taken all of its 231 steps", _spd.Run("resume", "cut").Output, StringComparison.Ordinal);
        Assert.Equal(
            [50, 100, 150, 200, 230, 231], Checkpoint.Newest(_spd.PathTo("cut", "checkpoints")).Select(StepOf).Order());

        void Stop(string signal, int step, string[] arguments)
        {
            using var process = _spd.StartUntil(new Moment(CheckpointName(step), 0, signal), arguments);
            Assert.Equal(SpdProgram.ExitCodeOf(signal), SpdProgram.Finish(process).ExitCode);
            Assert.Equal(step, NewestStep(_spd.PathTo("cut", "checkpoints")));
            string summary = File.ReadAllText(_spd.PathTo("cut", "summary.json"));
            Assert.Contains("\"status\": \"interrupted\"", summary, StringComparison.Ordinal);
            Assert.Contains($"\"steps\": {step},", summary, StringComparison.Ordinal);
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

        // A file is in the way of the folder: event files only watch, so that it is told once, and the run goes on.
        Interrupted("blocked");
        File.WriteAllText(_spd.PathTo("blocked", "tensorboard"), "");
        var (code, _, error) = _spd.Run(["run", "tms_5-2", "--resume", "--tensorboard", "--out", "blocked", .. Options]);
        Assert.Equal(0, code);
        Assert.Matches(@"^spd: the event files for TensorBoard could not be written, and the run goes on without: [^\n]*tensorboard[^\n]*\n$", error);
        _spd.AssertSameRun("cut", "blocked");
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
            SpdProgram.WaitFor(first, () => File.Exists(_spd.PathTo("busy", "metrics.jsonl")));
            var (code, _, error) = _spd.Run("resume", "busy");
            Assert.Equal(2, code);
            Assert.Contains($"is being computed by another program (process {first.Id}", error, StringComparison.Ordinal);
        }
        finally
        {
            first.Kill();
            SpdProgram.Finish(first);
        }

        // The process is gone, whatever it left: the folder is free again.
        Assert.True(File.Exists(_spd.PathTo("busy", ".pid")));
        using var next = _spd.Start("resume", "busy");
        SpdProgram.WaitFor(next, () => File.ReadLines(_spd.PathTo("busy", ".pid")).FirstOrDefault() == $"{next.Id}");
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
            // Figures and the page only watch: without them, and with a summary, a run has come to its end, and the next call writes what is missing.
            Assert.Matches(@"^(spd: the (figures|pages besides the report|page) could not be written[^\n]*[Nn]o space left on device[^\n]*\n){0,3}(spd: [^\n]*[Nn]o space left on device[^\n]*\n)?$", error);
            Assert.NotEmpty(error);
            Assert.Matches(error.Contains("a file could not be written", StringComparison.Ordinal) ? "^1 " : "^0 .*summary.json", first);
            Assert.True(File.Exists(_spd.PathTo($"cut{i}", "report.html")));
            _spd.AssertSameRun("whole", $"cut{i}");
            Tell($"with {size} bytes: {error.TrimEnd()}");
        }
    }

    /// <summary>A run that was killed when it had two checkpoints.</summary>
    private void Interrupted(string folder)
    {
        _spd.KillAt(new Moment(CheckpointName(13), 0, "-KILL"), ["run", "tms_5-2", "--out", folder, .. Options]);
        foreach (string torn in Unfinished(_spd.PathTo(folder, "checkpoints"))) File.Delete(torn);
    }

    private static string CheckpointName(int step) => Path.GetFileName(Checkpoint.PathOf("", step));

    private static int Rounds(int few) => int.TryParse(Environment.GetEnvironmentVariable(RoundsVariable), out int more) ? more : few;

    private static void Tell(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);

    private static string[] Unfinished(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder, "*.tmp") : [];

    private static int StepOf(string checkpoint) => int.Parse(Path.GetFileNameWithoutExtension(checkpoint)["step-".Length..], CultureInfo.InvariantCulture);

    /// <summary>The step of the newest checkpoint, or -1.</summary>
    private static int NewestStep(string folder) => Checkpoint.Newest(folder).Select(StepOf).DefaultIfEmpty(-1).First();

    private Process Shell(string commands) => _spd.StartProgram("bash", "-c", commands);
}
