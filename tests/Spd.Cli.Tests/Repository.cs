namespace Spd.Cli.Tests;

/// <summary>The checkout that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string folder) =>
        File.Exists(Path.Combine(folder, "Spd.slnx")) ? folder
        : Path.GetDirectoryName(folder) is { } parent ? Find(parent)
        : throw new InvalidOperationException("the tests do not lie below a folder with Spd.slnx");
}
