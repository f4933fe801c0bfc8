using Spd.Formats;

namespace Spd.Runs.Targets;

/// <summary>
/// The tensors of a weight file that a network is made of, found by their names, and those that the file holds besides. A name is looked for as it is; where
/// the file has all of them below something else (<c>model.</c>, <c>state_dict.net.</c>), or as wrappers call them, they are taken from there, and a note says so.
/// </summary>
internal sealed class TargetTensors : IDisposable
{
    private const int MostNamesInNotes = 5;

    // What DataParallel and torch.compile put into the names of what they wrap.
    private static readonly string[] Wrappers = ["module", "_orig_mod"];

    private readonly WeightFile _file;
    private readonly List<string> _notes = [];

    private TargetTensors(WeightFile file, IReadOnlyList<string> names, IReadOnlyList<string> optional, string prefix, IReadOnlyList<string> ignore, string advice)
    {
        _file = file;
        if (names.FirstOrDefault(name => ignore.Any(pattern => TensorNames.Matches(pattern, prefix + name))) is { } contradicted)
            throw new FileContentException($"{Quoted.Path(file.Path)}: {Quoted.Of(prefix + contradicted)} is a part of the network, but is to be ignored too");
        var seen = file.Tensors.Where(tensor => !ignore.Any(pattern => TensorNames.Matches(pattern, tensor.Name))).ToList();
        if (ignore.FirstOrDefault(pattern => !file.Tensors.Any(tensor => TensorNames.Matches(pattern, tensor.Name))) is { } idle)
            _notes.Add($"{Quoted.Path(file.Path)} holds nothing that is to be ignored as {Quoted.Of(idle)}");

        var byName = seen.ToDictionary(tensor => tensor.Name);
        string before = prefix;
        var found = new Dictionary<string, TensorInfo>();
        if (names.All(name => byName.ContainsKey(prefix + name)))
        {
            foreach (string name in names.Concat(optional))
                if (byName.TryGetValue(prefix + name, out var tensor)) found[name] = tensor;
        }
        else
        {
            var byPlainName = seen.ToLookup(tensor => WithoutWrappers(tensor.Name));
            before = Find(file.Path, [.. names.Select(name => prefix + name)], byName, byPlainName, advice);
            foreach (string name in names.Concat(optional))
                if (byPlainName[before + WithoutWrappers(prefix + name)].ToList() is [var tensor]) found[name] = tensor;
            before += WithoutWrappers(prefix);
            var dropped = names.SelectMany(name => Dropped(prefix + name, found[name].Name)).Distinct().ToList();
            _notes.Add($"the names in {Quoted.Path(file.Path)} are read without {Quoted.List(dropped)}");
        }

        Found = found;
        var used = found.Values.ToHashSet();
        Others =
        [
            .. from tensor in seen
               where !used.Contains(tensor)
               let plain = WithoutWrappers(tensor.Name)
               let isInside = plain.StartsWith(before, StringComparison.Ordinal)
               select new OtherTensor(isInside ? plain[before.Length..] : plain, isInside, tensor),
        ];
        _notes.AddRange(file.Notes.Select(note => $"{Quoted.Path(file.Path)}: {note}"));
    }

    /// <summary>The network's tensors by the names that were asked for.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Found { get; }

    /// <summary>What the file holds besides, but for what is to be ignored.</summary>
    public IReadOnlyList<OtherTensor> Others { get; }

