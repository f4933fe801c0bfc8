using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Spd.Cli.Tests;

/// <summary>The program as a child process, in a folder of its own with a cache of its own.</summary>
internal sealed partial class SpdProgram : IDisposable
{
    private static readonly int Killed = OperatingSystem.IsWindows() ? -1 : 128 + 9;

    public string Cache { get; } = Directory.CreateTempSubdirectory("spd-cache-").FullName;

    public string Folder { get; } = Directory.CreateTempSubdirectory("spd-test-").FullName;

    /// <summary>The kernel set to use; the program's choice where it is empty.</summary>
    public string Kernels { get; set; } = TestBackend.KernelName ?? "";

    /// <summary>Where the program lies: beside the tests, or a copy with experiments of its own.</summary>
    public string Location { get; set; } = AppContext.BaseDirectory;

    public string PathTo(params string[] parts) => Path.Combine([Folder, .. parts]);

    /// <summary>Runs to the end.</summary>
    public (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using var process = Start(arguments);
        return Finish(process);
    }

    public static (int ExitCode, string Output, string Error) Finish(Process process)
    {
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>A Python that has NumPy; null where there is none.</summary>
    public string? PythonWithNumPy() => new[] { "/usr/bin/python3", "python3" }.FirstOrDefault(python =>
    {
        try
        {
            using var process = StartProgram(python, "-c", "import numpy");
            return Finish(process).ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    });

    /// <summary>The program as a word of a shell.</summary>
    public string Command => $"dotnet '{Path.Combine(Location, "spd.dll")}'";

    /// <summary>
    /// Sends a signal, as <c>kill</c> names it: <c>-INT</c>. Programs that a shell puts into the background ignore interrupts, the tests and what they start
    /// among them; <c>-TERM</c> is sent instead, which is answered alike.
    /// </summary>
    /// <returns>What a program that the signal ends on the spot exits with.</returns>
    public static int Signal(Process process, string signal)
    {
        if (signal == "-INT" && IgnoresInterrupts(process)) signal = "-TERM";
        using var kill = Process.Start("kill", [signal, $"{process.Id}"]);
        kill.WaitForExit();
        return CodeOf(signal);
    }

    /// <summary>What the program exits with when a signal stops it that it sends itself, and that it gets from these tests whether it ignores.</summary>
    public static int ExitCodeOf(string signal) => CodeOf(signal == "-INT" && IgnoresInterrupts(Process.GetCurrentProcess()) ? "-TERM" : signal);

    private static int CodeOf(string signal) => signal switch { "-INT" => 130, "-HUP" => 129, _ => 143 };

    public Process Start(params string[] arguments) => StartProgram("dotnet", [Path.Combine(Location, "spd.dll"), .. arguments]);

    /// <summary>Starts the program with a signal that it sends itself; see <see cref="Moment"/>.</summary>
    public Process StartUntil(Moment moment, params string[] arguments) => StartProgram(moment, "dotnet", [Path.Combine(Location, "spd.dll"), .. arguments]);

    /// <summary>Runs the program until it is killed at a moment, which must come.</summary>
    public void KillAt(Moment moment, params string[] arguments)
    {
        using var process = StartUntil(moment, arguments);
        var (code, output, error) = Finish(process);
        Assert.True(code == Killed, $"it ended with {code} before {moment.File} had {moment.Bytes} bytes: {output}{error}");
    }

    /// <summary>Waits for something that a program does, which it must do before it ends.</summary>
    public static void WaitFor(Process process, Func<bool> isThere)
    {
        while (!isThere())
        {
            if (process.HasExited && !isThere()) Assert.Fail($"the program ended first: {Finish(process)}");
            Thread.Sleep(1);
        }
    }

    /// <summary>Starts another program in the same surroundings, such as a shell that starts this one.</summary>
    public Process StartProgram(string program, params string[] arguments) => StartProgram(moment: null, program, arguments);

    private Process StartProgram(Moment? moment, string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["SPD_CACHE"] = Cache;
        start.Environment["SPD_KERNELS"] = Kernels;
        if (moment is not null)
        {
            start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(Moment).Assembly.Location;
            start.Environment[Moment.Variable] = moment.ToString();
        }

        return Process.Start(start)!;
    }

    /// <summary>The lines of a folder's log, but for the clock's readings.</summary>
    public string[] LogOf(string folder) => [.. File.ReadLines(PathTo(folder, "metrics.jsonl")).Select(line => Clock().Replace(line, ""))];

    /// <summary>Two runs came to the same parameters, results and log, but for the clock's readings.</summary>
    public void AssertSameRun(string expected, string actual)
    {
        Assert.Equal(File.ReadAllBytes(PathTo(expected, "model.safetensors")), File.ReadAllBytes(PathTo(actual, "model.safetensors")));
        Assert.Equal(LogOf(expected), LogOf(actual));
        Assert.Equal(Results(expected), Results(actual));

        string Results(string folder) => File.ReadAllText(PathTo(folder, "summary.json")).Split("\"losses\"")[1];
    }

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        Directory.Delete(Cache, recursive: true);
    }

    [GeneratedRegex("\"(seconds|ms_per_step)\":[^,]*,")]
    private static partial Regex Clock();

    private static bool IgnoresInterrupts(Process process)
    {
        const string Ignored = "SigIgn:";
        const ulong Interrupt = 2;
        string status = $"/proc/{process.Id}/status";
        if (!File.Exists(status)) return false;
        string? line = File.ReadLines(status).FirstOrDefault(line => line.StartsWith(Ignored, StringComparison.Ordinal));
        return line is not null && (ulong.Parse(line[Ignored.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & Interrupt) != 0;
    }
}
