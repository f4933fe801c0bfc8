using System.Globalization;
using Spd.Baselines;
using Spd.Formats;
using Spd.Networks.Transformers;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Pretraining;
using Spd.Runs.Targets;
using Spd.Text;

namespace Spd.Cli;

/// <summary>The shipped experiments, and where models and tokens of texts are kept.</summary>
internal static class Catalog
{
    private const long BytesPerReport = 16 << 20;

    private static readonly string[] TokenizerFiles = [Tokenizer.FileName, Tokenizer.ConfigurationName];

    /// <summary>Where tokens of texts are kept.</summary>
    public static string TokenFolder => Path.Combine(RunCommand.Cache().Folder, "tokens");

    /// <summary>The experiments beside the program.</summary>
    public static ExperimentCatalog Open() => new(ExperimentCatalog.BesideProgramFolder)
    {
        Methods = [ApdMethod.Instance],
        TokenFolder = TokenFolder,
        // On a terminal the panel of a run would be torn by lines.
        Tokenizing = Console.IsOutputRedirected ? new TokenProgress() : null,
        Fetch = Fetch,
    };

    /// <summary>The path of a model: the one that is given, or the folder of a hub's, downloaded first where that is needed.</summary>
    /// <exception cref="HubException">It cannot be had; one sentence says why.</exception>
    /// <exception cref="ConfigException">Its training has not come to its end.</exception>
    public static string ModelAt(string model)
    {
        if (HubName.IsMeantBy(model)) return Fetch(HubName.Parse(model), isModel: true);
        PretrainingRun.RequireFinished(model);
        return model;
    }

    /// <summary>Makes sure that the language model of an experiment is not one whose training has not come to its end.</summary>
    /// <exception cref="ConfigException">It is.</exception>
    public static void RequireModel(IExperiment experiment)
    {
        if (experiment.Target is LanguageModelConfig { Load: { } model }) PretrainingRun.RequireFinished(model);
    }

    /// <summary>The folder of a hub's model, or of its tokenizer alone.</summary>
    private static string Fetch(HubName name, bool isModel)
    {
        var settings = HubSettings.FromEnvironment(Environment.GetEnvironmentVariable);
        if (!isModel) return Hub.Download(name, TokenizerFiles.Contains, settings, new Progress()).Folder;
        bool IsWanted(string file) => file == TransformerFiles.ConfigName || TokenizerFiles.Contains(file)
            || file is "model.safetensors" or "model.safetensors.index.json" || (file.StartsWith("model-", StringComparison.Ordinal) && file.EndsWith(".safetensors", StringComparison.Ordinal));
        var snapshot = Hub.Download(name, IsWanted, settings, new Progress());
        if (snapshot.Files.Any(file => file.EndsWith(".safetensors", StringComparison.Ordinal))) return snapshot.Folder;
        // Weights that are older than safetensors.
        return Hub.Download(
            name, file => IsWanted(file) || (file.StartsWith("pytorch_model", StringComparison.Ordinal) && !file.Contains('/')), settings, new Progress()).Folder;
    }

    /// <summary>Tells of the making of tokens.</summary>
    internal sealed class TokenProgress : IProgress<TokenCacheProgress>
    {
        private readonly Pace _pace = new();

        public void Report(TokenCacheProgress value) => _pace.Report($"cutting the text into tokens: {value.Tokens} so far, of {value.Documents} texts");
    }

    /// <summary>Tells of a download at its beginning, now and then, and at its end.</summary>
    private sealed class Progress : IProgress<HubProgress>
    {
        private string _file = "";
        private long _told;

        public void Report(HubProgress value)
        {
            bool isNew = value.File != _file;
            if (!isNew && value.Bytes < value.Total && value.Bytes - _told < BytesPerReport) return;
            if (!isNew && value.Bytes == _told) return;
            (_file, _told) = (value.File, value.Bytes);
            Screen.Report(string.Create(CultureInfo.InvariantCulture, $"downloading {value.File}: {value.Bytes / 1e6:F1} of {value.Total / 1e6:F1} MB"));
        }
    }
}
