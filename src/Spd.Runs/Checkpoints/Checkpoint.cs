using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Spd.Formats;

namespace Spd.Runs.Checkpoints;

/// <summary>Where a checkpoint was taken.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="EvaluatedBatches">Batches that had been drawn to measure on.</param>
/// <param name="LogLines">Lines of the log that belong to it.</param>
/// <param name="Steps">Steps of the run as it was planned.</param>
/// <param name="Kernels">The kernels that computed it; others round otherwise.</param>
public sealed record CheckpointPosition(int Step, long EvaluatedBatches, int LogLines, int Steps, string Kernels)
{
    /// <summary>What to tell where other kernels go on, as a sentence without its full stop; null where it is the same ones.</summary>
    public string? RemarkOn(string kernels) => Kernels == kernels ? null
        : $"its steps were taken with {Kernels} kernels and the next ones with {kernels}, which round otherwise: "
          + "the result will be as good as that of a run that never stopped, but not the same to the bit";
}

/// <summary>
/// All that a training needs to go on as if it had never stopped, as a safetensors file: the values of every parameter and what its optimiser keeps for it,
/// and in the metadata the step. Random numbers are drawn by seed, step and purpose, so that their streams stand where the step says.
/// </summary>
/// <remarks>
/// Each has a SHA-256 of the whole file, taken with zeros in the place of the checksum, so that no byte can change without being noticed, and says what
/// the run means that it belongs to.
/// </remarks>
public sealed class Checkpoint
{
    private const string Format = "spd checkpoint 2";
    private const string FormatKey = "format", HashKey = "sha256", MeaningKey = "meaning";
    private const string StepKey = "step", EvaluatedKey = "evaluated_batches", LinesKey = "log_lines", StepsKey = "steps", KernelsKey = "kernels";
    private const int HashLength = 64;
    private const long LargestHeader = 1 << 24;

    private readonly string _path;
    private readonly IReadOnlyDictionary<string, float[]> _tensors;

    private Checkpoint(string path, CheckpointPosition position, RunMeaning meaning, IReadOnlyDictionary<string, float[]> tensors) =>
        (_path, Position, Meaning, _tensors) = (path, position, meaning, tensors);

    /// <summary>The file's name.</summary>
    public string Name => Path.GetFileName(_path);

    /// <summary>Where it was taken.</summary>
    public CheckpointPosition Position { get; }

    /// <summary>What the run computes that it belongs to.</summary>
    public RunMeaning Meaning { get; }

    /// <summary>The file of a step.</summary>
    public static string PathOf(string folder, int step) => Path.Combine(folder, $"step-{step:D8}.safetensors");

    /// <summary>The checkpoints of a folder, newest first; none where there is no folder.</summary>
    public static IReadOnlyList<string> Newest(string folder) => !Directory.Exists(folder) ? [] :
        [.. Directory.GetFiles(folder, "step-*.safetensors").Where(path => StepOf(path) is not null).OrderByDescending(StepOf)];

    /// <summary>Writes a checkpoint, whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="state">All that the training goes on from, by name.</param>
    /// <param name="position">Where the training stands.</param>
    /// <param name="meaning">What the run computes.</param>
    /// <exception cref="IOException">The file cannot be written; older ones are untouched.</exception>
    public static void Save(string path, IReadOnlyList<(string Name, Memory<float> Values)> state, CheckpointPosition position, RunMeaning meaning)
    {
        var tensors = state.Select(array => new TensorData(array.Name, [array.Values.Length], array.Values.ToArray())).ToList();
        var metadata = new Dictionary<string, string>
        {
            [FormatKey] = Format,
            [HashKey] = new('0', HashLength),
            [MeaningKey] = meaning.ToJson(),
            [StepKey] = Text(position.Step),
            [EvaluatedKey] = Text(position.EvaluatedBatches),
            [LinesKey] = Text(position.LogLines),
            [StepsKey] = Text(position.Steps),
            [KernelsKey] = position.Kernels,
        };
        using (var hash = SHA256.Create())
        {
            using (var hashing = new CryptoStream(Stream.Null, hash, CryptoStreamMode.Write)) Safetensors.Write(hashing, tensors, metadata);
            metadata[HashKey] = Convert.ToHexStringLower(hash.Hash!);
        }

        AtomicFile.Write(path, stream => Safetensors.Write(stream, tensors, metadata));

        static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Reads a checkpoint.</summary>
    /// <exception cref="FileContentException">The file is damaged, or of another version.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Checkpoint Read(string path)
    {
        CheckHash(path);
        var file = Safetensors.Read(path);
        string? format = file.Metadata.GetValueOrDefault(FormatKey);
        if (format != Format)
        {
            throw Refused(path, $"it is of {(format == "spd checkpoint 1" ? "an earlier" : "another")} version of this program, "
                + "whose checkpoints do not say what the run computes");
        }

        var meaning = RunMeaning.FromJson(file.Metadata.GetValueOrDefault(MeaningKey)) ?? throw Refused(path, "it does not say what the run computes");
        var position = new CheckpointPosition((int)Number(StepKey), Number(EvaluatedKey), (int)Number(LinesKey), (int)Number(StepsKey), file.Metadata.GetValueOrDefault(KernelsKey) ?? "unknown");
        return new Checkpoint(path, position, meaning, file.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Values));

        long Number(string key) => long.TryParse(file.Metadata.GetValueOrDefault(key), CultureInfo.InvariantCulture, out long number) && number >= 0
            ? number
            : throw Refused(path, $"its {key} is no number");
    }

