using System.Globalization;
using System.Text.RegularExpressions;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>Chooses the sites of a network by glob patterns: <c>*</c> is any text (dots too), <c>?</c> any character, <c>[01]</c> one of a set.</summary>
public static class SitePatterns
{
    /// <summary>The linear maps whose paths match any of the patterns, in the order in which the network declares them.</summary>
    /// <exception cref="SiteSelectionException">A pattern matches nothing, or something that is no linear map, or there is no pattern.</exception>
    public static IReadOnlyList<(string Path, Linear Linear)> Select(Module network, IReadOnlyList<string> patterns)
    {
        string linearNames = NameList.Of(network.LinearMaps().Select(map => map.Path));
        if (patterns.Count == 0) throw new SiteSelectionException($"target_module_patterns is empty; linear modules are: {linearNames}");
        foreach (string pattern in patterns)
        {
            var matches = network.NamedModules().Where(module => Matches(pattern, module.Path)).ToList();
            if (matches.Count == 0) throw new SiteSelectionException($"site pattern '{Shown(pattern)}' matches no module; linear modules are: {linearNames}");
            if (matches.Find(match => match.Module is not Linear) is { Module: { } other, Path: var path })
            {
                throw new SiteSelectionException(
                    $"site pattern '{Shown(pattern)}' matches '{path}', which is no linear map but {other.GetType().Name}; linear modules are: {linearNames}");
            }
        }

        return [.. network.LinearMaps().Where(map => patterns.Any(pattern => Matches(pattern, map.Path)))];
    }

    /// <summary>C of each site, by patterns that fit exactly one site's path or several.</summary>
    /// <param name="sites">The paths of the sites.</param>
    /// <param name="counts">C by pattern.</param>
    /// <returns>C in the order of the sites.</returns>
    /// <exception cref="SiteSelectionException">A pattern fits no site, two fit the same, or a site is fitted by none.</exception>
    public static IReadOnlyList<int> SubcomponentCounts(IReadOnlyList<string> sites, IReadOnlyDictionary<string, int> counts)
    {
        if (counts.Keys.FirstOrDefault(pattern => !sites.Any(site => Matches(pattern, site))) is { } unused)
            throw new SiteSelectionException($"C names '{Shown(unused)}', which fits no decomposed matrix; they are {NameList.Of(sites)}");
        return
        [
            .. sites.Select(site => counts.Keys.Where(pattern => Matches(pattern, site)).ToList() switch
            {
                [var pattern] => counts[pattern],
                [] => throw new SiteSelectionException($"C says nothing of '{site}': add a line for it, such as '{site}: {counts.Values.First()}'"),
                [var first, var second, ..] => throw new SiteSelectionException($"C names '{site}' twice, by '{Shown(first)}' and '{Shown(second)}': keep one of them"),
            }),
        ];
    }

    private static bool Matches(string pattern, string path)
    {
        string expression = Regex.Replace(pattern, @"\*|\?|\[(!?)([^\]]+)\]|.", match => match.Value switch
        {
            "*" => ".*",
            "?" => ".",
            { Length: > 1 } => $"[{(match.Groups[1].Length > 0 ? "^" : "")}{Regex.Replace(match.Groups[2].Value, @"[\\^\[]", @"\$0")}]",
            var character => Regex.Escape(character),
        });
        try
        {
            // A pattern of many stars would otherwise be tried in every way in which they share out the path.
            return Regex.IsMatch(path, $"^{expression}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        }
        catch (Exception exception) when (exception is RegexParseException or NotSupportedException)
        {
            // A set that makes no sense, such as [1-0], holds no character; a pattern of more parts than can be matched so is longer than any path.
            return false;
        }
    }

    /// <summary>A pattern on one line, without characters that are not seen, and cut where it is long.</summary>
    private static string Shown(string pattern)
    {
        const int Longest = 100;
        string cut = pattern.Length > Longest ? $"{pattern[..Longest]}…" : pattern;
        return string.Concat(cut.Select(letter => char.GetUnicodeCategory(letter) is UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator ? '\uFFFD' : letter));
    }
}

/// <summary>The sites asked for are not in the network; the message is one sentence for the user.</summary>
public sealed class SiteSelectionException(string message) : Exception(message);
