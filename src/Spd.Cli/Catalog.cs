using System.Globalization;
using Spd.Formats;
using Spd.Runs;

namespace Spd.Cli;

/// <summary>The shipped experiments, and where models and tokens of texts are kept.</summary>
internal static class Catalog
{
    private const long BytesPerReport = 16 << 20;

    // What a model is: its shape, its weights, its tokenizer.
    private static readonly string[] Wanted =
        ["config.json", "model.safetensors", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json"];

    /// <summary>The experiments beside the program.</summary>
    public static ExperimentCatalog Open() => new(ExperimentCatalog.BesideProgramFolder)
    {
        TokenFolder = Path.Combine(Path.GetDirectoryName(RunCommand.Cache().Folder)!, "tokens"),
        FetchModel = Fetch,
    };

    /// <summary>The folder of a hub's model, downloaded first where that is needed.</summary>
    /// <exception cref="HubException">It cannot be had; one sentence says why.</exception>
    public static string Fetch(HubName name)
    {
        var settings = HubSettings.FromEnvironment(Environment.GetEnvironmentVariable);
        bool IsWanted(string file) => Wanted.Contains(file) || (file.StartsWith("model-", StringComparison.Ordinal) && file.EndsWith(".safetensors", StringComparison.Ordinal));
        var snapshot = Hub.Download(name, IsWanted, settings, new Progress());
        if (snapshot.Files.Any(file => file.EndsWith(".safetensors", StringComparison.Ordinal))) return snapshot.Folder;
        // Weights that are older than safetensors.
        return Hub.Download(
            name, file => IsWanted(file) || (file.StartsWith("pytorch_model", StringComparison.Ordinal) && !file.Contains('/')), settings, new Progress()).Folder;
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
