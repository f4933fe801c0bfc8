using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Spd.Runs.Configuration;
using Spd.Text;

namespace Spd.Runs;

/// <summary>What an entry of the cache is.</summary>
public enum CacheKind
{
    /// <summary>A trained target.</summary>
    Target,

    /// <summary>The checkpoints of a target whose training has not come to its end.</summary>
    Training,

    /// <summary>The tokens of a text.</summary>
    Tokens,

    /// <summary>What a program is writing, or left when it was killed.</summary>
    Partial,
}

/// <summary>An entry of the cache.</summary>
/// <param name="Path">Its file or folder.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Bytes">Bytes of its files.</param>
/// <param name="LastUsed">When it was made, or last used.</param>
/// <param name="Of">What it is of: the shipped experiments with such a target, or else what the target is; the text.</param>
/// <param name="IsInUse">Whether a program uses it just now, as far as can be seen.</param>
public sealed record CacheEntry(string Path, CacheKind Kind, long Bytes, DateTime LastUsed, string Of, bool IsInUse)
{
    /// <summary>The entry as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["path"] = Path,
        ["kind"] = Kind.ToString().ToLowerInvariant(),
        ["of"] = Of,
        ["bytes"] = Bytes,
        ["last_used"] = LastUsed.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ["in_use"] = IsInUse,
    };
}

/// <summary>What lies in the cache of targets and of tokens. What is not of the cache is neither listed nor removed.</summary>
public static partial class CacheContent
{
    private const string Checkpoints = ".training";

    private static readonly string[] TellingKeys = ["task_name", "n_features", "n_hidden", "d_mlp", "steps", "seed"];

    // A program writes an entry in far less.
    private static readonly TimeSpan LongestWrite = TimeSpan.FromMinutes(10);

    /// <summary>The entries, the last used first.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="tokens">The folder of tokens.</param>
    /// <param name="catalog">The shipped experiments.</param>
    /// <exception cref="IOException">A folder cannot be read.</exception>
    public static IReadOnlyList<CacheEntry> List(TargetCache cache, string tokens, ExperimentCatalog catalog)
    {
        var entries = new List<CacheEntry>();
        var targets = new Lazy<Dictionary<string, string>>(() => TargetsOf(catalog));
        if (Directory.Exists(cache.Folder)) entries.AddRange(Directory.GetDirectories(cache.Folder).Select(folder => OfTarget(folder, targets)).OfType<CacheEntry>());
        if (Directory.Exists(tokens)) entries.AddRange(Directory.GetFiles(tokens).Select(OfTokens).OfType<CacheEntry>());
        return [.. entries.OrderByDescending(entry => entry.LastUsed).ThenBy(entry => entry.Path, StringComparer.Ordinal)];
    }

    /// <summary>Removes an entry, unless a program uses it.</summary>
    /// <returns>Whether it is gone.</returns>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public static bool Remove(CacheEntry entry)
    {
        if (entry.IsInUse) return false;
        if (Directory.Exists(entry.Path)) Directory.Delete(entry.Path, recursive: true);
        else
        {
            File.Delete(entry.Path);
            if (entry.Kind == CacheKind.Tokens) File.Delete(TokenCache.SourceFileOf(entry.Path));
        }

        return true;
    }

    /// <summary>Notes that a target is used now, where that can be noted.</summary>
    internal static void Touch(string folder)
    {
        try
        {
            Directory.SetLastWriteTimeUtc(folder, DateTime.UtcNow);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It may be another user's.
        }
    }

    private static CacheEntry? OfTarget(string folder, Lazy<Dictionary<string, string>> targets)
    {
        string name = Path.GetFileName(folder);
        if (!TargetName().IsMatch(name)) return null;
        var kind = name.EndsWith(Checkpoints, StringComparison.Ordinal) ? CacheKind.Training : name.Contains('.', StringComparison.Ordinal) ? CacheKind.Partial : CacheKind.Target;
        var files = new DirectoryInfo(folder).GetFiles();
        var used = files.Select(file => file.LastWriteTime).Append(Directory.GetLastWriteTime(folder)).Max();
        // A training writes its checkpoints now and then, and what it has is lost with them.
        bool isInUse = kind == CacheKind.Training ? TargetCheckpoints.IsHeld(folder) : kind == CacheKind.Partial && DateTime.Now - used < LongestWrite;
        string config = Path.Combine(folder, "config.yaml");
        string of = File.Exists(config) ? Told(File.ReadAllText(config), targets.Value) : "";
        return new CacheEntry(folder, kind, files.Sum(file => file.Length), used, of, isInUse);
    }

    private static CacheEntry? OfTokens(string file)
    {
        string name = Path.GetFileName(file);
        if (!TokensName().IsMatch(name)) return null;
        var kind = name.EndsWith(TokenCache.Suffix, StringComparison.Ordinal) ? CacheKind.Tokens : CacheKind.Partial;
        string text = TokenCache.SourceFileOf(file);
        return new CacheEntry(
            file, kind, new FileInfo(file).Length, File.GetLastWriteTime(file), kind == CacheKind.Tokens && File.Exists(text) ? File.ReadAllText(text) : "", IsOpen(file));
    }

    private static bool IsOpen(string file)
    {
        try
        {
            using var probe = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.None);
            return false;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    /// <summary>The names of the shipped experiments by what their targets are, whatever the seed.</summary>
    private static Dictionary<string, string> TargetsOf(ExperimentCatalog catalog)
    {
        var targets = new Dictionary<string, string>();
        foreach (var entry in catalog.Entries)
        {
            try
            {
                string target = WithoutSeed(catalog.Load(entry.Name).Config.Target.ToYaml());
                targets[target] = targets.TryGetValue(target, out string? others) ? $"{others}, {entry.Name}" : entry.Name;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ConfigException)
            {
                // Its target is a file that is not here, so it is not in the cache.
            }
        }

        return targets;
    }

    private static string Told(string config, Dictionary<string, string> targets)
    {
        if (targets.TryGetValue(WithoutSeed(config), out string? experiments)) return experiments;
        try
        {
            var values = FlatConfig.Read(config);
            return string.Join(", ", TellingKeys
                .SelectMany(key => values.Where(entry => entry.Key == key || entry.Key.EndsWith($".{key}", StringComparison.Ordinal)).Take(1))
                .Select(entry => entry.Key.EndsWith("task_name", StringComparison.Ordinal) ? entry.Value : $"{entry.Key.Split('.')[^1].Replace('_', ' ')} {entry.Value}"));
        }
        catch (ConfigException)
        {
            return "";
        }
    }

    private static string WithoutSeed(string yaml) => string.Join('\n', yaml.Split('\n').Where(line => line.Length > 0 && line[0] != '#' && !line.TrimStart().StartsWith("seed:", StringComparison.Ordinal)));

    [GeneratedRegex("^[0-9a-f]{32}(\\.training|\\.[0-9a-f]{32}\\.tmp)?$")]
    private static partial Regex TargetName();

    [GeneratedRegex("^[0-9a-f]{16}\\.tokens(\\.[0-9a-f]{32}\\.spd\\.tmp)?$")]
    private static partial Regex TokensName();
}
