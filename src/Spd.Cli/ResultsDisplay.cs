using Spd.Runs.Results;
using Spectre.Console;

namespace Spd.Cli;

/// <summary>The result table on the console.</summary>
internal static class ResultsDisplay
{
    // Narrower consoles show the numbers without what they say.
    private const int WidthForMeanings = 120;

    public static void Write(RunSummary summary)
    {
        var rows = ResultTable.Rows(summary);
        bool hasPaper = rows.Any(row => row.Paper.Length > 0);
        var table = new Sheet(
        [
            new("") { Wraps = true }, new("this run", IsNumber: true), .. hasPaper ? [new("paper", IsNumber: true)] : Array.Empty<Column>(),
            .. AnsiConsole.Profile.Width >= WidthForMeanings ? [new("") { Wraps = true, Style = new Style(Color.Grey) }] : Array.Empty<Column>(),
        ]);
        foreach (var row in rows)
        {
            // A cell more than there are columns is not shown.
            string[] cells = hasPaper ? [row.Quantity, row.Value, row.Paper, row.Meaning] : [row.Quantity, row.Value, row.Meaning];
            table.Add(cells);
        }

        Screen.Write(table);
        foreach (string remark in summary.Remarks) Screen.WriteLine($"Note: {remark}.");
    }
}
