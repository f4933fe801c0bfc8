using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spd.Runs;

namespace Spd.Cli;

/// <summary><c>spd cache</c>: what is kept of trained targets and of tokens.</summary>
internal static class CacheCommand
{
    public static Command Create()
    {
        var empty = new Option<bool>("--empty") { Description = "Remove all of it but what a running program uses. Runs keep what they need in their own folders; the next trains and reads again." };
        var json = new Option<bool>("--json") { Description = "Print it as JSON." };
        var command = new Command("cache", $"Show what is kept of trained targets and of the tokens of texts, and where; the environment variable {TargetCache.FolderVariable} names another folder.") { empty, json };
        command.SetAction(parsed =>
        {
            var cache = RunCommand.Cache();
            var entries = CacheContent.List(cache, Catalog.TokenFolder, Catalog.Open());
            var removed = parsed.GetValue(empty) ? entries.Where(CacheContent.Remove).ToHashSet() : [];
            if (parsed.GetValue(json)) Console.WriteLine(Json(cache, entries, removed).ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
            else Write(cache, entries, removed, parsed.GetValue(empty));
            return CommandLine.Success;
        });
        return command;
    }

    private static JsonObject Json(TargetCache cache, IReadOnlyList<CacheEntry> entries, HashSet<CacheEntry> removed) => new()
    {
        ["folder"] = cache.Folder,
        ["bytes"] = entries.Where(entry => !removed.Contains(entry)).Sum(entry => entry.Bytes),
        ["entries"] = Array(entries.Where(entry => !removed.Contains(entry))),
        ["removed"] = Array(removed),
    };

    private static JsonArray Array(IEnumerable<CacheEntry> entries) => new([.. entries.Select(entry => entry.ToJson())]);

    private static void Write(TargetCache cache, IReadOnlyList<CacheEntry> entries, HashSet<CacheEntry> removed, bool isEmptied)
    {
        Screen.WriteLine($"Cache: {cache.Folder}");
        if (isEmptied) Screen.WriteLine($"Removed {removed.Count} of {entries.Count} entries, {Bytes(removed)} bytes.");
        var left = entries.Where(entry => !removed.Contains(entry)).ToList();
        if (left.Count == 0)
        {
            if (!isEmptied) Screen.WriteLine("It is empty.");
            return;
        }

        var table = new Sheet(new("entry") { Spare = 1 }, new("what"), new("of") { Wraps = true }, new("bytes", IsNumber: true), new("last used"), new("") { Wraps = true });
        foreach (var entry in left)
        {
            table.Add(
                Path.GetRelativePath(cache.Folder, entry.Path), Name(entry.Kind), entry.Of, Bytes([entry]),
                entry.LastUsed.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture), entry.IsInUse ? "in use" : "");
        }

        Screen.Write(table);
        Screen.WriteLine($"{Bytes(left)} bytes in all.{(isEmptied ? "" : " --empty removes what is not in use.")}");
    }

    private static string Name(CacheKind kind) => kind switch
    {
        CacheKind.Target => "trained target",
        CacheKind.Training => "target in training",
        CacheKind.Tokens => "tokens of a text",
        _ => "unfinished",
    };

    private static string Bytes(IEnumerable<CacheEntry> entries) => Screen.Whole(entries.Sum(entry => entry.Bytes));
}
