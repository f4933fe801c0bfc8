namespace Spd.Cli.Tests;

public sealed class CompletionTests : IDisposable
{
    private readonly SpdProgram _spd = new();

    [Theory]
    [InlineData("spd re", "report resume")]
    [InlineData("spd ab", "ablate")]
    [InlineData("spd sw", "sweep")]
    [InlineData("spd run tms_5", "tms_5-2 tms_5-2-id")]
    [InlineData("spd sweep tms_5", "tms_5-2 tms_5-2-id")]
    [InlineData("spd run tms_5-2 --st", "--steps")]
    [InlineData("spd completion z", "zsh")]
    [InlineData("spd paper --only ", "apd fig8 resid tms")]
    [InlineData("spd runs --sort se", "seconds seed")]
    public void ABashCompletesWhatWasBegun(string line, string completions)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "there is no /bin/bash here");
        string name = _spd.PathTo("spd");
        File.WriteAllText(name, $"#!/bin/sh\nexec {_spd.Command} \"$@\"\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(name, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string script = $"""eval "$({name} completion bash)"; COMP_LINE='{line}'; COMP_POINT={line.Length}; _spd {name} '{line.Split(' ')[^1]}'; printf '%s\n' "$(IFS=' '; echo "${"{COMPREPLY[*]}"}")" """;
        using var bash = _spd.StartProgram("bash", "-c", script);
        Assert.Equal((0, $"{completions}\n", ""), SpdProgram.Finish(bash));
    }

    [Theory]
    [InlineData("bash", "complete -o default -F _spd spd")]
    [InlineData("zsh", "compdef _spd spd")]
    [InlineData("powershell", "Register-ArgumentCompleter -Native -CommandName spd")]
    public void EachShellHasItsScript(string shell, string words)
    {
        var (code, output, error) = _spd.Run("completion", shell);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.Contains("[suggest:", output, StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherShellIsToldWhichThereAre() =>
        Assert.Equal((2, "", "spd: the shell is 'fish', but one of bash, zsh and powershell is needed\n"), _spd.Run("completion", "fish"));

    [Theory]
    [InlineData("eval")]
    [InlineData("activations")]
    [InlineData("paper")]
    public void HelpNamesNoDefaultThatCannotBeGiven(string command)
    {
        var (code, output, error) = _spd.Run(command, "--help");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("[default: ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("[default: 0]", output, StringComparison.Ordinal);
        Assert.DoesNotContain("[default: All]", output, StringComparison.Ordinal);
    }

    public void Dispose() => _spd.Dispose();
}
