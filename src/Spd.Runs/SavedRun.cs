using Spd.Engine.Execution;
using Spd.Engine.Cpu;
using Spd.Decomposition;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Activations;
using Spd.Runs.Checkpoints;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>A run that lies in its folder, to be measured and drawn again.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Experiment">Its configuration.</param>
/// <param name="Summary">What its summary says.</param>
public sealed record SavedRun(RunFolder Folder, IExperiment Experiment, RunSummary Summary)
{
    private IReadOnlyList<ConfigOverride> Overrides { get; init; } = [];

    /// <summary>Opens the folder of a run.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="catalog">The shipped experiments.</param>
    /// <param name="overrides">Values that take the place of the configuration's: other seeds or more batches to measure on.</param>
    /// <exception cref="RunFolderException">It is no folder of a run that has saved its model, or the run is being computed just now.</exception>
    /// <exception cref="ConfigException">Its configuration cannot be used.</exception>
    public static SavedRun Open(string path, ExperimentCatalog catalog, params IEnumerable<ConfigOverride> overrides)
    {
        var folder = RunFolder.Open(path);
        folder.RequireIdle();
        foreach (string file in new[] { folder.SummaryFile, folder.ModelFile, folder.TargetWeightsFile })
        {
            if (File.Exists(file)) continue;
            string name = Path.GetRelativePath(path, file).Replace('\\', '/');
            throw new RunFolderException($"'{path}' has no {name}: "
                + (file == folder.ModelFile && folder.Summary?.Status == RunStatus.Finished
                    ? $"it was lost, and `spd resume {Quoted.Word(path)}` gets it back from the last checkpoint"
                    : $"the run did not come so far as to be measured; `spd resume {Quoted.Word(path)}` goes on with it"));
        }

        try
        {
            var experiment = catalog.Load(folder.ConfigFile, overrides).Config;
            return new SavedRun(folder, experiment, RunSummary.Read(folder.SummaryFile)) { Overrides = [.. overrides] };
        }
        catch (InvalidDataException exception)
        {
            string remedy = Directory.Exists(folder.CheckpointsFolder) ? $"`spd resume {Quoted.Word(path)}` writes it anew from the last checkpoint" : "run or import it anew";
            throw new RunFolderException($"'{path}' cannot be read: {exception.Message}; {remedy}", exception);
        }
    }

    /// <summary>
    /// The run of a configuration to go on with: the newest of a folder of runs that did not come to its end, or the one in a folder of its own, ended or not.
    /// </summary>
    /// <param name="runs">The folder of the experiment's runs, or null.</param>
    /// <param name="own">The folder of one run, or null.</param>
    /// <param name="experiment">The configuration.</param>
    /// <param name="catalog">The shipped experiments.</param>
    /// <returns>Its folder, or null where there is none.</returns>
    public static string? Unfinished(string? runs, string? own, IExperiment experiment, ExperimentCatalog catalog)
    {
        IEnumerable<string> folders = own is not null ? [own] : Directory.Exists(runs) ? Directory.GetDirectories(runs) : [];
        return folders.OrderByDescending(Directory.GetCreationTimeUtc).FirstOrDefault(IsUnfinished);

        bool IsUnfinished(string path)
        {
            try
            {
                var folder = RunFolder.Open(path);
                return (own is not null || !folder.IsFinished(experiment.Steps)) && !folder.IsImported && File.Exists(folder.TargetWeightsFile)
                    && RunComparison.Differences(
                        catalog.Load(folder.ConfigFile).Config.ToYaml(), experiment.ToYaml(), [.. PathsOf(experiment).Select(path => path.Key), "target.load", "target.model"]).Count == 0;
            }
            catch (Exception exception) when (exception is IOException or ConfigException)
            {
                return false;
            }
        }
    }

    /// <summary>Where the files that an experiment rests on lie, as values that take the place of a saved run's.</summary>
    public static IReadOnlyList<ConfigOverride> PathsOf(IExperiment experiment)
    {
        var values = FlatConfig.Read(experiment.ToYaml());
        // Several files have one key.
        var keys = experiment.Target.Files.Keys.Select(key => values.ContainsKey(key) ? key : key[..key.LastIndexOf('.')]).Distinct();
        return [.. from key in keys let path = values.GetValueOrDefault(key) where path is not (null or "null") select ConfigOverride.Literal($"--set {key}", key, path)];
    }

    /// <summary>Measures the saved components again.</summary>
    /// <param name="backend">What computes.</param>
    /// <returns>The summary: how the run went as it was told then, what it came to as measured now.</returns>
    /// <exception cref="RunFolderException">The model, the target or the data are not those that the run ended with.</exception>
    /// <exception cref="FileContentException">A weight file is damaged, or of another configuration.</exception>
    public RunSummary Measure(Backend backend)
    {
        using var decomposition = Load(backend, out var told);
        return told.With(decomposition, decomposition.Measure());
    }

