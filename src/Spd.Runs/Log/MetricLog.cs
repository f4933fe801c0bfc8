using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spd.Formats;

namespace Spd.Runs.Log;

/// <summary>What is known after one log interval.</summary>
/// <remarks>The generated reader sets every property, one whose key is missing to null: that is taken for what the property has at first.</remarks>
public sealed record MetricRecord
{
    /// <summary>Steps done.</summary>
    public required int Step { get; init; }

    /// <summary>Seconds since the first step.</summary>
    public double Seconds { get; init; }

    /// <summary>Median milliseconds of a step of this interval.</summary>
    public double MsPerStep { get; init; }

    /// <summary>Learning rate of the last step.</summary>
    public double Lr { get; init; }

    /// <summary>Each loss term before its coefficient, and <c>total</c>.</summary>
    public IReadOnlyDictionary<string, double> Losses { get; init => field = value ?? new Dictionary<string, double>(); } = new Dictionary<string, double>();

    /// <summary>Mean number of subcomponents of each site with a causal importance above 0.01.</summary>
    public IReadOnlyDictionary<string, double> L0 { get; init => field = value ?? new Dictionary<string, double>(); } = new Dictionary<string, double>();

    /// <summary>Subcomponents of each site with a causal importance above 0.1 on any input of the batch; empty in the logs of older versions.</summary>
    public IReadOnlyDictionary<string, int> Alive { get; init => field = value ?? new Dictionary<string, int>(); } = new Dictionary<string, int>();

    /// <summary>Anything else that was measured.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init => field = value ?? new Dictionary<string, double>(); } = new Dictionary<string, double>();
}

/// <summary>Writes <c>metrics.jsonl</c>: one JSON object a line, keys in snake case, each line written at once. NaN and infinities are texts.</summary>
public sealed class MetricLog : IDisposable
{
    private const byte LineFeed = (byte)'\n';
    private const int LongestTail = 1 << 16;

    private static readonly LogJson Json = new(new JsonSerializerOptions(LogJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private readonly FileStream _stream;

    /// <summary>A log in a new file; others may read it while it grows.</summary>
    /// <exception cref="IOException">The file exists or cannot be made.</exception>
    public MetricLog(string path) => _stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);

    private MetricLog(FileStream stream) => _stream = stream;

    /// <summary>
    /// Goes on with a log where a checkpoint was taken: lines behind it are cut off, and so are those that are no records, or out of order. A run does not
    /// need its log to go on, so that a missing line is lost and no more.
    /// </summary>
    /// <param name="path">The log; it begins where it is missing.</param>
    /// <param name="lines">Lines that were written before the checkpoint.</param>
    /// <param name="step">The checkpoint's step.</param>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public static (MetricLog Log, IReadOnlyList<MetricRecord> Kept) Continue(string path, int lines, int step)
    {
        if (!File.Exists(path)) return (new MetricLog(path), []);
        // What is no regular file, such as a pipe, has no lines and gives way to one.
        bool isReadable = RegularFile.HasContent(path);
        byte[] bytes = isReadable ? File.ReadAllBytes(path) : [];
        var kept = new List<MetricRecord>();
        var text = new MemoryStream();
        foreach (var (line, record) in Lines(bytes).Take(lines))
        {
            if (record is null || record.Step > step || (kept.Count > 0 && record.Step <= kept[^1].Step)) continue;
            kept.Add(record);
            text.Write(line.Span);
        }

        if (!isReadable || text.Length < bytes.Length) AtomicFile.Write(path, stream => text.WriteTo(stream));
        return (new MetricLog(new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.Read, bufferSize: 0)), kept);
    }

    /// <summary>Adds a line.</summary>
    /// <exception cref="IOException">It cannot be written, as on a full disk.</exception>
    public void Write(MetricRecord record)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(record, Json.MetricRecord), LineFeed];
        try
        {
            // At the end as it is by now: another program may have cut the log.
            RandomAccess.Write(_stream.SafeFileHandle, line, RandomAccess.GetLength(_stream.SafeFileHandle));
        }
        catch (ArgumentOutOfRangeException exception)
        {
            throw AtomicFile.TooLarge(_stream.Name, exception);
        }
    }

    /// <summary>Waits until all lines are on the disk.</summary>
    public void FlushToDisk() => _stream.Flush(flushToDisk: true);

    public void Dispose() => _stream.Dispose();

    /// <summary>Reads a log. Lines that are no records are left out, and so is a last one that was cut short, as by a crash.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static IReadOnlyList<MetricRecord> Read(string path)
    {
        if (File.Exists(path) && !RegularFile.HasContent(path)) return [];
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[stream.Length];
        int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return [.. Lines(bytes.AsMemory(0, read)).Select(line => line.Record).OfType<MetricRecord>()];
    }

    /// <summary>The step of the last record of a log; null where there is none, or it cannot be read.</summary>
    public static int? LastStep(string path) => Last(path)?.Step;

    /// <summary>The last record of a log; null where there is none, or it cannot be read.</summary>
    public static MetricRecord? Last(string path)
    {
        try
        {
            if (!RegularFile.HasContent(path)) return null;
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            byte[] tail = new byte[Math.Min(stream.Length, LongestTail)];
            stream.Seek(-tail.Length, SeekOrigin.End);
            int read = stream.ReadAtLeast(tail, tail.Length, throwOnEndOfStream: false);
            return Lines(tail.AsMemory(0, read)).Select(line => line.Record).LastOrDefault(record => record is not null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The lines that end in a line feed, each with its record where it is one.</summary>
    private static IEnumerable<(ReadOnlyMemory<byte> Line, MetricRecord? Record)> Lines(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Span.IndexOf(LineFeed) is >= 0 and var end)
        {
            yield return (bytes[..(end + 1)], RecordOf(bytes.Span[..end]));
            bytes = bytes[(end + 1)..];
        }
    }

    private static MetricRecord? RecordOf(ReadOnlySpan<byte> line)
    {
        try
        {
            // An editor may have put a mark before the first line.
            if (line.StartsWith(Encoding.UTF8.Preamble)) line = line[Encoding.UTF8.Preamble.Length..];
            // What is no object at all, as an empty line, is not worth an exception.
            if (line.TrimStart(" \t"u8) is not [(byte)'{', ..]) return null;
            return JsonSerializer.Deserialize(line, Json.MetricRecord) is { Step: > 0 } record ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>How a line is written and read.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(MetricRecord))]
internal sealed partial class LogJson : JsonSerializerContext;
