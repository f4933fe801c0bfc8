using Spd.Formats;
using Spd.Runs.Configuration;
using Spd.Text;

namespace Spd.Runs;

/// <summary>An experiment that the program ships.</summary>
/// <param name="Name">Its name: the file's without the ending.</param>
/// <param name="Path">Its file.</param>
public sealed record CatalogEntry(string Name, string Path)
{
    /// <summary>One line about it, read from its file.</summary>
    /// <exception cref="ConfigException">The file is no valid YAML.</exception>
    public string Description => ConfigReader.ReadFile(Path).Find("description") is ConfigScalar { IsNull: false } text ? text.Text : "";

    /// <summary>What it holds; messages call it by its name, since its file lies where the program does.</summary>
    internal ConfigMap Read() => ConfigReader.ReadFile(Path, $"experiment {Quoted.Of(Name)}");
}

/// <summary>The shipped experiments: the <c>*.yaml</c> files of a folder.</summary>
public sealed class ExperimentCatalog
{
    /// <summary>The experiments of a folder; none when there is no such folder.</summary>
    public ExperimentCatalog(string folder) =>
        Entries = !Directory.Exists(folder)
            ? []
            : [.. from path in Directory.EnumerateFiles(folder, "*.yaml")
                  let name = System.IO.Path.GetFileNameWithoutExtension(path)
                  orderby name
                  select new CatalogEntry(name, path)];

    /// <summary>The experiments, by name.</summary>
    public IReadOnlyList<CatalogEntry> Entries { get; }

    /// <summary>The methods besides SPD that a configuration may name.</summary>
    public IReadOnlyList<Method> Methods { get; init; } = [];

    /// <summary>The folder in which the tokens of texts are kept.</summary>
    public string TokenFolder { get; init; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), "spd", "tokens");

    /// <summary>Is told how far the making of tokens is, which takes minutes for a large text.</summary>
    public IProgress<TokenCacheProgress>? Tokenizing { get; init; }

    /// <summary>Gives the folder of a model of a hub (true) or of its tokenizer alone (false), downloaded first where that is needed; null where no hub is to be asked.</summary>
    public Func<HubName, bool, string>? Fetch { get; init; }

    /// <summary>The experiments that lie beside the program, in its folder <c>experiments</c>.</summary>
    /// <param name="methods">The methods besides SPD that they, and other configurations, may name.</param>
    public static ExperimentCatalog BesideProgram(params IReadOnlyList<Method> methods) => new(BesideProgramFolder) { Methods = methods };

    /// <summary>The folder of the experiments that lie beside the program.</summary>
    public static string BesideProgramFolder => System.IO.Path.Combine(AppContext.BaseDirectory, "experiments");

    /// <summary>The file of an experiment.</summary>
    /// <param name="nameOrPath">The name of a shipped experiment, or the path of a file.</param>
    /// <exception cref="ConfigException">It is neither.</exception>
    public string Find(string nameOrPath)
    {
        if (Entries.FirstOrDefault(entry => entry.Name == nameOrPath) is { } shipped) return shipped.Path;
        bool isPath = System.IO.Path.GetExtension(nameOrPath) is ".yaml" or ".yml" || File.Exists(nameOrPath) || Directory.Exists(nameOrPath);
        return isPath ? nameOrPath : throw new ConfigException(Unknown(nameOrPath));
    }

    /// <summary>Reads an experiment, whatever its method.</summary>
    /// <param name="nameOrPath">The name of a shipped experiment, or the path of a file.</param>
    /// <param name="overrides">Values that take the place of the file's, applied in order.</param>
    /// <exception cref="ConfigException">There is no such experiment, or it cannot be used; one sentence says why.</exception>
    public Loaded<IExperiment> Load(string nameOrPath, params IEnumerable<ConfigOverride> overrides)
    {
        string path = Find(nameOrPath);
        var shipped = Entries.FirstOrDefault(entry => entry.Path == path);
        return ExperimentLoader.Load(
            shipped?.Read() ?? ConfigReader.ReadFile(path), System.IO.Path.GetFileNameWithoutExtension(path), overrides, this, System.IO.Path.GetDirectoryName(path));
    }

    /// <summary>The sentence about a name that no experiment has.</summary>
    internal string Unknown(string name)
    {
        var names = Entries.Select(entry => entry.Name).ToList();
        var begun = names.Where(other => name.Length > 0 && other.StartsWith(name, StringComparison.Ordinal)).ToList();
        var near = begun.Count > 0 ? begun : NearestNames.To(name, names);
        return $"no experiment is called {Quoted.Of(name)}; {(near.Count > 0 ? $"nearest: {string.Join(", ", near)}; " : "")}`spd list` shows all";
    }
}
