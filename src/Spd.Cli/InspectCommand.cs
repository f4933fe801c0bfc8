using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spd.Formats;
using Spd.Networks.Transformers;
using Spd.Runs.Configuration;

namespace Spd.Cli;

/// <summary><c>spd inspect</c>: what a file of weights or of data holds. Of weights only the list is read, of data the numbers too.</summary>
internal static class InspectCommand
{
    // Numbers that are held at once, where no array alone has more.
    private const int MostAtOnce = 1 << 22;

    // What a screen is for; --json has no end.
    public const int MostRows = 500;

    private const int MostClassesShown = 20, LongestName = 60;

    public static Command Create()
    {
        var path = new Argument<string>("file")
        {
            Description = "A file of weights (safetensors, PyTorch, an index of such files) or of data, a text, a tokenizer; of one with several arrays, FILE:NAME is one. Or the folder of a language model, or hub:owner/name[@revision].",
        };
        var json = new Option<bool>("--json") { Description = "Print everything as JSON, names whole." };
        var command = new Command(
            "inspect", "List what a file of weights or data holds: names, shapes, types, bytes; of data the smallest and largest numbers and the classes; of a language model its shape, its tokenizer, its linear maps; how long a text is; how large a tokenizer.")
        {
            path, json,
        };
        command.SetAction(parsed =>
        {
            string given = Catalog.ModelAt(parsed.GetValue(path)!);
            if (TransformerFiles.IsFolder(given)) return InspectedModel.Show(given, parsed.GetValue(json));
            if (InspectedText.Of(given) is { } read) return read.Show(parsed.GetValue(json));
            var content = Read(given);
            if (parsed.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(content, InspectJson.Default.InspectedFile));
            else Write(content);
            return CommandLine.Success;
        });
        return command;
    }

    private static InspectedFile Read(string path)
    {
        string file = ArrayFile.FileOf(path);
        if (WeightFile.WhyNone(file) is { } reason) throw new ConfigException($"{Quoted.Path(path)} cannot be listed: {reason}");
        if (WeightFile.HasUsualName(file) || (Path.GetExtension(file) == ".gz" && WeightFile.HasUsualName(file[..^3]))) return ReadWeights(path);
        try
        {
            return ReadArrays(path, file);
        }
        catch (FileContentException notArrays) when (file == path)
        {
            // Weights may have any name. Where it is neither, data are the likelier.
            try
            {
                return ReadWeights(path);
            }
            catch (FileContentException)
            {
                throw notArrays;
            }
        }
    }

    private static InspectedFile ReadWeights(string path)
    {
        using var file = WeightFile.Open(path);
        return new InspectedFile(path, file.Format, RegularFile.Length(path), [.. file.Tensors.Select(Listed)])
        {
            Metadata = file.Metadata.Count > 0 ? file.Metadata : null,
            Shards = file.Files.Count == 0 ? null : [.. file.Files.Select(Shard)],
            Notes = file.Notes,
        };
    }

    private static InspectedShard Shard(WeightFile file) => new(Path.GetFileName(file.Path), file.Tensors.Count, RegularFile.Length(file.Path));

    private static InspectedFile ReadArrays(string path, string file)
    {
        using var arrays = ArrayFile.Open(path);
        var chosen = file == path ? arrays.Arrays : [arrays.Choose()];
        var measured = Together(chosen).SelectMany(some => Measured(some, arrays)).ToList();
        return new InspectedFile(path, arrays.Format, RegularFile.Length(file), measured) { Notes = arrays.Notes };
    }

    private static InspectedTensor Listed(TensorInfo tensor) =>
        new(tensor.Name, tensor.Shape, tensor.Type, tensor.Bytes) { Unreadable = tensor.Unreadable };