    /// <summary>What the user should know of how the tensors were found.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="names">The names that it must have.</param>
    /// <param name="advice">What to do where it has them not, as a clause.</param>
    /// <param name="optional">Names that it may have.</param>
    /// <param name="prefix">What stands before the names in the file.</param>
    /// <param name="ignore">Patterns (<c>*</c> is any text) of names that are treated as if the file had them not.</param>
    /// <exception cref="FileContentException">The file is damaged, or has not all of the names.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static TargetTensors Open(
        string path, IReadOnlyList<string> names, string advice, IReadOnlyList<string>? optional = null, string prefix = "", IReadOnlyList<string>? ignore = null)
    {
        var file = WeightFile.Open(path);
        try
        {
            return new TargetTensors(file, names, optional ?? [], prefix, ignore ?? [], advice);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor that was found; its name is the file's.</summary>
    public TensorData Read(string name) => Read(Found[name]);

    /// <summary>Reads any tensor of the file.</summary>
    public TensorData Read(TensorInfo tensor) => _file.Read(tensor.Name);

    /// <summary>A sentence about tensors that are not used.</summary>
    /// <param name="unused">The tensors.</param>
    /// <param name="isSuspect">Whether the network might need a tensor, which is named then.</param>
    /// <param name="remedy">What to do about one that it needs.</param>
    public IEnumerable<string> UnusedNote(IEnumerable<OtherTensor> unused, Func<OtherTensor, bool>? isSuspect = null, string remedy = "")
    {
        var names = unused.Select(other => other.Tensor.Name).ToList();
        if (names.Count == 0) yield break;
        string note = $"{Quoted.Path(_file.Path)} also holds {(names.Count == 1 ? "1 tensor that is" : $"{names.Count} tensors that are")} not used: {Quoted.List(names, MostNamesInNotes)}";
        var suspects = isSuspect is null ? [] : unused.Where(isSuspect).Select(other => other.Tensor.Name).ToList();
        yield return suspects.Count == 0
            ? note
            : $"{note}; {Quoted.List(suspects, MostNamesInNotes)} {(suspects.Count == 1 ? "has" : "have")} the shape of a weight or bias of the network: {remedy}";
    }

    public void Dispose() => _file.Dispose();

    /// <summary>What stands before all the names in the file, when wrappers are left out: nothing where they are there without.</summary>
    private static string Find(
        string path, IReadOnlyList<string> names, Dictionary<string, TensorInfo> byName, ILookup<string, TensorInfo> byPlainName, string advice)
    {
        var plain = names.Select(WithoutWrappers).ToList();
        var places = byPlainName
            .Where(group => group.Key.EndsWith(plain[0], StringComparison.Ordinal))
            .Select(group => group.Key[..^plain[0].Length])
            .Where(before => before.Length == 0 || before.EndsWith('.'))
            .Where(before => plain.TrueForAll(name => byPlainName[before + name].Count() == 1))
            .ToList();
        if (plain.Distinct().Count() == plain.Count)
        {
            if (places.Contains("")) return "";
            if (places is [var only]) return only;
            if (places.Count > 1)
            {
                throw new FileContentException(
                    $"{Quoted.Path(path)} holds these names several times, below {Quoted.List(places)}: say which is meant (target.mlp.prefix), or leave the others out of the file");
            }
        }

        string missing = names.FirstOrDefault(name => !byName.ContainsKey(name) && !byPlainName.Contains(WithoutWrappers(name)))
            ?? names.First(name => !byName.ContainsKey(name));
        // Those that end as the missing one does come first: a file may hold thousands of other things.
        string end = missing[(missing.LastIndexOf('.') + 1)..];
        throw new FileContentException(
            $"{Quoted.Path(path)} holds no {Quoted.Of(missing)}; it holds "
            + $"{Quoted.List([.. byName.Keys.OrderByDescending(name => name.EndsWith(end, StringComparison.Ordinal))])}: {advice}");
    }

    private static string WithoutWrappers(string name) =>
        Array.Exists(Wrappers, wrapper => name.Contains(wrapper, StringComparison.Ordinal))
            ? string.Join('.', name.Split('.').Where(part => !Wrappers.Contains(part)))
            : name;

    private static IEnumerable<string> Dropped(string asked, string found) => found.EndsWith(asked, StringComparison.Ordinal)
        ? found.Length == asked.Length ? [] : [found[..^asked.Length]]
        : found.Split('.').Where(Wrappers.Contains).Select(wrapper => $"{wrapper}.");

    /// <summary>A tensor that was not asked for.</summary>
    /// <param name="Name">Its name as the network would have it, without what stands before the network's names.</param>
    /// <param name="IsInside">Whether it lies where the network's tensors do.</param>
    /// <param name="Tensor">The tensor.</param>
    public sealed record OtherTensor(string Name, bool IsInside, TensorInfo Tensor)
    {
        /// <inheritdoc cref="TensorNames.MightBeParameter"/>
        public bool MightBeParameter => TensorNames.MightBeParameter(Tensor);
    }
}
