namespace Spd.Runs.Paper;

/// <summary>A folder with a page of ours and the runs that it tells of.</summary>
internal static class PageFolder
{
    /// <summary>Takes it, for this program alone until the lock is disposed.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="page">The page's file.</param>
    /// <param name="generator">The command that writes it, by which a page is known to be ours: <c>spd paper</c>.</param>
    /// <param name="of">What the folder is of, behind the word: <c> of the sweep</c>, or nothing.</param>
    /// <param name="stranger">What does not belong in the folder of a run, with its verb.</param>
    /// <exception cref="RunFolderException">It cannot be made or written to, another program works in it, its page is somebody else's, or it is the folder of a run.</exception>
    public static (string Root, FolderLock Own) Take(string path, string page, string generator, string of, string stranger)
    {
        if (string.IsNullOrWhiteSpace(path)) throw new RunFolderException($"the folder{of} has no name: give one to --out");
        if (File.Exists(path)) throw new RunFolderException($"'{path}' is a file, but a folder is needed: name another with --out");
        try
        {
            string root = Directory.CreateDirectory(path).FullName, file = Path.Combine(root, page);
            if (File.Exists(Path.Combine(root, "config.yaml")))
                throw new RunFolderException($"'{path}' is the folder of a run, which {stranger} not belong in: name another with --out");
            if (Directory.Exists(file) || (File.Exists(file) && !File.ReadAllText(file).Contains($"content=\"{generator}\"", StringComparison.Ordinal)))
                throw new RunFolderException($"'{file}' was not written by `{generator}` and would be lost: move it, or name another folder with --out");
            return (root, FolderLock.Take(root, other => $"another `{generator}` ({other}) works in '{path}': wait for its end, or name another folder with --out"));
        }
        catch (Exception exception) when (exception is not RunFolderException and (IOException or UnauthorizedAccessException or ArgumentException))
        {
            throw new RunFolderException($"the folder '{path}' cannot be made or written to ({exception.Message.TrimEnd('.')}): name another with --out", exception);
        }
    }
}
