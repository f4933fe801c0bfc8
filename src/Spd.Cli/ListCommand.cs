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
            var table = new Sheet(new("") { Style = new Style(decoration: Decoration.Bold) }, new("") { Wraps = true });
            foreach (var entry in entries) table.Add(entry.Name, entry.Description);
            Screen.Write(table);
            return CommandLine.Success;
        });
        return command;
    }
}
