namespace Spd.Formats;

/// <summary>Files of a model at one commit, in a folder.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Commit">The commit.</param>
/// <param name="Files">The files that are wanted, as paths below the folder with slashes, in order.</param>
public sealed record HubSnapshot(string Folder, string Commit, IReadOnlyList<string> Files);

/// <summary>How far the download of a file has come.</summary>
/// <param name="File">The file.</param>
/// <param name="Bytes">The bytes that are there.</param>
/// <param name="Total">The bytes of the whole file.</param>
public readonly record struct HubProgress(string File, long Bytes, long Total);

/// <summary>
/// Downloads models from a hub (huggingface.co, or one that answers as it does) into the folder where its library for Python keeps them, so that each uses what
/// the other has downloaded. A file is under its name only when it is whole: of the length and with the hash that the hub gives. A transfer that is interrupted
/// goes on where it was, now or at the next call.
/// </summary>
public static class Hub
{
    /// <summary>Has files of a model in a folder; those that are there are not downloaded again.</summary>
    /// <param name="name">The model.</param>
    /// <param name="wanted">Tells of a file, by its path in the repository with slashes, whether it is wanted.</param>
    /// <param name="settings">Where the hub and the folder are.</param>
    /// <param name="progress">Is told how far each download has come.</param>
    /// <param name="cancellation">Ends the download, which can go on later.</param>
    /// <exception cref="HubException">The hub cannot be reached, has no such model or no wanted file of it, does not let this user have it, or sends what is damaged.</exception>
    /// <exception cref="IOException">The folder cannot be written to, or the disk is full.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public static HubSnapshot Download(
        HubName name, Func<string, bool> wanted, HubSettings settings, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(wanted);
        ArgumentNullException.ThrowIfNull(settings);
        var cache = new HubCache(settings.Cache, name);
        return settings.IsOffline ? cache.Find(wanted) : DownloadAsync(name, wanted, settings, cache, progress, cancellation).GetAwaiter().GetResult();
    }

    private static async Task<HubSnapshot> DownloadAsync(
        HubName name, Func<string, bool> wanted, HubSettings settings, HubCache cache, IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        using var client = new HubClient(name, settings);
        var (commit, all) = await client.ListAsync(cancellation);
        string[] files = [.. all.Where(wanted).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (files.Length == 0) throw new HubException($"{Quoted.Of(name.ToString())} has none of the files that are needed; it has {Quoted.List(all)}");
        foreach (string file in files)
        {
            if (!HubName.IsPath(file)) throw new HubException($"{Quoted.Of(name.ToString())} lists the file {Quoted.Of(file)}, which would lie outside of its folder; nothing is written");
        }

        foreach (string file in files) await cache.StoreAsync(commit, file, client, progress, cancellation);
        cache.Remember(commit);
        return new HubSnapshot(cache.SnapshotFolder(commit), commit, files);
    }
}
