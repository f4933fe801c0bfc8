using System.Reflection;

namespace Spd.Runs;

/// <summary>Which program this is.</summary>
public static class ProgramVersion
{
    /// <summary>What stands for a commit that is not known, as in a build of sources without their history.</summary>
    public const string Unknown = "unknown";

    /// <summary>The commit that was checked out when the program was built, in hexadecimal; changes that were not committed do not show.</summary>
    public static string Commit { get; } = CommitOf(
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);

    /// <summary>The commit that the build wrote behind the version's plus sign.</summary>
    /// <param name="version">Such as <c>0.1.0+6d1e70b</c>, or null.</param>
    public static string CommitOf(string? version) => version?.Split('+', 2) is [_, { Length: > 0 } commit] ? commit : Unknown;
}
