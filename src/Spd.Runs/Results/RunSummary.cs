using System.Text.Json;
using System.Text.Json.Serialization;
using Spd.Formats;
using Spd.Runs.Configuration;

namespace Spd.Runs.Results;

/// <summary>How a run ended.</summary>
public enum RunStatus
{
    /// <summary>All steps were taken.</summary>
    Finished,

    /// <summary>The user stopped it.</summary>
    Interrupted,

    /// <summary>Training failed.</summary>
    Failed,

    /// <summary>It was trained by another program.</summary>
    Imported,
}

/// <summary>Milliseconds of a step; NaN where none was timed.</summary>
/// <param name="Median">The median.</param>
/// <param name="P10">A tenth of the steps were faster.</param>
/// <param name="P90">A tenth of the steps were slower.</param>
public sealed record StepTime(double Median, double P10, double P90)
{
    /// <summary>The time of steps that were not timed.</summary>
    public static StepTime None { get; } = new(double.NaN, double.NaN, double.NaN);
}

/// <summary>Where the network that was decomposed came from.</summary>
public sealed record TargetOrigin
{
    /// <summary>The seed that it was trained with here; null where it was loaded.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Seeds that were tried until one had learnt what it should.</summary>
    public int? SeedsTried { get; init; }

    /// <summary>Whether it had been trained for another run.</summary>
    public bool? FromCache { get; init; }

    /// <summary>Seconds of the run that its training took, and that of seeds before it; null where it was loaded, or the run went on after that.</summary>
    public double? Seconds { get; init; }

    /// <summary>The file that it was loaded from; null where it was trained here.</summary>
    public string? LoadedFrom { get; init; }
}

/// <summary>How much of a site is in use.</summary>
/// <param name="C">Its subcomponents.</param>
/// <param name="L0">Mean number of subcomponents that are in use on an input.</param>
/// <param name="Alive">Subcomponents that are in use on any input.</param>
public sealed record SiteUse([property: JsonPropertyName("C")] int C, double L0, int Alive)
{
    /// <summary>Which subcomponents are in use on any input; null where that was not kept, as in the summaries of older versions.</summary>
    [JsonConverter(typeof(NumbersOnOneLine))]
    public IReadOnlyList<int>? AliveSubcomponents { get; init; }
}

/// <summary>
/// The results of a run in short: what <c>summary.json</c> holds. Its properties are the keys of the file, in snake case and in this order.
/// </summary>
/// <remarks>The generated reader sets every property, one whose key is missing to null: that is taken for what the property has at first.</remarks>
public sealed record RunSummary
{
    private const string Unknown = "unknown";
    // One of ours has some thousand.
    private const int LargestFile = 1 << 24;

    /// <summary>The experiment's name.</summary>
    public required string Experiment { get; init; }

    /// <summary>The seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Steps taken.</summary>
    public required int Steps { get; init; }

    /// <summary>Rows of a batch.</summary>
    public int BatchSize { get; init; }

    /// <summary>Threads.</summary>
    public int Threads { get; init; }

    /// <summary>The kernel set.</summary>
    public string Kernels { get; init => field = value ?? Unknown; } = Unknown;

    /// <summary>The commit of the program.</summary>
    public string Commit { get; init => field = value ?? Unknown; } = Unknown;

    /// <summary>How it ended.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>Seconds of the run: target, training, measuring; without figures. NaN where they are not known.</summary>
    public required double WallSeconds { get; init; }

    /// <summary>Seconds of these without those that the training of the target took.</summary>
    [JsonIgnore]
    public double StepSeconds => WallSeconds - (Target.Seconds ?? 0);

    /// <summary>Seconds of these spent on writing checkpoints, since the run was begun or last went on.</summary>
    public double CheckpointSeconds { get; init; }

    /// <summary>Milliseconds of a step.</summary>
    public StepTime MsPerStep { get; init => field = value ?? StepTime.None; } = StepTime.None;

    /// <summary>Where the target came from.</summary>
    public TargetOrigin Target { get; init => field = value ?? new TargetOrigin(); } = new();

    /// <summary>
    /// The SHA-256 of the content of each file that the results rest on: the model and the target by their place in the run's folder, data by the key that names
    /// their file.
    /// </summary>
    [JsonPropertyName("sha256")]
    public IReadOnlyDictionary<string, string> Hashes { get; init => field = value ?? new Dictionary<string, string>(); } = new Dictionary<string, string>();

    /// <summary>The number of the first batch that was measured on at the end; from there the same numbers can be measured again.</summary>
    public long EvaluatedFrom { get; init; }

    /// <summary>Each loss term before its coefficient, and <c>total</c>: the final evaluation's, or else the last log line's.</summary>
    public IReadOnlyDictionary<string, double> Losses { get; init => field = value ?? new Dictionary<string, double>(); } = new Dictionary<string, double>();

