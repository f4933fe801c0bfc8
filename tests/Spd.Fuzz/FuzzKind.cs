using System.Globalization;
using System.Text;
using Spd.Formats;
using Spd.Fuzz.Kinds;

namespace Spd.Fuzz;

/// <summary>Something that the program promises of every file and that a mutant broke.</summary>
public sealed class BrokenPromiseException : Exception
{
    /// <summary>An exception with its sentence.</summary>
    /// <param name="message">What was broken, in the same words each time.</param>
    /// <param name="detail">What else there is to say.</param>
    public BrokenPromiseException(string message, string detail = "") : base(message) => Detail = detail;

    /// <summary>What else there is to say.</summary>
    public string Detail { get; }
}

/// <summary>A kind of file, with good files of it, and how they are read. Each works in a temporary folder of its own.</summary>
/// <param name="name">What the command line calls it.</param>
public abstract class FuzzKind(string name) : IDisposable
{
    // A sentence of ours names ten things at most, each of a hundred letters, and a path.
    private const int LongestMessage = 4000;

    private Sample[]? corpus;

    /// <summary>All kinds by name.</summary>
    public static IReadOnlyDictionary<string, Func<FuzzKind>> All { get; } = new Func<FuzzKind>[]
    {
        () => new SafetensorsKind(), () => new TorchKind(), () => new OldTorchKind(), () => new Llama2cKind(), () => new NumpyArchiveKind(), () => new NumpyKind(),
        () => new IdxKind(), () => new CsvKind(), () => new ParquetKind(), () => new IndexKind(), () => new MetricsKind(), () => new YamlKind(), () => new OverrideKind(),
        () => new SummaryKind(), () => new CheckpointKind(), () => new RunFolderKind(), () => new TextKind(), () => new TokenCacheKind(),
        () => new TransformerKind(), () => new TokenizerKind(),
    }.ToDictionary(NameOf);

    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>The good files that mutants are made of; those whose names begin with <c>refused</c> are good for that only.</summary>
    public IReadOnlyList<Sample> Corpus => corpus ??= [.. MakeCorpus()];

    /// <summary>A temporary folder.</summary>
    protected string Folder { get; } = Directory.CreateTempSubdirectory("spd-fuzz-").FullName;

    /// <summary>What means something in files of this kind.</summary>
    protected abstract IReadOnlyList<byte[]> Words { get; }

    /// <summary>The most bytes that reading a file may allocate: 4 MiB, and 64 for each of its own, unless the kind says why it is more.</summary>
    /// <param name="length">Bytes of the file.</param>
    public virtual long AllocationLimit(long length) => (4L << 20) + 64 * length;

    /// <summary>Whether an exception is documented as what refuses a file.</summary>
    public virtual bool IsRefusal(Exception exception) => exception is FileContentException;

    /// <summary>Makes a mutant.</summary>
    public virtual Sample Mutate(Mutator mutator)
    {
        var sample = mutator.OneOf(Corpus);
        return sample with { Bytes = Mutate(mutator, sample) };
    }

    /// <summary>Reads a file in every way that the program has; what is thrown is judged by who calls.</summary>
    public virtual void Try(Sample sample) => Read(Place(sample));

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes sure that a sentence for the user is one: on one line, of a length that can be read, and without what moves a cursor.</summary>
    /// <exception cref="BrokenPromiseException">It is not.</exception>
    public static void CheckSentence(string sentence)
    {
        int unfit = sentence.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0 ? -1 : sentence.ToList().FindIndex(IsUnfit);
        if (unfit >= 0) throw new BrokenPromiseException($"a message has the character U+{(int)sentence[unfit]:X4}", sentence);
        if (sentence.Length > LongestMessage) throw new BrokenPromiseException($"a message has more than {LongestMessage} letters", sentence);
        if (sentence.Contains("could not be read", StringComparison.OrdinalIgnoreCase))
            throw new BrokenPromiseException("a message says of content that the file could not be read", sentence);
        if (string.IsNullOrWhiteSpace(sentence)) throw new BrokenPromiseException("a message is empty");
    }

    /// <summary>The files that mutants are made of.</summary>
    protected abstract IEnumerable<Sample> MakeCorpus();

    /// <summary>Reads a file that lies in its place.</summary>
    protected abstract void Read(string path);

    /// <summary>Writes a file to its place below the folder.</summary>
    /// <returns>Its path.</returns>
    protected string Place(Sample sample)
    {
        string path = Path.Combine(Folder, sample.Name);
        File.WriteAllBytes(path, sample.Bytes);
        return path;
    }

    /// <summary>Removes what was made.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing && Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Other bytes for a file of the corpus.</summary>
    protected virtual byte[] Mutate(Mutator mutator, Sample sample) => mutator.Mutate(sample.Bytes, [.. Corpus.Select(other => other.Bytes)], Words);

    /// <summary>Does several things, each of which may be refused without keeping the others from being tried; then throws the first refusal.</summary>
    protected void TryEach(params IEnumerable<Action> actions)
    {
        Exception? first = null;
        foreach (var action in actions)
        {
            try
            {
                action();
            }
            catch (Exception exception) when (IsRefusal(exception))
            {
                CheckSentence(exception.Message);
                first ??= exception;
            }
        }

        if (first is not null) throw first;
    }

    /// <summary>Lists a file of weights, and reads every tensor that can be.</summary>
    protected void ReadWeights(string path)
    {
        using var file = WeightFile.Open(path);
        foreach (string note in file.Notes) CheckSentence(note);
        TryEach(file.Tensors.Select<TensorInfo, Action>(tensor => () =>
        {
            if (tensor.Unreadable is { } reason) CheckSentence(reason);
            var read = file.Read(tensor.Name);
            RequireCount(read.Shape, read.Values);
        }));
    }

    /// <summary>Lists a file of arrays, and reads the one that the path chooses.</summary>
    internal static void ReadArray(string path)
    {
        using var file = ArrayFile.Open(path);
        foreach (string said in file.Notes.Concat(file.Arrays.Select(array => array.Unreadable).OfType<string>())) CheckSentence(said);
        var chosen = file.Choose();
        RequireCount(chosen.Shape, file.ReadValues());
    }

    private static void RequireCount(IReadOnlyList<int> shape, float[] values)
    {
        if (values.LongLength != shape.Aggregate(1L, (count, size) => count * size))
            throw new BrokenPromiseException("an array has another number of values than its shape says");
    }

    /// <summary>Words of UTF-8.</summary>
    protected static IReadOnlyList<byte[]> Texts(params IEnumerable<string> words) => [.. words.Select(Encoding.UTF8.GetBytes)];

    private static bool IsUnfit(char letter) => char.GetUnicodeCategory(letter) is UnicodeCategory.Control or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Format && letter is not ('\u200c' or '\u200d');

    private static string NameOf(Func<FuzzKind> make)
    {
        using var kind = make();
        return kind.Name;
    }
}
