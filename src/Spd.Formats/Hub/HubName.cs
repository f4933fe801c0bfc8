using System.Text.RegularExpressions;

namespace Spd.Formats;

/// <summary>A model at a hub, <c>hub:owner/name</c>, or a revision of it, <c>hub:owner/name@revision</c>.</summary>
public sealed partial record HubName
{
    /// <summary>What such names begin with.</summary>
    public const string Prefix = "hub:";

    /// <summary>The revision that is meant where none is named.</summary>
    public const string DefaultRevision = "main";

    private const int LongestRepository = 96, LongestRevision = 255;

    private HubName(string repository, string revision) => (Repository, Revision) = (repository, revision);

    /// <summary>The owner and the name, with a slash between them.</summary>
    public string Repository { get; }

    /// <summary>A branch, a tag or a commit.</summary>
    public string Revision { get; }

    /// <summary>Whether a text is meant as such a name.</summary>
    public static bool IsMeantBy(string text) => text.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Reads a name.</summary>
    /// <exception cref="HubException">It is none.</exception>
    public static HubName Parse(string text)
    {
        string rest = IsMeantBy(text) ? text[Prefix.Length..] : text;
        int at = rest.IndexOf('@', StringComparison.Ordinal);
        string repository = at < 0 ? rest : rest[..at], revision = at < 0 ? DefaultRevision : rest[(at + 1)..];
        if (repository.Length > LongestRepository || !RepositoryPattern().IsMatch(repository))
            throw new HubException($"{Quoted.Of(text)} names no model: write {Prefix}owner/name, as the hub's page of the model shows it");
        if (revision.Length > LongestRevision || !IsPath(revision) || revision.Any(" :*?\"<>|~^@".Contains))
            throw new HubException($"{Quoted.Of(revision)} is no revision: write a branch, a tag or a commit after {Prefix}{repository}@");
        return new HubName(repository, revision);
    }

    /// <summary>Whether a text of names with slashes between them leads to no other place than below the folder that it is looked up in.</summary>
    internal static bool IsPath(string text) => !text.Any(letter => letter is '\\' || char.IsControl(letter))
        && text.Split('/').All(part => part.Length > 0 && part is not ("." or "..") && (!OperatingSystem.IsWindows() || !part.Contains(':', StringComparison.Ordinal)));

    /// <summary>Whether a text is a commit's hash.</summary>
    internal static bool IsCommit(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>The name, its revision too where it is another than the usual.</summary>
    public override string ToString() => Revision == DefaultRevision ? $"{Prefix}{Repository}" : $"{Prefix}{Repository}@{Revision}";

    // Two hyphens or two dots in a row the hub does not allow: hyphens stand for the slash in the names of folders.
    [GeneratedRegex(@"\A(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?/[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\z")]
    private static partial Regex RepositoryPattern();
}
