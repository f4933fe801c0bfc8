using Spd.Decomposition;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs.Exchange;

/// <summary>A layout in which another program keeps decompositions: a state dict as safetensors, and the configurations that go with it.</summary>
public abstract class ExportFormat
{
    /// <summary>All of them; the first is meant where none is named.</summary>
    public static IReadOnlyList<ExportFormat> All { get; } = [ReleasedFormat.Instance, SuccessorFormat.Instance];

    /// <summary>The format of a name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static ExportFormat Of(string name) => All.FirstOrDefault(format => format.Name == name)
        ?? throw new ArgumentException($"there is no format '{name}'; known are {string.Join(", ", All.Select(format => format.Name))}", nameof(name));

    /// <summary>Its name.</summary>
    public abstract string Name { get; }

    /// <summary>What it is, as a clause.</summary>
    public abstract string Description { get; }

    /// <summary>Exports a run. The folder appears whole or not at all.</summary>
    /// <param name="run">The run.</param>
    /// <param name="output">The folder to make.</param>
    /// <returns>The weight file.</returns>
    /// <exception cref="RunFolderException">The folder exists or cannot be made, the run cannot be said in this format, or its model or target are not those that it ended with.</exception>
    /// <exception cref="ConfigException">A value was given that makes another run of it.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public string Export(SavedRun run, string output)
    {
        if (run.Experiment is not ExperimentConfig experiment) throw Refused(run, "its components are of all matrices together (APD), and this format has those of SPD, of a matrix each");
        if ((WhyNone(experiment.Target) ?? WhyNot(experiment)) is { } reason) throw Refused(run, reason);
        if (string.IsNullOrWhiteSpace(output)) throw new RunFolderException("the folder to make has no name: give one to --out");
        if (Path.Exists(output)) throw new RunFolderException($"'{output}' exists already: name a new folder with --out");
        string temporary = $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(output))}.{Guid.NewGuid():N}.tmp";
        string name = $"model_{run.Summary.Steps}.safetensors";
        try
        {
            RunFolder.CreateAt(temporary, output);
            var (network, sites, components) = run.ReadModel(experiment);
            if (WhyNot(sites) is { } ofSites) throw Refused(run, ofSites);
            var names = new StateDict(experiment.Target, network);
            Safetensors.Write(Path.Combine(temporary, name), Tensors(names, sites, components));
            foreach (var (file, text) in Texts(experiment, names, sites)) AtomicFile.WriteText(Path.Combine(temporary, file), text);
            Directory.Move(temporary, output);
            return Path.Combine(output, name);
        }
        finally
        {
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        }
    }

    /// <summary>Why a run cannot be said in this format, as a clause; null where it can.</summary>
    private protected abstract string? WhyNot(ExperimentConfig experiment);

    /// <summary>Why sites cannot; null where they can.</summary>
    private protected virtual string? WhyNot(IReadOnlyList<Site> sites) => null;

    /// <summary>The state dict.</summary>
    /// <param name="names">The names and weights of the target.</param>
    /// <param name="sites">The sites.</param>
    /// <param name="components">The tensors of <see cref="ComponentWeights"/>.</param>
    private protected abstract IEnumerable<TensorData> Tensors(StateDict names, IReadOnlyList<Site> sites, IReadOnlyList<TensorData> components);

    /// <summary>The files beside it, by name.</summary>
    private protected abstract IEnumerable<(string Name, string Text)> Texts(ExperimentConfig experiment, StateDict names, IReadOnlyList<Site> sites);

    /// <summary>The module patterns of a configuration, in the names of the state dict.</summary>
    private protected static IReadOnlyList<string> PatternsOf(ExperimentConfig experiment, StateDict names, IReadOnlyList<Site> sites) =>
        sites.All(site => names.ModuleOf(site.Name) == site.Name) ? experiment.Decomposition.TargetModulePatterns : [.. sites.Select(site => names.ModuleOf(site.Name))];

    /// <summary>The tensors of a site's components and gates, by what is behind its name: <c>V</c>, <c>U</c>, <c>gate.weight</c> and so on.</summary>
    private protected static IReadOnlyDictionary<string, TensorData> PartsOf(Site site, IReadOnlyList<TensorData> components) =>
        components.Where(tensor => tensor.Name.StartsWith($"{site.Name}.", StringComparison.Ordinal)).ToDictionary(tensor => tensor.Name[(site.Name.Length + 1)..]);

    /// <summary>Why no program of PyTorch has a network as its modules; null where one has.</summary>
    private static string? WhyNone(TargetConfig target) => target switch
    {
        ModularAdditionConfig => "the matrices of a network for modular addition are parameters under TransformerLens's names, and that code replaces whole modules",
        LanguageModelConfig { SplitAttention: true } => "c_attn.q, .k and .v are thirds of a matrix of GPT-2, which that code can only replace as a whole",
        ResidualMlpTargetConfig { Model.ActFnName: not (ActivationName.Relu or ActivationName.Gelu) and var activation } =>
            $"that code knows the activation functions relu and gelu, and this network has {activation}",
        _ => null,
    };

    private RunFolderException Refused(SavedRun run, string reason) => new($"'{run.Folder.Root}' cannot be exported as {Name}: {reason}");
}
