using Spd.Formats;
using Spd.Runs.Configuration;

namespace Spd.Runs.Sweeps;

/// <summary>A key of a configuration and the values that it takes in a sweep.</summary>
/// <param name="Key">Its dotted path.</param>
/// <param name="Values">The values as YAML, in the order that they were given in.</param>
public sealed record GridAxis(string Key, IReadOnlyList<string> Values)
{
    // Seeds are counted on from the experiment's own, and names say nothing.
    private const string Seed = "seed";

    private static readonly string[] Names = ["name", "description"];

    /// <summary>Reads <c>key=a,b,c</c>; a comma within brackets or quotes parts nothing.</summary>
    /// <exception cref="ConfigException">It is not of this form; one sentence says why.</exception>
    public static GridAxis Parse(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0 || text[..equals].Split('.').Any(string.IsNullOrWhiteSpace))
            throw new ConfigException($"--grid {Quoted.Bare(text)}: this is not of the form key=a,b,c, such as importance_minimality_coeff=1e-3,3e-3");
        string key = text[..equals].Trim();
        if (key == Seed) throw new ConfigException($"--grid {Quoted.Bare(text)}: seeds are not a part of the grid, every point of it has them all: say how many with --seeds N");
        if (Names.Contains(key)) throw new ConfigException($"--grid {Quoted.Bare(text)}: {key} changes nothing that is computed");
        var values = Split(text[(equals + 1)..]);
        if (values.Any(string.IsNullOrEmpty)) throw new ConfigException($"--grid {Quoted.Bare(text)}: a value is empty; values are parted by one comma, such as {key}=1,2");
        return values.GroupBy(value => value).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? throw new ConfigException($"--grid {Quoted.Bare(text)}: the value {Quoted.Bare(twice.Key)} comes twice")
            : new GridAxis(key, values);
    }

    private static List<string> Split(string text)
    {
        var parts = new List<string>();
        int depth = 0, start = 0;
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char letter = text[i];
            if (quote != '\0') quote = letter == quote ? '\0' : quote;
            else if (letter is '\'' or '"') quote = letter;
            else if (letter is '[' or '{') depth++;
            else if (letter is ']' or '}') depth--;
            else if (letter == ',' && depth == 0)
            {
                parts.Add(text[start..i].Trim());
                start = i + 1;
            }
        }

        return [.. parts, text[start..].Trim()];
    }
}
