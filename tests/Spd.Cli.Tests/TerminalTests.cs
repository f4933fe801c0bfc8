using System.Text.RegularExpressions;

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
    public void TheBarOfProgressCanBeReadWithoutColours()
    {
        string shown = Run("a", "NO_COLOR=1");
        Assert.Matches("█+[^█░\n]*░+", shown);
        Assert.Matches("[█░] [0-9]+ %", shown);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(80)]
    public void TablesFitAndBreakNoWord(int columns)
    {
        Assert.Equal(0, _spd.Run("run", "tms_5-2", "--out", "a", "--quiet", "--steps", "20", "--set", "target.train.steps=4000", "--set", "n_eval_steps=1").ExitCode);
        foreach (string command in new[] { "list", "runs .", "compare a a", "inspect a/model.safetensors", "activations a --site linear1", "ablate a --off linear1:0-3", "eval a", "cache" })
        {
            string[] arguments = command.Split(' ');
            var (_, piped, _) = _spd.Run(arguments);
            Assert.All(piped.Split('\n'), line => Assert.Equal(line.TrimEnd(), line));
            Assert.NotEqual("", piped.Split('\n')[0]);
            using var process = _spd.StartProgram(Script, "-qec", $"stty cols {columns} rows 40; {_spd.Command} {command}", "/dev/null");
            string shown = Regex.Replace(SpdProgram.Finish(process).Output, "\u001b(\\[[0-9;?]*[a-zA-Z]|[=>])", "").Replace("\r", "");
            // Sentences are wrapped by the terminal; what is no sentence has blanks in front, or between columns.
            var tables = shown.Split('\n').Where(line => line.StartsWith(' ') || line.StartsWith('─') || Regex.IsMatch(line, "[^ ]   +[^ ]")).ToList();
            Assert.NotEmpty(tables);
            Assert.All(tables, line => Assert.True(line.Length <= columns, $"{command}: {line}"));
            var words = piped.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).ToHashSet();
            Assert.All(
                tables.Where(line => !line.Contains('─')).SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)),
                word => Assert.True(words.Contains(word) || double.TryParse(word, out double _), $"{command}: {word} is no whole word"));
        }
    }

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