    /// <summary>How much of each site is in use; none where nothing could be measured.</summary>
    public IReadOnlyDictionary<string, SiteUse> Sites { get; init => field = value ?? new Dictionary<string, SiteUse>(); } = new Dictionary<string, SiteUse>();

    /// <summary>What was measured, by the keys of <see cref="Metric"/>.</summary>
    public IReadOnlyDictionary<string, MetricValue> Metrics { get; init => field = value ?? new Dictionary<string, MetricValue>(); } = new Dictionary<string, MetricValue>();

    /// <summary>What a paper reports of the experiment, by the keys of <see cref="PublishedNumbers.Results"/>.</summary>
    public IReadOnlyDictionary<string, string>? Published { get; init; }

    /// <summary>What these numbers cannot mean, and what to do: sentences without their full stop.</summary>
    public IReadOnlyList<string> Remarks { get; init => field = value ?? []; } = [];

    /// <summary>Why it failed, where it did.</summary>
    public string? Error { get; init; }

    /// <summary>A metric's number; null where it was not measured, or is not finite.</summary>
    /// <param name="metric">The metric's key.</param>
    public double? Number(string metric) => Metrics.GetValueOrDefault(metric) is { } value && double.IsFinite(value.Number) ? value.Number : null;

    /// <summary>
    /// Whether every column of <c>linear1</c> has a subcomponent of its own; null where this was not measured. Subcomponents that no input needs are nobody's own.
    /// </summary>
    [JsonIgnore]
    public bool? IsOneToOne => Number(Metric.OneToOne) is { } value ? value == 1 && (Sites.Count == 0 || Sites.Values.Any(site => site.Alive > 0)) : null;

    /// <summary>How many features have exactly one subcomponent, in every layer where this was measured; null for other networks.</summary>
    [JsonIgnore]
    public double? FeaturesWithOne => Number(Metric.FeaturesInEveryLayer) ?? Number(Metric.Features);

    /// <summary>Subcomponents of all sites together that are in use on an input, as a mean; null where nothing could be measured.</summary>
    [JsonIgnore]
    public double? TotalL0 => Sites.Count > 0 ? Sites.Values.Sum(site => site.L0) : null;

    /// <summary>What subcomponents have an importance on: an input, or a token where inputs are sequences.</summary>
    [JsonIgnore]
    public string InputName => Metrics.ContainsKey(Metric.OfText) || Metrics.ContainsKey(Metric.OfInduction) ? "token" : "input";

    /// <summary>Reads a <c>summary.json</c>.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">It is damaged, as a clause: <c>its summary.json is …</c>.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static RunSummary Read(string path)
    {
        long length = RegularFile.Length(path);
        if (length > LargestFile) throw new InvalidDataException("its summary.json is larger than that of any run");
        if (length == 0 && File.Exists(path)) throw new InvalidDataException("its summary.json is cut short or damaged");
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), SummaryJson.Default.RunSummary)
                ?? throw new InvalidDataException("its summary.json is cut short or damaged");
        }
        catch (JsonException exception)
        {
            string place = exception.Path is null or "$" ? "" : $" at {Quoted.Bare(exception.Path.TrimStart('$', '.'))}";
            throw new InvalidDataException($"its summary.json is cut short or damaged{place}", exception);
        }
    }

    /// <summary>The text of <c>summary.json</c>. A number that is not finite is null.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, SummaryJson.Default.RunSummary) + "\n";
}

/// <summary>
/// How <c>summary.json</c> is written and read. What is there must be as it is written here, and no key may stand twice; keys that are not known are passed over,
/// since other versions of the program may write more, or less.
/// </summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Strict, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true, NewLine = "\n", Converters = [typeof(FiniteNumber), typeof(StatusNames)])]
[JsonSerializable(typeof(RunSummary))]
internal sealed partial class SummaryJson : JsonSerializerContext;

/// <summary>How a run ended, by name.</summary>
internal sealed class StatusNames() : JsonStringEnumConverter<RunStatus>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>A list of numbers, which may be hundreds, on one line of an indented file.</summary>
internal sealed class NumbersOnOneLine : JsonConverter<IReadOnlyList<int>>
{
    public override IReadOnlyList<int> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException();
        var numbers = new List<int>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            // As they are written: rising, from 0.
            bool isNext = reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int number) && number > (numbers.Count == 0 ? -1 : numbers[^1]);
            numbers.Add(isNext ? reader.GetInt32() : throw new JsonException());
        }

        return numbers;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<int> value, JsonSerializerOptions options) =>
        writer.WriteRawValue($"[{string.Join(", ", value)}]");
}