    /// <summary>The arrays in their order, as many at once as take little memory: a table is read in few passes so, a large array alone.</summary>
    private static IEnumerable<List<TensorInfo>> Together(IEnumerable<TensorInfo> arrays)
    {
        var some = new List<TensorInfo>();
        long numbers = 0;
        foreach (var array in arrays)
        {
            long own = array.Unreadable is null ? array.Shape.Aggregate(1L, (count, size) => count * size) : 0;
            if (some.Count > 0 && numbers + own > MostAtOnce)
            {
                yield return some;
                (some, numbers) = ([], 0);
            }

            some.Add(array);
            numbers += own;
        }

        if (some.Count > 0) yield return some;
    }

    private static IEnumerable<InspectedTensor> Measured(List<TensorInfo> arrays, ArrayFile file)
    {
        IReadOnlyList<float[]> values;
        try
        {
            values = file.ReadValues([.. arrays.Where(array => array.Unreadable is null)]);
        }
        catch (FileContentException exception)
        {
            // One column that has no value somewhere hides nothing of the others.
            return arrays.Count == 1 ? [Listed(arrays[0]) with { Unreadable = exception.Message }] : arrays.SelectMany(array => Measured([array], file));
        }

        int at = 0;
        return [.. arrays.Select(array => array.Unreadable is null ? Measured(array, values[at++]) : Listed(array))];
    }

    private static InspectedTensor Measured(TensorInfo array, float[] values)
    {
        var listed = Listed(array);
        float min = float.PositiveInfinity, max = float.NegativeInfinity;
        long odd = 0;
        foreach (float value in values)
        {
            if (float.IsFinite(value)) (min, max) = (Math.Min(min, value), Math.Max(max, value));
            else odd++;
        }

        listed = listed with { NotFinite = odd };
        return min > max ? listed : listed with { Min = min, Max = max, Classes = odd == 0 ? ClassesOf(array.Shape, values) : null };
    }

    /// <summary>How often each number stands in what may be labels: one whole number for each row, and far fewer of them than rows.</summary>
    private static List<InspectedClass>? ClassesOf(IReadOnlyList<int> shape, float[] values)
    {
        const int MostClasses = 1000;
        if (shape is not ([_] or [_, 1]) || Array.Exists(values, value => value != MathF.Truncate(value))) return null;
        var counts = new Dictionary<float, long>();
        foreach (float value in values)
        {
            counts[value] = counts.GetValueOrDefault(value) + 1;
            if (counts.Count > MostClasses) return null;
        }

        if (2 * counts.Count > values.Length) return null;
        return [.. counts.OrderBy(entry => entry.Key).Select(entry => new InspectedClass(entry.Key, entry.Value))];
    }

    private static void Write(InspectedFile content)
    {
        string tensors = content.IsData ? Counted(content.Tensors.Count, "array", "arrays") : Counted(content.Tensors.Count, "tensor", "tensors");
        Screen.WriteLine($"{content.File}: {content.Format}, {tensors}, {Screen.Whole(content.Bytes)} bytes");
        if (content.Shards is { } shards)
        {
            var files = new Sheet(new("file"), new("tensors", IsNumber: true), new("bytes", IsNumber: true));
            foreach (var shard in shards) files.Add(Name(shard.File), Screen.Whole(shard.Tensors), Screen.Whole(shard.Bytes));
            Screen.Write(files);
        }

        Screen.Write(TableOf(content));
        if (content.Tensors.Count > MostRows) Screen.WriteLine($"… and {Screen.Whole(content.Tensors.Count - MostRows)} more; --json lists all.");
        foreach (var array in content.Tensors.Take(MostRows).Where(array => array.Classes is not null)) Screen.WriteLine(ClassLine(array));
        foreach (var (key, text) in content.Metadata?.Take(MostRows) ?? []) Screen.WriteLine($"{Quoted.Bare(key)}: {Quoted.Bare(text)}");
        foreach (string note in content.Notes) Screen.WriteLine(note);
    }

