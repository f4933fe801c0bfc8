using System.Diagnostics;
using Parquet;
using Parquet.Schema;

namespace Spd.Cli.Tests;

/// <summary>What <c>./pack --native</c> makes, used outside the repository. It takes minutes to compile, so that this is run where it is asked for (CONTRIBUTING.md).</summary>
public sealed class NativeTests
{
    private static readonly string Pack = Path.Combine(Repository.Root, "pack");

    [Fact(Explicit = true)]
    public async Task TheNativeProgramComputesWhatTheOtherDoes()
    {
        using var spd = new SpdProgram();
        SkipUnlessPackRuns();
        Assert.SkipUnless(IsThere("clang") || IsThere("gcc"), "a native program is linked by a C compiler, clang or gcc, and there is none");
        var (code, output, error) = Run(spd, Pack, "--native", "--out", spd.PathTo("packed"));
        Assert.SkipWhen(
            error.Contains("ILCompiler", StringComparison.Ordinal) && error.Contains("error NU", StringComparison.Ordinal),
            "the package of the native compiler cannot be had from where NuGet looks for packages");
        Assert.True(code == 0, output + error);
        // Through a link, as from a folder of programs.
        string native = spd.PathTo("native");
        File.CreateSymbolicLink(native, Path.Combine(Assert.Single(Directory.GetDirectories(spd.PathTo("packed"))), "spd"));

        Assert.Equal(spd.Run("list"), Run(spd, native, "list"));
        foreach (string experiment in new[] { "tms_5-2", "apd_tms_5-2" })
        {
            string[] arguments = ["run", experiment, "--steps", "20", "--tensorboard", "--out"];
            (code, output, error) = spd.Run([.. arguments, $"{experiment}-expected"]);
            Assert.True(code == 0, output + error);
            (code, output, error) = Run(spd, native, [.. arguments, experiment]);
            Assert.True(code == 0, output + error);
            spd.AssertSameRun($"{experiment}-expected", experiment);
            Assert.Equal(FilesOf(spd.PathTo($"{experiment}-expected")), FilesOf(spd.PathTo(experiment)));
        }

        Assert.Equal(spd.Run("runs", "tms_5-2", "--json"), Run(spd, native, "runs", "tms_5-2", "--json"));
        Assert.Equal(spd.Run("eval", "tms_5-2", "--json"), Run(spd, native, "eval", "tms_5-2", "--json"));
        await WriteParquet(spd.PathTo("table.parquet"));
        Assert.Equal(spd.Run("inspect", "table.parquet", "--json"), Run(spd, native, "inspect", "table.parquet", "--json"));
    }

    [Fact]
    public void ANativeProgramForOtherMachinesIsRefused()
    {
        using var spd = new SpdProgram();
        SkipUnlessPackRuns();
        var (code, output, error) = Run(spd, Pack, "--native", "plan9-x64", "--out", spd.PathTo("packed"));
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("pack: a native program for plan9-x64 can only be made on such a machine", error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(spd.PathTo("packed")));
    }

    private static void SkipUnlessPackRuns() => Assert.SkipWhen(OperatingSystem.IsWindows(), "./pack needs a POSIX shell");

    private static bool IsThere(string program)
    {
        using var which = Process.Start(new ProcessStartInfo("sh", ["-c", $"command -v {program}"]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        which.StandardOutput.ReadToEnd();
        which.WaitForExit();
        return which.ExitCode == 0;
    }

    /// <summary>The names of what a run wrote, but for the event file's, which has the time in it.</summary>
    private static string[] FilesOf(string folder) =>
    [
        .. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file))
            .Where(file => !file.StartsWith("tensorboard", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
    ];

    /// <summary>A table with a column of every type that is common.</summary>
    private static async Task WriteParquet(string path)
    {
        DataField[] fields =
        [
            new DataField<double>("double"), new DataField<float>("float"), new DataField<long>("long"), new DataField<int?>("int"), new DataField<bool>("bool"),
            new DataField<string>("text"),
        ];
        await using var stream = File.Create(path);
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), stream);
        using var group = writer.CreateRowGroup();
        await group.WriteAsync<double>(fields[0], new[] { 0.1, 0.2 });
        await group.WriteAsync<float>(fields[1], new[] { 1.5f, 2.5f });
        await group.WriteAsync<long>(fields[2], new[] { 1L, 2L });
        await group.WriteAsync<int>(fields[3], new int?[] { 7, 8 });
        await group.WriteAsync<bool>(fields[4], new[] { true, false });
        await group.WriteAsync(fields[5], ["dog", "cat"]);
    }

    private static (int ExitCode, string Output, string Error) Run(SpdProgram spd, string program, params string[] arguments)
    {
        using var process = spd.StartProgram(program, arguments);
        return SpdProgram.Finish(process);
    }
}
