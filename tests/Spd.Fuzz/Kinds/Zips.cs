using System.IO.Compression;
using System.Text;

namespace Spd.Fuzz.Kinds;

/// <summary>Zip archives in memory, with the same bytes at any time.</summary>
internal static class Zips
{
    private static readonly DateTimeOffset Time = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static byte[] Make(IEnumerable<(string Name, byte[] Content)> entries, bool isCompressed = false)
    {
        using var bytes = new MemoryStream();
        using (var archive = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true, Encoding.UTF8))
        {
            foreach (var (name, content) in entries)
            {
                var entry = archive.CreateEntry(name, isCompressed ? CompressionLevel.Fastest : CompressionLevel.NoCompression);
                entry.LastWriteTime = Time;
                using var stream = entry.Open();
                stream.Write(content);
            }
        }

        return bytes.ToArray();
    }

    public static List<(string Name, byte[] Content)> Entries(byte[] bytes)
    {
        using var archive = new ZipArchive(new MemoryStream(bytes));
        return [.. archive.Entries.Select(entry => (entry.FullName, Content(entry)))];

        static byte[] Content(ZipArchiveEntry entry)
        {
            using var stream = entry.Open();
            using var content = new MemoryStream();
            stream.CopyTo(content);
            return content.ToArray();
        }
    }

    /// <summary>
    /// Changes the content of an entry, and makes an archive whose checksums fit again: otherwise no mutant would get further than to them. Sometimes the names
    /// or the number of entries change, sometimes any bytes of the archive.
    /// </summary>
    /// <param name="mutator">Says what.</param>
    /// <param name="bytes">The archive.</param>
    /// <param name="others">Others of its kind.</param>
    /// <param name="words">What means something in its entries.</param>
    /// <param name="isMain">Whether an entry is of the kind that most is to be changed in.</param>
    public static byte[] Mutate(Mutator mutator, byte[] bytes, IReadOnlyList<byte[]> others, IReadOnlyList<byte[]> words, Func<string, bool> isMain)
    {
        if (mutator.OnceIn(5)) return mutator.Mutate(bytes, others, words);
        var entries = Entries(bytes);
        var main = Enumerable.Range(0, entries.Count).Where(i => isMain(entries[i].Name)).ToList();
        int at = main.Count == 0 || mutator.OnceIn(6) ? mutator.Below(entries.Count) : mutator.OneOf(main);
        var (name, content) = entries[at];
        switch (mutator.Below(20))
        {
            case 0:
                entries[at] = (Encoding.Latin1.GetString(mutator.Mutate(Encoding.Latin1.GetBytes(name), [Encoding.Latin1.GetBytes(name)], words)), content);
                break;
            case 1:
                entries.RemoveAt(at);
                break;
            case 2:
                entries.Insert(mutator.Below(entries.Count + 1), mutator.OneOf(entries));
                break;
            default:
                var alike = others.SelectMany(Entries).Where(entry => isMain(entry.Name) == isMain(name)).Select(entry => entry.Content).ToList();
                entries[at] = (name, mutator.Mutate(content, alike, words));
                break;
        }

        return Make(entries.Select(entry => (entry.Name.Length is > 0 and < 20_000 ? entry.Name : "a", entry.Content)), isCompressed: mutator.OnceIn(3));
    }
}
