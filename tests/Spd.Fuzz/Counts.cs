using System.Globalization;
using System.IO.MemoryMappedFiles;

namespace Spd.Fuzz;

/// <summary>What became of the mutants of a kind, in a file that is mapped into memory: what a program that crashes has counted is there to be read.</summary>
internal sealed class Counts : IDisposable
{
    private const int Fields = 9;

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;

    /// <summary>Opens the counts of a file, or begins them.</summary>
    public Counts(string path)
    {
        _map = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, Fields * sizeof(long));
        _view = _map.CreateViewAccessor(0, Fields * sizeof(long));
    }

    /// <summary>The mutant that is being read, or will be next.</summary>
    public long Number { get => this[0]; set => this[0] = value; }

    /// <summary>Mutants that were read without an error.</summary>
    public long Accepted { get => this[1]; set => this[1] = value; }

    /// <summary>Mutants that were refused.</summary>
    public long Refused { get => this[2]; set => this[2] = value; }

    /// <summary>Mutants with which something else happened.</summary>
    public long Findings { get => this[3]; set => this[3] = value; }

    /// <summary>All mutants.</summary>
    public long Mutants => Accepted + Refused + Findings;

    private long this[int field]
    {
        get => _view.ReadInt64(field * sizeof(long));
        set => _view.Write(field * sizeof(long), value);
    }

    /// <summary>Counts a mutant, which is the one of <see cref="Number"/>.</summary>
    public void Add(Trial trial)
    {
        this[1 + (int)trial.Outcome]++;
        if (trial.Time.Ticks > this[4]) (this[4], this[5]) = (trial.Time.Ticks, Number);
        if (trial.Allocated > this[6]) (this[6], this[7]) = (trial.Allocated, Number);
    }

    /// <summary>A line of the table, below <see cref="TableHead"/>.</summary>
    public string Line(string kind) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {kind} | {Mutants:N0} | {Accepted:N0} | {Refused:N0} | {Findings:N0} | {TimeSpan.FromTicks(this[4]).TotalMilliseconds:F0} ms (number {this[5]}) "
        + $"| {this[6] / 1024.0:N0} KiB (number {this[7]}) |");

    /// <summary>The head of a table in Markdown.</summary>
    public const string TableHead =
        "| kind | mutants | accepted | refused | findings | slowest, processor time | largest allocation |\n|---|---|---|---|---|---|---|";

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.Dispose();
        _map.Dispose();
    }
}
