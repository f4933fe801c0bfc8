namespace Spd.Tests;

/// <summary>
/// Files that are too large for the repository, or not ours to keep in it: in <c>../shared</c> beside it, or where SPD_SHARED points.
/// A test skips without them.
/// </summary>
internal static class SharedFiles
{
    private static string? Folder { get; } =
        Environment.GetEnvironmentVariable("SPD_SHARED") is { Length: > 0 } folder ? folder : Beside(AppContext.BaseDirectory);

    /// <summary>The path of a file; skips the test where there is none.</summary>
    /// <param name="name">Its path below the folder, with slashes.</param>
    public static string Find(string name)
    {
        string? path = Folder is null ? null : Path.Combine([Folder, .. name.Split('/')]);
        Assert.SkipUnless(File.Exists(path), $"there is no {name} in ../shared beside the repository, nor where SPD_SHARED points");
        return path!;
    }

    private static string? Beside(string folder) =>
        Path.GetDirectoryName(folder) is not { } parent ? null
        : File.Exists(Path.Combine(folder, "Spd.slnx")) ? Path.Combine(parent, "shared")
        : Beside(parent);
}