    /// <summary>
    /// Measures the saved components again, and writes summary, figures and page anew; what tells how the run went stays, and so do pages of <see cref="WriteActivations"/>.
    /// </summary>
    /// <param name="backend">What computes.</param>
    /// <param name="onWarning">Is told why figures could not be drawn; the page is then without.</param>
    /// <exception cref="ConfigException">A value was given that makes another run of it.</exception>
    /// <exception cref="RunFolderException">
    /// Another program works in the folder, or the model, the target or the data are not those that the run ended with; nothing is written.
    /// </exception>
    /// <exception cref="FileContentException">A weight file is damaged, or of another configuration; nothing is written.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public RunSummary Report(Backend backend, Action<string>? onWarning = null)
    {
        RequireSame(_ => true, "`spd report` writes what the run came to, and so it only takes where files lie now; measure it otherwise with `spd eval`");
        using var own = Folder.Take();
        using var decomposition = Load(backend, out var told);
        var evaluation = decomposition.Measure();
        var summary = told.With(decomposition, evaluation);
        IReadOnlyList<MetricRecord> metrics = File.Exists(Folder.MetricsFile) ? MetricLog.Read(Folder.MetricsFile) : [];
        Folder.WriteResults(Experiment, summary, () => decomposition.Draw(evaluation, metrics), decomposition.WritePages, onWarning);
        return summary;
    }

    /// <summary>Sees what the subcomponents do.</summary>
    /// <param name="site">The only site; null for all.</param>
    /// <param name="component">The only subcomponent of that site; null for those that are needed most often.</param>
    /// <param name="options">How much is looked at.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="onProgress">Is told now and then how far it is: a sentence without its full stop.</param>
    /// <exception cref="ConfigException">It is a run of APD, or has no such site or subcomponent.</exception>
    /// <exception cref="RunFolderException">The model, the target or the text are not those that the run ended with.</exception>
    public IReadOnlyList<SiteReport> Activations(string? site, int? component, ActivationOptions options, Backend backend, Action<string>? onProgress = null)
    {
        using var decomposition = LoadSpd(backend);
        var sites = site is null ? decomposition.Sites : [RunActivations.Find(decomposition.Sites, site)];
        return [.. decomposition.Activations(options).Of(sites, component, onProgress)];
    }

    /// <summary>
    /// Writes importances, inner activations and outputs of examples as a NumPy archive: <c>inputs</c> or <c>tokens</c>, <c>{site}.importance</c> and
    /// <c>{site}.inner</c> <c>[examples, C]</c> or <c>[examples, positions, C]</c>, <c>outputs</c>.
    /// </summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="examples">How many; null for 64 sequences of text, or 4096 inputs.</param>
    /// <param name="hasOutputs">Whether outputs are written; null for all but language models, whose are large.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="onProgress">Is told now and then how far it is: a sentence without its full stop.</param>
    /// <returns>How many examples were written.</returns>
    /// <exception cref="ConfigException">It is a run of APD.</exception>
    /// <exception cref="RunFolderException">The model, the target or the data are not those that the run ended with.</exception>
    /// <exception cref="IOException">The file cannot be written; an older one is untouched.</exception>
    public long Dump(string path, int? examples, bool? hasOutputs, Backend backend, Action<string>? onProgress = null)
    {
        using var decomposition = LoadSpd(backend);
        return decomposition.Dump(path, examples, hasOutputs, onProgress);
    }

    /// <summary>Sees what the network does otherwise with some subcomponents off, or scaled, and everything else as it is.</summary>
    /// <param name="off">Sites by name, with the numbers of their subcomponents; a site may come several times.</param>
    /// <param name="scale">What the subcomponents are multiplied by, finite: 0 for off.</param>
    /// <param name="backend">What computes.</param>
    /// <exception cref="ConfigException">It is no run of SPD, or has no such site or subcomponent.</exception>
    /// <exception cref="RunFolderException">The model, the target or the data are not those that the run ended with.</exception>
    public RunAblation Ablate(IReadOnlyList<(string Site, IReadOnlyList<int> Subcomponents)> off, double scale, Backend backend)
    {
        if (Experiment is not ExperimentConfig)
            throw new ConfigException($"the run in {Quoted.Path(Folder.Root)} is of APD, whose components are of all matrices together: only those of SPD can be switched off by site");
        using var decomposition = (SpdDecomposition)Load(backend, out _);
        var scaled = off.GroupBy(entry => RunActivations.Find(decomposition.Sites, entry.Site))
            .Select(group => new ScaledSubcomponents(group.Key, [.. group.SelectMany(entry => entry.Subcomponents).Distinct().Order()], scale)).ToList();
        foreach (var (site, subcomponents, _) in scaled)
        {
            if (subcomponents.Count == 0) throw new ConfigException($"no subcomponent of '{site.Name}' is named");
            RunActivations.Require(site, subcomponents);
        }

        return decomposition.Ablate(scaled);
    }