    /// <summary>The newest checkpoint of a folder that is whole, and those that are newer and damaged.</summary>
    /// <returns>Null where none is whole.</returns>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static (Checkpoint? Found, IReadOnlyList<(string Path, string Reason)> Damaged) NewestWhole(string folder)
    {
        var damaged = new List<(string Path, string Reason)>();
        foreach (string path in Newest(folder))
        {
            try
            {
                return (Read(path), damaged);
            }
            catch (FileContentException exception)
            {
                damaged.Add((path, exception.Message));
            }
        }

        return (null, damaged);
    }

    /// <summary>Writes it into a training, all of it or nothing.</summary>
    /// <param name="state">What the training goes on from, by name; it is written.</param>
    /// <exception cref="FileContentException">It is of another network; nothing is changed.</exception>
    public void Restore(IReadOnlyList<(string Name, Memory<float> Values)> state)
    {
        foreach (var (name, values) in state)
        {
            if (_tensors.GetValueOrDefault(name)?.Length != values.Length)
                throw Refused(_path, $"it does not hold {values.Length} values of {name}");
        }

        if (state.Count != _tensors.Count) throw Refused(_path, $"it holds {_tensors.Count} tensors, but this run has {state.Count}");
        foreach (var (name, values) in state) _tensors[name].CopyTo(values);
    }

    /// <summary>Removes checkpoints up to the one just written, except it, the newest before it, and every so many-th.</summary>
    /// <remarks>One of a later step is not of this training: it was refused, or is yet to be written over. It neither goes nor counts.</remarks>
    /// <param name="folder">The folder.</param>
    /// <param name="step">The step of the one just written.</param>
    /// <param name="frequency">Steps between two of them.</param>
    /// <param name="keepEvery">Every how many one is kept; null for none.</param>
    public static void Prune(string folder, int step, int frequency, int? keepEvery)
    {
        foreach (string path in Newest(folder).Where(path => StepOf(path) <= step).Skip(2))
        {
            bool isKept = keepEvery is { } every && StepOf(path) % ((long)frequency * every) == 0;
            if (!isKept) File.Delete(path);
        }
    }

    /// <summary>Gives a damaged checkpoint another name, so that it is never taken for a good one again.</summary>
    /// <exception cref="IOException">It cannot be renamed.</exception>
    public static void SetAside(string path) => File.Move(path, $"{path}.damaged", overwrite: true);

    /// <summary>The step of a file, by its name; null where it has none.</summary>
    public static int? StepOf(string path) =>
        int.TryParse(Path.GetFileNameWithoutExtension(path)["step-".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : null;

    private static void CheckHash(string path)
    {
        const string NoHash = "it has no checksum: it is cut short, damaged, or no checkpoint";
        if (File.Exists(path) && !RegularFile.HasContent(path)) throw Refused(path, NoHash);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        byte[] head = new byte[Math.Min(stream.Length, LargestHeader)];
        stream.ReadExactly(head);
        byte[] key = Encoding.UTF8.GetBytes($"\"{HashKey}\":\"");
        int at = head.AsSpan().IndexOf(key);
        if (at < 0 || at + key.Length + HashLength > head.Length) throw Refused(path, NoHash);
        var place = head.AsSpan(at + key.Length, HashLength);
        string told = Encoding.ASCII.GetString(place);
        place.Fill((byte)'0');
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(head);
        byte[] buffer = new byte[1 << 20];
        for (int read; (read = stream.Read(buffer)) > 0;) hash.AppendData(buffer.AsSpan(0, read));
        if (Convert.ToHexStringLower(hash.GetHashAndReset()) != told) throw Refused(path, "its content does not fit its checksum: it is cut short or damaged");
    }

    private static FileContentException Refused(string path, string reason) => new($"the checkpoint '{path}' cannot be used: {reason}");
}
