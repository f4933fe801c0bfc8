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
        bool hasMeanings = AnsiConsole.Profile.Width >= WidthForMeanings;
        var table = new Table().Border(TableBorder.Simple)
            .AddColumn(new TableColumn("").NoWrap())
            .AddColumn(new TableColumn("this run").RightAligned().NoWrap());
        if (hasPaper) table.AddColumn(new TableColumn("paper").RightAligned().NoWrap());
        if (hasMeanings) table.AddColumn(new TableColumn(""));
        foreach (var row in rows)
        {
            var cells = new List<StyledText> { Screen.Cell(row.Quantity), Screen.Cell(row.Value) };
            if (hasPaper) cells.Add(Screen.Cell(row.Paper));
            if (hasMeanings) cells.Add(Screen.Cell(row.Meaning, new Style(Color.Grey)));
            table.AddRow(cells);
        }

        AnsiConsole.Write(table);
        foreach (string remark in summary.Remarks) Screen.WriteLine($"Note: {remark}.");
    }
}
