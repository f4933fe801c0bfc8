using System.CommandLine;
using Spectre.Console;

namespace Spd.Cli;

/// <summary><c>spd list</c>.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        var command = new Command("list", "Show the experiments that come with the program, with one line each.");
        command.SetAction(_ =>
        {
            var entries = Catalog.Open().Entries;
            var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();
            foreach (var entry in entries) grid.AddRow(Screen.Cell(entry.Name, new Style(decoration: Decoration.Bold)), Screen.Cell(entry.Description));
            AnsiConsole.Write(grid);
            return CommandLine.Success;
        });
        return command;
    }
}