    private static Sheet TableOf(InspectedFile content)
    {
        bool hasReasons = content.Tensors.Any(tensor => tensor.Unreadable is not null), hasOdd = content.Tensors.Any(tensor => tensor.NotFinite > 0);
        var table = new Sheet(
        [
            new("name"), new("shape"), new("type") { Spare = 1 }, new("bytes", IsNumber: true) { Spare = 2 },
            .. content.IsData ? [new("min", IsNumber: true), new("max", IsNumber: true)] : Array.Empty<Column>(),
            .. hasOdd ? [new("not finite", IsNumber: true)] : Array.Empty<Column>(),
            .. hasReasons ? [new("not read") { Wraps = true }] : Array.Empty<Column>(),
        ]);
        foreach (var tensor in content.Tensors.Take(MostRows))
        {
            List<string> cells = [$"[{string.Join(", ", tensor.Shape)}]", tensor.Type, tensor.Bytes is { } bytes ? Screen.Whole(bytes) : ""];
            if (content.IsData) cells.AddRange([Number(tensor.Min), Number(tensor.Max)]);
            if (hasOdd) cells.Add(tensor.NotFinite is { } count ? Screen.Whole(count) : "");
            if (hasReasons) cells.Add(tensor.Unreadable ?? "");
            table.Add([Name(tensor.Name), .. cells]);
        }

        return table;
    }

    private static string ClassLine(InspectedTensor array)
    {
        string shown = string.Join(", ", array.Classes!.Take(MostClassesShown).Select(one => $"{Number(one.Value)} ({Screen.Whole(one.Count)})"));
        string more = array.Classes!.Count > MostClassesShown ? $" … and {array.Classes.Count - MostClassesShown} more" : "";
        return $"{Quoted.Bare(array.Name)} has {Counted(array.Classes.Count, "class", "classes")}, each with its count: {shown}{more}";
    }

    // Its end says most.
    private static string Name(string name) => name.Length <= LongestName ? name : $"…{name[^LongestName..]}";

    private static string Counted(int count, string one, string many) => $"{Screen.Whole(count)} {(count == 1 ? one : many)}";

    private static string Number(float? value) => value is { } number ? number.ToString("G6", CultureInfo.InvariantCulture) : "";
}

/// <summary>What a file holds, as <c>spd inspect --json</c> writes it.</summary>
/// <param name="File">The path, as it was given.</param>
/// <param name="Format">What it is, in words.</param>
/// <param name="Bytes">Bytes of the file; of an index, of the index alone.</param>
/// <param name="Tensors">The tensors or arrays, in the file's order.</param>
internal sealed record InspectedFile(string File, string Format, long Bytes, IReadOnlyList<InspectedTensor> Tensors)
{
    /// <summary>The texts that stand in it by their keys.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>The files of an index.</summary>
    public IReadOnlyList<InspectedShard>? Shards { get; init; }

    /// <summary>What else is to be said, a sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Whether numbers were read.</summary>
    [JsonIgnore]
    public bool IsData => Tensors.Any(tensor => tensor.NotFinite is not null);
}

/// <summary>A tensor or an array.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Type">The type of its numbers, as the file calls it.</param>
/// <param name="Bytes">Bytes of its numbers; null where the type's size is not known.</param>
internal sealed record InspectedTensor(string Name, IReadOnlyList<int> Shape, string Type, long? Bytes)
{
    /// <summary>Why its numbers are not read.</summary>
    public string? Unreadable { get; init; }

    /// <summary>The least of its finite numbers, where they were read.</summary>
    public float? Min { get; init; }

    /// <summary>The largest of them.</summary>
    public float? Max { get; init; }

    /// <summary>How many of its numbers are infinite or not a number, where they were read.</summary>
    public long? NotFinite { get; init; }

    /// <summary>Where it may be labels, how often each stands in it.</summary>
    public IReadOnlyList<InspectedClass>? Classes { get; init; }
}

/// <summary>A class of labels and how many rows are of it.</summary>
internal sealed record InspectedClass(float Value, long Count);

/// <summary>A file of a model in many.</summary>
internal sealed record InspectedShard(string File, int Tensors, long Bytes);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true, NewLine = "\n")]
[JsonSerializable(typeof(InspectedFile))]
[JsonSerializable(typeof(InspectedModel))]
[JsonSerializable(typeof(InspectedText))]
internal sealed partial class InspectJson : JsonSerializerContext;
