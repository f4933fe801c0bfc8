namespace Spd.Cli.Tests;

/// <summary>What is left on a terminal, which <c>script</c> pretends to be.</summary>
public sealed class TerminalTests : IDisposable
{
    private const string Script = "/usr/bin/script", ClearLine = "\u001b[2K";

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void ThePanelIsGoneAndTheNotesStandWhereItWas()
    {
        string shown = Run("a");
        Assert.Contains("tms_5-2, seed 1─", shown, StringComparison.Ordinal);
        // All that comes behind the clearing stays on the screen.
        string left = shown[(shown.LastIndexOf(ClearLine, StringComparison.Ordinal) + ClearLine.Length)..];
        Assert.Matches("^[^\n]*trained the target with seed [^\n]*: it has learnt all 5 features\\.\r\n[^\n]*tms_5-2[^\n]*, seed 1: 20 steps in ", left);
        Assert.DoesNotContain('│', left);
    }

    [Fact]
    public void TheBarOfProgressCanBeReadWithoutColours() => Assert.Matches("█+[^█░\n]*░+", Run("a", "NO_COLOR=1"));

    private string Run(string folder, string setting = "A=1")
    {
        if (!File.Exists(Script)) Assert.Skip($"there is no {Script}");
        const string Options = "--steps 20 --set target.train.steps=4000 --set n_eval_steps=1 --set print_freq=5";
        using var process = _spd.StartProgram(Script, "-qec", $"stty cols 120 rows 40; {setting} {_spd.Command} run tms_5-2 --out {folder} {Options}", "/dev/null");
        var (code, output, _) = SpdProgram.Finish(process);
        Assert.Equal(0, code);
        return output;
    }
}
