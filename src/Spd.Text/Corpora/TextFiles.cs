using Spd.Formats;

namespace Spd.Text;

/// <summary>The files of a corpus: one, all of a folder, or those that fit a pattern, read one after the other.</summary>
public static class TextFiles
{
    private const int MostFiles = 1_000_000;

    /// <summary>Whether a path names files: it is one, or a folder, or a pattern.</summary>
    public static bool AreNamedBy(string path) => Path.Exists(path) || IsPattern(path);

    /// <summary>Finds the files that a path names, in the order of their names.</summary>
    /// <param name="path">A file; a folder, whose files of text all end alike; or a pattern for the names of files, such as <c>data/train-*.parquet</c>.</param>
    /// <exception cref="FileContentException">There are none, or of several kinds; one sentence says what.</exception>
    /// <exception cref="IOException">A folder cannot be read.</exception>
    public static IReadOnlyList<string> Find(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path)) return [path];
        if (Directory.Exists(path))
        {
            var kinds = Files(path, "*", SearchOption.AllDirectories).GroupBy(TextFile.SuffixOf).Where(kind => TextFile.Suffixes.Contains(kind.Key)).ToList();
            return kinds switch
            {
                [var only] => [.. only],
                [] => throw new FileContentException($"{Quoted.Path(path)} has no files of text, whose names end in {string.Join(", ", TextFile.Suffixes)}, or in one of these and .gz"),
                _ => throw new FileContentException(
                    $"{Quoted.Path(path)} has texts of several kinds ({Quoted.List(kinds.Select(kind => kind.Key).Order())}): name those that are meant, as in {Quoted.Path(Path.Combine(path, $"*{kinds[0].Key}"))}"),
            };
        }

        string pattern = Path.GetFileName(path), folder = Path.GetDirectoryName(path) is { Length: > 0 } named ? named : ".";
        if (!IsPattern(path)) throw new FileNotFoundException($"there is no file {Quoted.Path(path)}", path);
        string[] files = Directory.Exists(folder) ? Files(folder, pattern, SearchOption.TopDirectoryOnly) : [];
        return files.Length > 0 ? files : throw new FileContentException($"no file fits {Quoted.Path(path)}");
    }

    /// <summary>Reads the documents of files; see <see cref="TextFile.Read"/>.</summary>
    /// <inheritdoc cref="TextFile.Read" path="exception"/>
    /// <param name="files">The files, which are read in this order.</param>
    /// <param name="column">The column or key with the texts; null for the usual.</param>
    public static IEnumerable<TextPart> Read(IEnumerable<string> files, string? column = null) => files.SelectMany(file => TextFile.Read(file, column));

    private static bool IsPattern(string path) => Path.GetFileName(path.AsSpan()).ContainsAny('*', '?');

    private static string[] Files(string folder, string pattern, SearchOption option)
    {
        string[] files = [.. Directory.EnumerateFiles(folder, pattern, option).Take(MostFiles + 1)];
        if (files.Length > MostFiles) throw new FileContentException($"{Quoted.Path(folder)} has more than {MostFiles} files");
        Array.Sort(files, StringComparer.Ordinal);
        return files;
    }
}
