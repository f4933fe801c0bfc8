using System.Globalization;
using System.Text.RegularExpressions;

namespace Spd.Cli.Tests;

/// <summary><c>spd plan</c>.</summary>
public sealed partial class PlanTests : IDisposable
{
    private const string Script = "/usr/bin/script";

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void AStepIsShownWithItsFloorAndTheTimeItTakes()
    {
        string shown = Planned("tms_5-2", "--threads", "1", "--steps", "20");
        Assert.StartsWith("tms_5-2: a step on 1 thread, ", shown, StringComparison.Ordinal);
        Assert.Contains("\nbatch    4096 rows, in ", shown, StringComparison.Ordinal);
        Assert.Matches(@"\npanels +1 +\d+ ", shown);
        Assert.Contains("\nstochastic_recon: in pass ", shown, StringComparison.Ordinal);
        Assert.Contains("\nfaithfulness: on the weights\n", shown, StringComparison.Ordinal);
        var last = Share().Match(shown);
        Assert.True(last.Success, shown);
        double floor = Number(last, 1), taken = Number(last, 2), share = Number(last, 3);
        Assert.True(floor > 0 && taken > 0);
        Assert.Equal(100 * floor / taken, share, tolerance: 3);
        // Nothing is trained or written.
        Assert.Empty(Directory.EnumerateFileSystemEntries(_spd.Folder));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_spd.Cache));
    }

    [Fact]
    public void TwiceTheRowsAreTwiceTheRandomNumbers()
    {
        Assert.Matches(@"\nall +\d+ .* 368\.6 k ", Planned("tms_5-2", "--steps", "1"));
        Assert.Matches(@"\nall +\d+ .* 737\.3 k ", Planned("tms_5-2", "--steps", "1", "--set", "batch_size=8192"));
    }

    [Fact]
    public void ApdHasTwoPlans()
    {
        string shown = Planned("apd_tms_5-2", "--steps", "2");
        Assert.Matches(@"\nattributions:\nbatch [\s\S]*\nlosses:\nbatch ", shown);
        Assert.Contains("\nparam_match: on the weights\n", shown, StringComparison.Ordinal);
        Assert.Matches(Share(), shown);
    }

    [Fact]
    public void RandomRowsStandInForDataThatIsNotThere()
    {
        string shown = Planned("mnist_mlp", "--steps", "1", "--set", "target.data.inputs=nowhere.npy");
        Assert.Contains("nowhere.npy' is not there, so that random rows stand in for the data.", shown, StringComparison.Ordinal);
        Assert.Contains("\nbatch    1024 rows, in ", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void ABadConfigurationIsRefusedInOneSentence()
    {
        var (code, output, error) = _spd.Run("plan", "tms_5-2", "--set", "batch_size=0");
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("spd: ", error, StringComparison.Ordinal);
        Assert.Contains("batch_size", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Equal(2, _spd.Run("plan", "tms_5-3").ExitCode);
    }

    [Fact]
    public void ItFitsATerminalOfEightyColumns()
    {
        if (!File.Exists(Script)) Assert.Skip($"there is no {Script}");
        using var process = _spd.StartProgram(Script, "-qec", $"stty cols 80 rows 40; {_spd.Command} plan tms_40-10 --steps 1", "/dev/null");
        var (code, output, _) = SpdProgram.Finish(process);
        Assert.Equal(0, code);
        Assert.Contains("floor ", output, StringComparison.Ordinal);
        Assert.All(output.ReplaceLineEndings("\n").Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    private string Planned(params string[] arguments)
    {
        var (code, output, error) = _spd.Run(["plan", .. arguments]);
        Assert.Equal((0, ""), (code, error));
        return output.ReplaceLineEndings("\n");
    }

    private static double Number(Match match, int group) => double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\nfloor ([\d.]+) ms, a step takes ([\d.]+) ms: ([\d.]+) %\n")]
    private static partial Regex Share();
}
