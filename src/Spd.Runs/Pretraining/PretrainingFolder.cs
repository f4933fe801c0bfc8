using Spd.Formats;
using Spd.Networks.Transformers;
using Spd.Runs.Checkpoints;
using Spd.Runs.Configuration;
using Spd.Runs.Log;

namespace Spd.Runs.Pretraining;

/// <summary>The folder of a pretraining: its settings, log and checkpoints, and at its end the model's files.</summary>
internal sealed class PretrainingFolder
{
    private const string ConfigName = "pretraining.yaml", LogName = "metrics.jsonl";

    // They name files, which are known by their content.
    private static readonly string[] PathKeys = ["text", "tokenizer"];

    private PretrainingFolder(string path) => Root = path;

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>One line for each log interval; see <see cref="MetricLog"/>.</summary>
    public string LogFile => Path.Combine(Root, LogName);

    /// <summary>The checkpoints' folder.</summary>
    public string CheckpointsFolder => Path.Combine(Root, "checkpoints");

    /// <summary>Takes a folder for a pretraining: a new or empty one, or that of the same pretraining, which goes on.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="yaml">The settings, with every key.</param>
    /// <param name="own">Makes it this program's own until it is disposed.</param>
    /// <exception cref="RunFolderException">It holds something else, or a pretraining of other settings, or another program works in it; nothing is changed.</exception>
    /// <exception cref="ConfigException">Its settings cannot be read; nothing is changed.</exception>
    /// <exception cref="IOException">It cannot be made or written to.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made or written to.</exception>
    public static PretrainingFolder Take(string path, string yaml, out IDisposable own)
    {
        if (File.Exists(path)) throw new RunFolderException($"{Quoted.Path(path)} is a file, but a folder is needed: name another");
        var folder = new PretrainingFolder(path);
        string configFile = Path.Combine(path, ConfigName);
        if (File.Exists(configFile))
        {
            if (RunComparison.Differences(PretrainingConfig.Read(configFile).ToYaml(), yaml, PathKeys) is { Count: > 0 } differences)
            {
                throw new RunFolderException(
                    $"{Quoted.Path(path)} holds a pretraining with {string.Join("; ", differences.Select(Quoted.Bare))}: name another folder, or the settings that it has");
            }
        }
        else if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any(entry => !RunFolder.IsOfABeginning(entry)))
        {
            throw new RunFolderException($"{Quoted.Path(path)} is not empty, and holds no {ConfigName} by which a pretraining could go on: name another folder, or a new one");
        }

        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RunFolderException($"the folder {Quoted.Path(path)} cannot be made or written to ({exception.Message.TrimEnd('.')}): name another", exception);
        }

        own = RunFolder.Take(path, other => $"a model is being trained in {Quoted.Path(path)} by another program ({other}): wait for its end, or stop it first");
        try
        {
            if (!File.Exists(configFile)) AtomicFile.WriteText(configFile, yaml);
            return folder;
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    /// <summary>Why a folder holds no model yet, and what to do: its pretraining has not finished. Null for any other folder.</summary>
    public static string? WhyUnfinished(string path)
    {
        string configFile = Path.Combine(path, ConfigName);
        if (!File.Exists(configFile) || TransformerFiles.IsFolder(path)) return null;
        var config = PretrainingConfig.Read(configFile);
        string log = new PretrainingFolder(path).LogFile;
        var last = MetricLog.Last(log);
        int step = last?.Step ?? 0;
        if (last?.Losses.Values.Any(loss => !double.IsFinite(loss)) == true)
        {
            return $"the pretraining in {Quoted.Path(path)} failed at step {step} of {config.Steps}, where its loss was no number any more: there is no model, "
                + "so train one in another folder, with a smaller --lr or --clip";
        }

        return $"the pretraining in {Quoted.Path(path)} has not finished (step {step} of {config.Steps}), so that there is no model yet: go on with `{config.Command(path)}`";
    }

    /// <summary>What a pretraining computes.</summary>
    /// <param name="yaml">Its settings.</param>
    /// <param name="files">The files that it rests on, by what they are called.</param>
    public static RunMeaning MeaningOf(string yaml, IReadOnlyDictionary<string, string> files) =>
        RunMeaning.Of(yaml, files.ToDictionary(file => file.Key, file => FileHash.Compute(file.Value)), PathKeys);

    /// <summary>The newest checkpoint that is whole; damaged ones are told and set aside. Null where there is none yet.</summary>
    /// <param name="meaning">What the pretraining computes.</param>
    /// <param name="note">Is told of damaged ones.</param>
    /// <exception cref="RunFolderException">It is of a text or tokenizer that has changed, or there were some and none is whole.</exception>
    public Checkpoint? Find(RunMeaning meaning, Action<string> note)
    {
        var (found, damaged) = Checkpoint.NewestWhole(CheckpointsFolder);
        if (found?.Meaning is { } other && meaning.DifferencesFrom(other) is { Count: > 0 } differences)
        {
            throw new RunFolderException(
                $"the pretraining in {Quoted.Path(Root)} cannot go on, because {string.Join("; ", differences)}: bring the file back, or name another folder");
        }

        if (found is null && damaged.Count > 0)
        {
            throw new RunFolderException(
                $"the pretraining in {Quoted.Path(Root)} cannot go on, because none of its checkpoints can be used ({damaged[0].Reason}): name another folder");
        }

        foreach (var (path, reason) in damaged)
        {
            note($"{reason}; the one before it is used");
            Checkpoint.SetAside(path);
        }

        return found;
    }

    /// <summary>Writes the model's files, last the configuration by which it is known.</summary>
    /// <param name="config">The model's configuration.</param>
    /// <param name="network">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="tokenizerFile">The tokenizer's file.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void WriteModel(TransformerConfig config, Networks.Transformer network, Text.Tokenizer tokenizer, string tokenizerFile)
    {
        Text.Tokenizer.Copy(tokenizerFile, Root);
        TransformerFiles.Save(Root, config, network, tokenizer.BeginningId, tokenizer.EndId);
    }
}
