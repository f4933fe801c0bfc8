using System.Diagnostics;

namespace Spd.Cli.Tests;

/// <summary>The program as a child process, in a folder of its own with a cache of its own.</summary>
internal sealed class SpdProgram : IDisposable
{
    private readonly string _cache = Directory.CreateTempSubdirectory("spd-cache-").FullName;

    public string Folder { get; } = Directory.CreateTempSubdirectory("spd-test-").FullName;

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
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(120)), "the program did not end within two minutes");
        return (process.ExitCode, output, error.Result);
    }

    public Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "spd.dll"), .. arguments])
        {
            WorkingDirectory = Folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["SPD_CACHE"] = _cache;
        return Process.Start(start)!;
    }

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        Directory.Delete(_cache, recursive: true);
    }
}
