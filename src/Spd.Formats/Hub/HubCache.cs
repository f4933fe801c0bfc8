using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Spd.Formats;

/// <summary>
/// The folder of one model as the hub's library for Python lays it out: <c>blobs/</c> has each file under its hash, <c>snapshots/&lt;commit&gt;/</c> links to
/// them by their names, <c>refs/&lt;revision&gt;</c> names the commit.
/// </summary>
internal sealed class HubCache
{
    private const string Unfinished = ".incomplete";
    private const int Sha256Digits = 64;
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(100);

    private readonly HubName _name;
    private readonly string _root, _folder, _locks;

    /// <summary>The folder of a model.</summary>
    /// <param name="root">The folder of all models.</param>
    /// <param name="name">The model.</param>
    public HubCache(string root, HubName name)
    {
        string folder = $"models--{name.Repository.Replace("/", "--", StringComparison.Ordinal)}";
        (_name, _root, _folder, _locks) = (name, root, Path.Combine(root, folder), Path.Combine(root, ".locks", folder));
    }

    /// <summary>The folder of the files of a commit.</summary>
    public string SnapshotFolder(string commit) => Path.Combine(_folder, "snapshots", commit);

    /// <summary>What was downloaded of the wanted files; the hub is not asked.</summary>
    /// <exception cref="HubException">Nothing was.</exception>
    public HubSnapshot Find(Func<string, bool> wanted)
    {
        string commit = HubName.IsCommit(_name.Revision) ? _name.Revision : File.Exists(RefFile) ? File.ReadAllText(RefFile).Trim() : "";
        string folder = SnapshotFolder(commit);
        string[] files = HubName.IsCommit(commit) && Directory.Exists(folder)
            ? [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(IsThere)
                .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/')).Where(wanted).Order(StringComparer.Ordinal)]
            : [];
        return files.Length > 0
            ? new HubSnapshot(folder, commit, files)
            : throw new HubException($"{Quoted.Of(_name.ToString())} is not in {Quoted.Path(_root)}, and HF_HUB_OFFLINE is set: download it once without that");
    }

    /// <summary>Has a file of a commit in its place.</summary>
    public async Task StoreAsync(string commit, string name, HubClient client, IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        string place = Path.Combine([SnapshotFolder(commit), .. name.Split('/')]);
        if (IsThere(place)) return;
        var file = await client.DescribeAsync(commit, name, cancellation);
        string blob = Path.Combine(_folder, "blobs", file.Hash), partial = blob + Unfinished;
        MakeFolder(Path.GetDirectoryName(blob)!);
        using (await LockAsync(file.Hash, cancellation))
        {
            if (!File.Exists(blob) || new FileInfo(blob).Length != file.Size)
            {
                // What is left of an earlier transfer may be damaged; what is sent anew should not be.
                bool hasRest = File.Exists(partial);
                while (true)
                {
                    await client.DownloadAsync(commit, file, partial, progress, cancellation);
                    if (HashOf(partial, file) == file.Hash) break;
                    File.Delete(partial);
                    if (!hasRest) throw new HubException($"{Quoted.Of(name)} of {Quoted.Of(_name.ToString())} does not have the hash that the hub gives: it was damaged on its way; try again");
                    hasRest = false;
                }

                File.Move(partial, blob, overwrite: true);
                FolderFlush.Flush(Path.GetDirectoryName(blob)!);
            }
        }

        Link(place, blob);
    }

    /// <summary>Notes which commit the revision is.</summary>
    public void Remember(string commit)
    {
        if (_name.Revision == commit || (File.Exists(RefFile) && File.ReadAllText(RefFile) == commit)) return;
        MakeFolder(Path.GetDirectoryName(RefFile)!);
        AtomicFile.WriteText(RefFile, commit);
    }

    private void MakeFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"the cache {Quoted.Path(_root)} cannot be made or written to ({exception.Message.TrimEnd('.')}): name another folder with HF_HOME", exception);
        }
    }

    private string RefFile => Path.Combine([_folder, "refs", .. _name.Revision.Split('/')]);

    /// <summary>Waits until no other program downloads a file; the lock is the one that the library for Python takes.</summary>
    private async Task<FileStream> LockAsync(string hash, CancellationToken cancellation)
    {
        MakeFolder(_locks);
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(_locks, $"{hash}.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException exception) when (FileInUse.IsReasonOf(exception))
            {
                await Task.Delay(LockPause, cancellation);
            }
        }
    }

    /// <summary>The hash of a file as the hub computes it: SHA-256 of one in Git LFS, Git's own of another, which is SHA-1 with the length before the content.</summary>
    private static string HashOf(string path, HubFile file)
    {
        using var hash = IncrementalHash.CreateHash(file.Hash.Length == Sha256Digits ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        if (file.Hash.Length != Sha256Digits) hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {file.Size}\0")));
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        byte[] buffer = new byte[1 << 18];
        while (stream.Read(buffer) is > 0 and int count) hash.AppendData(buffer.AsSpan(0, count));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Whether a file is there; a link whose blob is gone is not, though the system says that it exists.</summary>
    private static bool IsThere(string place) => File.Exists(place) && (File.ResolveLinkTarget(place, returnFinalTarget: true)?.Exists ?? true);

    /// <summary>Gives a blob its name in a snapshot: by a link, or where there are none, by a copy.</summary>
    private static void Link(string place, string blob)
    {
        string folder = Path.GetDirectoryName(place)!;
        Directory.CreateDirectory(folder);
        // A link whose blob was gone.
        File.Delete(place);
        try
        {
            File.CreateSymbolicLink(place, Path.GetRelativePath(folder, blob));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            // Another program may have been faster.
            if (IsThere(place)) return;
            File.Copy(blob, place + Unfinished, overwrite: true);
            File.Move(place + Unfinished, place, overwrite: true);
        }
    }
}
