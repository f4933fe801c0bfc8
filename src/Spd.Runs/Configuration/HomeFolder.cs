namespace Spd.Runs.Configuration;

/// <summary>Paths as shells write them.</summary>
internal static class HomeFolder
{
    /// <summary>A path that begins with <c>~</c> alone, as a full one; any other as it is.</summary>
    public static string Expand(string path) => path is ['~'] or ['~', '/', ..] || (OperatingSystem.IsWindows() && path is ['~', '\\', ..])
        ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + path[1..]
        : path;
}
