namespace Spd.Cli.Tests;

/// <summary>The cases of <c>tests/cases/run.sh</c>, each as a test.</summary>
public sealed class CasesTests
{
    private static readonly string Script = Path.Combine(Repository.Root, "tests", "cases", "run.sh");

    public static TheoryData<string> Names => [.. OperatingSystem.IsWindows() ? ["none"] : RunScript("--list").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    [Theory]
    [MemberData(nameof(Names))]
    public void ACaseShowsWhatItShould(string name)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("the cases are a script of a shell, which Windows lacks");
        var (code, output) = RunScript(name);
        Assert.True(code == 0, output);
    }

    private static (int ExitCode, string Output) RunScript(string argument)
    {
        using var spd = new SpdProgram();
        using var process = spd.StartProgram("env", $"SPD={Path.Combine(AppContext.BaseDirectory, "spd.dll")}", "bash", Script, argument);
        var (code, output, error) = SpdProgram.Finish(process);
        return (code, output + error);
    }
}
