using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spd.Formats;

namespace Spd.Runs;

/// <summary>What is known after one log interval.</summary>
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
    public IReadOnlyDictionary<string, double> Losses { get; init; } = new Dictionary<string, double>();

    /// <summary>Mean number of subcomponents of each site with a causal importance above 0.01.</summary>
    public IReadOnlyDictionary<string, double> L0 { get; init; } = new Dictionary<string, double>();

    /// <summary>Subcomponents of each site with a causal importance above 0.1 on any input of the batch; empty in the logs of older versions.</summary>
    public IReadOnlyDictionary<string, int> Alive { get; init; } = new Dictionary<string, int>();

    /// <summary>Anything else that was measured.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();
}

/// <summary>Writes <c>metrics.jsonl</c>: one JSON object a line, keys in snake case, each line written at once. NaN and infinities are texts.</summary>
public sealed class MetricLog : IDisposable
{
    private static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly FileStream _stream;

    /// <summary>A log in a new file; others may read it while it grows.</summary>
    /// <exception cref="IOException">The file exists or cannot be made.</exception>
    public MetricLog(string path) => _stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);

    private MetricLog(FileStream stream) => _stream = stream;

    /// <summary>Goes on with a log after its first lines; those behind them are cut off, and a missing log begins.</summary>
    /// <param name="path">The log.</param>
    /// <param name="lines">Lines to keep.</param>
    /// <exception cref="InvalidDataException">It has fewer lines, or one of those to keep is no record.</exception>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public static (MetricLog Log, IReadOnlyList<MetricRecord> Kept) Continue(string path, int lines)
    {
        if (!File.Exists(path) && lines == 0) return (new MetricLog(path), []);
        byte[] bytes = File.ReadAllBytes(path);
        int end = 0;
        for (int line = 0; line < lines; line++)
        {
            int feed = Array.IndexOf(bytes, (byte)'\n', end);
            if (feed < 0) throw new InvalidDataException($"'{path}' has only {line} of the {lines} lines that were written before the checkpoint");
            end = feed + 1;
        }

        if (end < bytes.Length) AtomicFile.Write(path, stream => stream.Write(bytes.AsSpan(0, end)));
        var kept = Read(path);
        return (new MetricLog(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0)), kept);
    }

    /// <summary>Adds a line.</summary>
    /// <exception cref="IOException">It cannot be written, as on a full disk.</exception>
    public void Write(MetricRecord record)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(record, Json), (byte)'\n'];
        try
        {
            _stream.Write(line);
        }
        catch (ArgumentOutOfRangeException exception)
        {
            throw AtomicFile.TooLarge(_stream.Name, exception);
        }
    }

    /// <summary>Waits until all lines are on the disk.</summary>
    public void FlushToDisk() => _stream.Flush(flushToDisk: true);

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    /// <summary>Reads a log. A last line that was cut short, as by a crash, is left out.</summary>
    /// <exception cref="InvalidDataException">A line is no record; one sentence says which.</exception>
    public static IReadOnlyList<MetricRecord> Read(string path)
    {
        string text;
        using (var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), Encoding.UTF8))
            text = reader.ReadToEnd();
        string[] lines = text.Split('\n');
        var records = new List<MetricRecord>();
        // Behind the last line feed stands nothing, or what was cut short.
        for (int line = 0; line < lines.Length - 1; line++)
        {
            try
            {
                records.Add(JsonSerializer.Deserialize<MetricRecord>(lines[line], Json) ?? throw new JsonException("it is null"));
            }
            catch (JsonException exception)
            {
                throw new InvalidDataException($"'{path}', line {line + 1}: this is no log record: {exception.Message}", exception);
            }
        }

        return records;
    }
}