    /// <summary>Writes the pages of what subcomponents do.</summary>
    /// <param name="reports">What they do, of every site that gets a page.</param>
    /// <returns>The files.</returns>
    /// <exception cref="RunFolderException">Another program works in the folder.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public IReadOnlyList<string> WriteActivations(IReadOnlyList<SiteReport> reports)
    {
        using var own = Folder.Take();
        var pages = reports.Select(report => SitePage.Of(report, isAsked: true)).ToList();
        Folder.WritePages(pages);
        return [.. pages.Select(Folder.FileOf)];
    }

    /// <summary>The components as they were saved.</summary>
    public IReadOnlyList<FactoredMatrix> Components()
    {
        using var backend = new CpuBackend(threads: 1);
        using var decomposition = Load(backend, out _);
        return decomposition.Matrices;
    }

    /// <summary>The network and its components as they were saved, without the data that they were measured on.</summary>
    /// <param name="experiment">The configuration, of SPD.</param>
    /// <returns>The network, the sites without their values, and the tensors of <see cref="ComponentWeights"/>.</returns>
    /// <exception cref="ConfigException">A value was given that makes another run of it.</exception>
    /// <exception cref="RunFolderException">The model or the target are not those that the run ended with.</exception>
    /// <exception cref="FileContentException">A weight file is damaged, or of another configuration.</exception>
    internal (Module Network, IReadOnlyList<Site> Sites, IReadOnlyList<TensorData> Components) ReadModel(ExperimentConfig experiment)
    {
        RequireSame(_ => true, "`spd export` writes the run as it was, and so it only takes where files lie now");
        RequireUnchanged(Folder.HashModel());
        var network = Folder.ReadTarget(experiment).Network;
        var options = experiment.Decomposition;
        var model = ComponentModel.Create(network, options.TargetModulePatterns, options.C, options.NCiMlpNeurons, options.Seed, options.CBySite);
        var tensors = Safetensors.Read(Folder.ModelFile).Tensors;
        ComponentWeights.Load(Folder.ModelFile, tensors, model);
        return (network, model.Sites, tensors);
    }

    private static int TextsOf(IReadOnlyDictionary<string, string> hashes) => hashes.Keys.Count(key => key.StartsWith(LanguageModelConfig.TextKey, StringComparison.Ordinal));

    /// <summary>Refuses values that would make another run of this one.</summary>
    /// <param name="isOfRun">Whether a key may not change; those that say where files lie, and what things are called, may in any case.</param>
    /// <param name="reason">Why, and what to do.</param>
    private void RequireSame(Func<string, bool> isOfRun, string reason)
    {
        var free = PathsOf(Experiment).Select(path => path.Key).Concat(RunMeaning.FreeKeysOfData).Concat(["target.load", "target.model", "target.tokenizer", "target.hub"]);
        if (Overrides.FirstOrDefault(given => isOfRun(given.Key) && !free.Contains(given.Key)) is { } other) throw new ConfigException($"{other.Origin}: {reason}");
    }

    private SpdDecomposition LoadSpd(Backend backend) => Experiment is ExperimentConfig
        ? (SpdDecomposition)Load(backend, out _)
        : throw new ConfigException($"the run in {Quoted.Path(Folder.Root)} is of APD, whose components have no causal importances");

    private IDecomposition Load(Backend backend, out RunSummary told)
    {
        RequireSame(
            key => key == "target" || key.StartsWith("target.", StringComparison.Ordinal),
            "what a run decomposes, and which part of the data it was kept from, cannot be changed behind it; only where files lie now can be named");
        var hashes = Folder.HashContents(Experiment, withModel: true);
        RequireUnchanged(hashes);
        // Which files of text there are is a part of the text.
        int now = TextsOf(hashes), texts = TextsOf(Summary.Hashes);
        if (texts > 0 && now != texts)
        {
            throw new RunFolderException(
                $"{LanguageModelConfig.TextKey} names {now} {(now == 1 ? "file" : "files")}, but {texts} when the run ended: bring its text back, or name where it lies with --set {LanguageModelConfig.TextKey}=PATH");
        }

        told = Summary with { BatchSize = Experiment.BatchSize, Hashes = hashes, Published = Experiment.Published?.Results };
        var decomposition = Experiment.Decompose(Folder.ReadTarget(Experiment), backend);
        decomposition.Load(Folder.ModelFile);
        decomposition.Training.Resume(told.Steps, told.EvaluatedFrom);
        return decomposition;
    }

    /// <summary>Refuses files whose content is not that of which the summary tells.</summary>
    private void RequireUnchanged(IReadOnlyDictionary<string, string> hashes)
    {
        foreach (var (name, hash) in hashes)
        {
            if (!Summary.Hashes.TryGetValue(name, out string? then) || then == hash) continue;
            string file = Experiment.Target.Files.TryGetValue(name, out string? path) ? $"'{path}' ({name})" : $"'{Path.Combine(Folder.Root, name)}'";
            throw new RunFolderException(
                $"{file} is not the file that the run's summary.json tells of: it is damaged, was exchanged, or is newer (its SHA-256 is {hash}, but was {then})");
        }
    }
}
