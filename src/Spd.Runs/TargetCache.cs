using System.Security.Cryptography;
using System.Text;
using Spd.Networks;
using Spd.Formats;

namespace Spd.Runs;

/// <summary>
/// Keeps trained targets, each under the hash of the configuration it was trained with, seed and kernels included. An entry is a folder with
/// <c>weights.safetensors</c> and <c>config.yaml</c>, whose first line has the hash of the weights: a damaged entry is as good as none.
/// </summary>
public sealed class TargetCache
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string FolderVariable = "SPD_CACHE";

    // A part of every key: raise it when the same configuration trains to other weights.
    private const string Generation = "1";

    /// <summary>A cache in a folder, which is made when something is stored.</summary>
    public TargetCache(string folder) => Folder = Path.GetFullPath(folder);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>The folder to use: the one that <c>SPD_CACHE</c> names, or <c>spd/targets</c> in the user's folder of cached files.</summary>
    /// <param name="environment">Looks up an environment variable; null when it is not set.</param>
    public static string DefaultFolder(Func<string, string?> environment)
    {
        if (Given(FolderVariable) is { } folder) return folder;
        string user = Given("XDG_CACHE_HOME")
            ?? (OperatingSystem.IsWindows() ? Given("LOCALAPPDATA") : null)
            // Where the temporary folder is everybody's, it is this user's below.
            ?? (Given("HOME") is not { } home ? Path.Combine(Path.GetTempPath(), $"spd-{Environment.UserName}")
                : OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches")
                : Path.Combine(home, ".cache"));
        return Path.Combine(user, "spd", "targets");

        string? Given(string variable) => environment(variable) is { Length: > 0 } value ? value : null;
    }

    /// <summary>Loads the weights that were trained with a configuration.</summary>
    /// <param name="config">The canonical text of what the weights depend on: the target's configuration and the kernels.</param>
    /// <param name="network">Receives the weights; unchanged when there are none to be used.</param>
    /// <param name="note">A sentence for the user when an entry was there but could not be used.</param>
    /// <returns>Whether the weights were loaded.</returns>
    public bool TryLoad(string config, Module network, out string? note)
    {
        note = null;
        string entry = EntryFolder(config);
        if (!Directory.Exists(entry)) return false;
        try
        {
            if (!IsIntact(entry, config)) throw new InvalidDataException("its weights or its configuration have been changed");
            ModuleWeights.Load(Path.Combine(entry, "weights.safetensors"), network);
            CacheContent.Touch(entry);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            note = $"the cached target '{entry}' is damaged and not used: {exception.Message.TrimEnd('.')}";
            return false;
        }
    }

    /// <summary>
    /// Keeps the weights that were trained with a configuration, unless an intact entry is there already; a damaged one is replaced.
    /// The entry appears whole or not at all.
    /// </summary>
    /// <param name="config">The canonical text of what the weights depend on: the target's configuration and the kernels.</param>
    /// <param name="network">The trained network.</param>
    /// <returns>A sentence for the user when they could not be kept, which harms nothing but the next run's time; null otherwise.</returns>
    public string? Store(string config, Module network)
    {
        string entry = EntryFolder(config);
        string temporary = $"{entry}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(temporary);
            string weights = Path.Combine(temporary, "weights.safetensors");
            ModuleWeights.Save(weights, network);
            AtomicFile.WriteText(Path.Combine(temporary, "config.yaml"), ConfigText(config, weights));
            if (TryReadable(entry, config))
            {
                // Another run has stored the same target in the meantime, and a third may be reading it.
                Discard(temporary);
                return null;
            }

            if (Directory.Exists(entry)) Directory.Delete(entry, recursive: true);
            Directory.Move(temporary, entry);
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Discard(temporary);
            // Another run may have stored the same target in the meantime.
            return TryReadable(entry, config) ? null : $"the trained target could not be kept in '{Folder}': {exception.Message.TrimEnd('.')}";
        }
    }

    /// <summary>Where the checkpoints lie while the target of a configuration is being trained.</summary>
    /// <param name="config">The canonical text of what the weights depend on: the target's configuration and the kernels.</param>
    public string TrainingFolder(string config) => $"{EntryFolder(config)}.training";

    private static bool TryReadable(string entry, string config)
    {
        try
        {
            return IsIntact(entry, config);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsIntact(string entry, string config) =>
        File.ReadAllText(Path.Combine(entry, "config.yaml")) == ConfigText(config, Path.Combine(entry, "weights.safetensors"));

    private static void Discard(string folder)
    {
        try
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Remains of a failed attempt; nothing reads them.
        }
    }

    private static string ConfigText(string config, string weights) =>
        $"# weights.safetensors has the SHA-256 hash {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(weights)))}\n{config}";

    private string EntryFolder(string config) =>
        Path.Combine(Folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Generation}\n{config}")))[..32]);
}
