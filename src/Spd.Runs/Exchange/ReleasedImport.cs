using Spd.Engine.Execution;
using System.Globalization;
using System.Text.RegularExpressions;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Configuration;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs.Exchange;

/// <summary>Makes a run of ours of a decomposition that the authors' released code saved.</summary>
public static partial class ReleasedImport
{
    /// <summary>Imports a decomposition. The run folder appears whole or not at all.</summary>
    /// <param name="path">The folder of a run of the released code, or its weight file.</param>
    /// <param name="configPath">Its <c>final_config.yaml</c>; null where it lies beside the weights.</param>
    /// <param name="output">The run folder to make: new, or empty.</param>
    /// <param name="catalog">The shipped experiments, and where tokens are kept.</param>
    /// <param name="backend">What measures it.</param>
    /// <param name="onWarning">Is told why figures could not be drawn; the page is then without.</param>
    /// <returns>The folder, what the decomposition comes to as measured now, and what the user should know of the weight file.</returns>
    /// <exception cref="ConfigException">The configuration is missing or cannot be used.</exception>
    /// <exception cref="RunFolderException">The folder cannot be made, or there are no weights to import.</exception>
    /// <exception cref="FileContentException">The weights are damaged, or not of this configuration.</exception>
    public static (RunFolder Folder, RunSummary Summary, IReadOnlyList<string> Notes) Import(
        string path, string? configPath, string output, ExperimentCatalog catalog, Backend backend, Action<string>? onWarning = null)
    {
        string folder = Directory.Exists(path) ? Path.GetFullPath(path)
            : File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))!
            : throw new RunFolderException($"there is nothing to import at '{path}'");
        string weights = Directory.Exists(path) ? NewestWeights(folder, path) : path;
        string configFile = configPath ?? Path.Combine(folder, ReleasedConfig.FileName);
        if (!File.Exists(configFile))
            throw new ConfigException($"there is no {ReleasedConfig.FileName} beside '{weights}': name the configuration of the decomposition with --config");
        var experiment = ReleasedConfig.Read(configFile, Path.GetFileName(folder), catalog);
        var network = experiment.Target.Build();
        var names = new StateDict(experiment.Target, network);
        experiment = experiment with
        {
            Decomposition = experiment.Decomposition with { TargetModulePatterns = [.. experiment.Decomposition.TargetModulePatterns.Select(names.PathOf)] },
        };
        var own = network.NamedParameters().Select(entry => entry.Path).Concat(ModuleWeights.TiedNames(network)).ToDictionary(name => ReleasedNames.Model + names.TensorOf(name));
        using var file = TargetTensors.Open(
            weights, [.. network.NamedParameters().Select(entry => ReleasedNames.Model + names.TensorOf(entry.Path))], "is it of this final_config.yaml?",
            optional: [.. ModuleWeights.TiedNames(network).Select(name => ReleasedNames.Model + names.TensorOf(name))]);
        var ours = file.Others.Where(other => other.IsInside && (ReleasedNames.IsOfComponents(other.Name) || (ReleasedNames.IsOfTarget(other.Name) && other.MightBeParameter))).ToList();
        var named = file.Found.Concat(ours.Select(other => new KeyValuePair<string, TensorInfo>(other.Name, other.Tensor))).ToDictionary();
        ModuleWeights.Load(
            weights, named.Where(tensor => ReleasedNames.IsOfTarget(tensor.Key)).ToDictionary(tensor => own.GetValueOrDefault(tensor.Key) ?? tensor.Key[ReleasedNames.Model.Length..], tensor => tensor.Value),
            name => file.Read(named[ReleasedNames.Model + names.TensorOf(name)]), network);
        var target = new TrainedTarget(network, experiment.Target, SeedsTried: 0, FromCache: false);
        using var decomposition = new SpdDecomposition(experiment, target, backend);
        decomposition.Load(weights, ReleasedNames.ComponentTensors(
            weights, ours.Where(other => ReleasedNames.IsOfComponents(other.Name)).Select(other => file.Read(other.Tensor) with { Name = other.Name }), decomposition.Sites, names));

        if (File.Exists(output) || (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any()))
            throw new RunFolderException($"'{output}' exists already: name a new folder with --out");
        string temporary = $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(output))}.{Guid.NewGuid():N}.tmp";
        try
        {
            var made = RunFolder.CreateAt(temporary, output);
            made.WriteText(made.ConfigFile, experiment.ToYaml());
            ModuleWeights.Save(made.PrepareParent(made.TargetWeightsFile), network);
            made.WriteText(made.TargetConfigFile, experiment.Target.ToYaml());
            decomposition.Save(made.ModelFile);
            var evaluation = decomposition.Measure();
            var summary = Summary(experiment, target, backend, StepsOf(weights) ?? experiment.Decomposition.Steps) with { Hashes = made.HashContents(experiment, withModel: true) };
            summary = summary.With(decomposition, evaluation);
            made.WriteResults(experiment, summary, () => decomposition.Draw(evaluation, []), decomposition.WritePages, onWarning);
            if (Directory.Exists(output)) Directory.Delete(output);
            Directory.Move(temporary, output);
            return (RunFolder.Open(output), summary, [.. file.Notes, .. file.UnusedNote(file.Others.Except(ours))]);
        }
        finally
        {
            // After the move there is nothing here.
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        }
    }

    private static RunSummary Summary(ExperimentConfig experiment, TrainedTarget target, Backend backend, int steps) => new()
    {
        Experiment = experiment.Name,
        Seed = experiment.Decomposition.Seed,
        Steps = steps,
        BatchSize = experiment.Decomposition.BatchSize,
        Threads = backend.Threads,
        Kernels = backend.Name,
        Status = RunStatus.Imported,
        Commit = ProgramVersion.Commit,
        WallSeconds = double.NaN,
        Target = target.Origin,
    };

    private static string NewestWeights(string folder, string shown) =>
        Directory.EnumerateFiles(folder)
            .Where(file => StepsOf(file) is not null)
            .OrderByDescending(file => StepsOf(file)).ThenBy(file => file, StringComparer.Ordinal)
            .FirstOrDefault()
        ?? throw new RunFolderException($"'{shown}' holds no model_<steps>.pth or .safetensors of the released code: name the weight file itself");

    private static int? StepsOf(string file) =>
        ModelFile().Match(Path.GetFileName(file)) is { Success: true } match
        && int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int steps) ? steps : null;

    [GeneratedRegex(@"^model_(\d+)\.(?:pth|pt|safetensors)\z")]
    private static partial Regex ModelFile();
}
