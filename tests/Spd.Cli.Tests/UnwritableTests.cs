namespace Spd.Cli.Tests;

/// <summary>What cannot be written is told before anything is computed.</summary>
public sealed class UnwritableTests : IDisposable
{
    private readonly SpdProgram _spd = new();

    public UnwritableTests() => File.WriteAllText(_spd.PathTo("file"), "");

    public void Dispose() => _spd.Dispose();

    [Theory]
    [InlineData("run", "tms_5-2", "--out", "file/run")]
    [InlineData("run", "tms_5-2", "--out", "file")]
    [InlineData("run", "tms_5-2", "--out", "/proc/run")]
    [InlineData("pretrain", "file/model", "--text", "file", "--tokenizer", "file")]
    [InlineData("pretrain", "/proc/model", "--text", "file", "--tokenizer", "file")]
    [InlineData("sweep", "tms_5-2", "--grid", "C=1,2", "--out", "file/sweep")]
    [InlineData("sweep", "tms_5-2", "--grid", "C=1,2", "--out", "/proc/sweep")]
    [InlineData("paper", "--out", "file/paper")]
    [InlineData("import", "file", "--out", "file/run")]
    [InlineData("init", "file", "--out", "file/a.yaml")]
    public void AnOutputThatCannotBeWrittenIsRefusedInOneSentence(params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no /proc here");
        var (code, output, error) = _spd.Run(arguments);
        Assert.Equal((2, ""), (code, output));
        Assert.Matches("^spd: .*'(file|/proc)[^']*'[^\n]*: name another [^\n]*\n$", error);
        Assert.Empty(Directory.GetFileSystemEntries(_spd.Cache));
        Assert.Equal([_spd.PathTo("file")], Directory.GetFileSystemEntries(_spd.Folder));
    }

    [Theory]
    [InlineData("run", "tms_5-2", "--out", "")]
    [InlineData("import", "file", "--out", "")]
    public void AnOutputWithoutANameIsRefusedInOneSentence(params string[] arguments)
    {
        var (code, output, error) = _spd.Run(arguments);
        Assert.Equal((2, ""), (code, output));
        Assert.Matches("^spd: [^\n]* has no name: [^\n]*--out\n$", error);
    }

    [Theory]
    [InlineData("list")]
    [InlineData("completion", "bash")]
    public void AnOutputThatTakesNothingIsCalledSo(params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no /dev/full here");
        using var shell = _spd.StartProgram("sh", "-c", $"{_spd.Command} {string.Join(' ', arguments)} > /dev/full");
        Assert.Equal((1, "", "spd: what there is to show could not be written to the output: No space left on device\n"), SpdProgram.Finish(shell));
    }

    [Fact]
    public void RunsThatCannotBeInTheUsualFolderAreRefusedBeforeTheTargetIsTrained()
    {
        File.WriteAllText(_spd.PathTo("runs"), "");
        var (code, output, error) = _spd.Run("run", "tms_5-2");
        Assert.Equal((2, ""), (code, output));
        Assert.Matches("^spd: 'runs/tms_5-2' cannot be made or written to .*: name another with --out\n$", error);
        Assert.Empty(Directory.GetFileSystemEntries(_spd.Cache));
    }
}
