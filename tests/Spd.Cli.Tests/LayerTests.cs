using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Spd.Cli.Tests;

/// <summary>Each project of src builds only on those before it, uses only the parts of the system that its work is about, and has folders in an order too.</summary>
public sealed partial class LayerTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Spd.Engine"] = [],
        ["Spd.Formats"] = [],
        ["Spd.Text"] = ["Spd.Formats"],
        ["Spd.Networks"] = ["Spd.Engine", "Spd.Formats"],
        ["Spd.Decomposition"] = ["Spd.Engine", "Spd.Networks"],
        ["Spd.Figures"] = [],
        ["Spd.Runs"] = ["Spd.Engine", "Spd.Formats", "Spd.Text", "Spd.Networks", "Spd.Decomposition", "Spd.Figures"],
        ["Spd.Baselines"] = ["Spd.Engine", "Spd.Formats", "Spd.Networks", "Spd.Decomposition", "Spd.Figures", "Spd.Runs"],
        ["Spd.Paper"] = ["Spd.Formats", "Spd.Figures", "Spd.Runs"],
        ["Spd.Cli"] = ["Spd.Engine", "Spd.Formats", "Spd.Text", "Spd.Networks", "Spd.Decomposition", "Spd.Figures", "Spd.Runs", "Spd.Baselines", "Spd.Paper"],
    };

    // Of System.IO, what touches no disk; every other type of it does.
    private static readonly string[] InMemory =
    [
        "Stream", "MemoryStream", "BinaryReader", "BinaryWriter", "TextReader", "TextWriter", "StringReader", "StringWriter",
        "IOException", "InvalidDataException", "EndOfStreamException",
    ];

    private static readonly string Source = Path.Combine(Repository.Root, "src");

    public static TheoryData<string> Projects => [.. Directory.GetDirectories(Source).Select(folder => Path.GetFileName(folder)!)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void AProjectReferencesOnlyTheLayersBelow(string project)
    {
        Assert.True(
            Allowed.ContainsKey(project),
            $"src/{project} has no place among the layers yet: say here, and in docs/architecture.md, which it builds on");
        Assert.All(ProjectReferences(project), reference => Assert.Contains(reference, Allowed[project]));
        using var file = new PEReader(File.OpenRead(AssemblyOf(project)));
        var metadata = file.GetMetadataReader();
        var used = metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name));
        Assert.All(used.Where(name => name.StartsWith("Spd.", StringComparison.Ordinal)), name => Assert.Contains(name, Allowed[project]));
    }

    [Theory]
    [InlineData("Spd.Engine")]
    [InlineData("Spd.Decomposition")]
    [InlineData("Spd.Figures")]
    public void TheMethodKnowsNothingOfFilesAndScreens(string project)
    {
        var types = TypesOfTheSystem(project);
        Assert.Contains("System.Math", types);
        Assert.DoesNotContain(types, IsOfAFile);
        Assert.DoesNotContain(types, IsOfAScreenOrTheWorld);
    }

    [Theory]
    [InlineData("Spd.Formats")]
    [InlineData("Spd.Text")]
    [InlineData("Spd.Networks")]
    [InlineData("Spd.Runs")]
    [InlineData("Spd.Baselines")]
    [InlineData("Spd.Paper")]
    public void OnlyTheProgramKnowsOfScreens(string project) =>
        Assert.DoesNotContain(TypesOfTheSystem(project), type => IsOfAScreenOrTheWorld(type) && !(project == "Spd.Formats" && IsOfADownload(type)));

    [Fact]
    public void OnlyTheHubIsAskedForAnything()
    {
        Assert.Contains(TypesOfTheSystem("Spd.Formats"), IsOfADownload);
        var asking = Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
            .Where(path => Request().IsMatch(CommentOrString().Replace(File.ReadAllText(path), " "))).Select(path => Path.GetRelativePath(Source, path).Replace('\\', '/'));
        Assert.Equal(["Spd.Formats/Hub/HubClient.cs"], asking);
    }

    [Fact]
    public void WhatIsForbiddenIsFoundWhereItIs()
    {
        Assert.Contains(TypesOfTheSystem("Spd.Formats"), type => type == "System.IO.FileStream" && IsOfAFile(type));
        Assert.Contains(TypesOfTheSystem("Spd.Cli"), type => type == "System.Console" && IsOfAScreenOrTheWorld(type));
    }

    [Fact]
    public void NoTwoFoldersUseEachOther()
    {
        var uses = UsesBetweenFolders();
        var ties = uses.Keys.Where(pair => string.CompareOrdinal(pair.From, pair.To) < 0 && uses.ContainsKey((pair.To, pair.From)))
            .ToDictionary(pair => $"{pair.From} <-> {pair.To}", pair => $"{uses[pair]} and {uses[(pair.To, pair.From)]}");
        Assert.True(uses.Count > 20, "hardly any use between folders is seen: the pattern does not fit the source any more");
        Assert.True(ties.Count == 0, $"two folders cannot be understood one without the other: {string.Join("; ", ties.Select(tie => $"{tie.Key}: {tie.Value}"))}");
    }

    private static bool IsOfAFile(string type) =>
        type.StartsWith("System.IO.", StringComparison.Ordinal) && !InMemory.Contains(type.Split('.')[^1])
        && !type.StartsWith("System.IO.Hashing.", StringComparison.Ordinal) && !type.StartsWith("System.IO.Compression.", StringComparison.Ordinal);

    private static bool IsOfAScreenOrTheWorld(string type) =>
        type is "System.Console" or "System.Diagnostics.Process"
        || (type.StartsWith("System.Net.", StringComparison.Ordinal) && type != "System.Net.WebUtility")
        || type.StartsWith("Spectre.", StringComparison.Ordinal) || type.StartsWith("System.CommandLine.", StringComparison.Ordinal);

    /// <summary>What downloads a model from a hub: a file that is named by where it lies in the world. Nothing else here speaks to the world.</summary>
    private static bool IsOfADownload(string type) => type.StartsWith("System.Net.Http.", StringComparison.Ordinal) || type == "System.Net.HttpStatusCode";

    /// <summary>The full names of all types of other assemblies that the compiled project uses, wherever and however it is written.</summary>
    private static List<string> TypesOfTheSystem(string project)
    {
        using var file = new PEReader(File.OpenRead(AssemblyOf(project)));
        var metadata = file.GetMetadataReader();
        return
        [
            .. metadata.TypeReferences.Select(metadata.GetTypeReference)
                .Select(type => $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}"),
        ];
    }

    private static string AssemblyOf(string project) => Path.Combine(AppContext.BaseDirectory, $"{(project == "Spd.Cli" ? "spd" : project)}.dll");

    private static IEnumerable<string> ProjectReferences(string project) => XDocument.Load(Path.Combine(Source, project, $"{project}.csproj"))
        .Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

    /// <summary>
    /// For two folders, an example of a file of the first that uses a type of the second. A type is a name that is declared at the edge of a file in one
    /// folder only; a use is that name as a word outside comments and strings, neither behind a dot nor the name of a member of the same file.
    /// </summary>
    private static Dictionary<(string From, string To), string> UsesBetweenFolders()
    {
        var files = Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
            .Select(path => (Path: Path.GetRelativePath(Source, path).Replace('\\', '/'), Code: CommentOrString().Replace(File.ReadAllText(path), " ")))
            .Where(file => !file.Path.Contains("/obj/", StringComparison.Ordinal) && !file.Path.Contains("/bin/", StringComparison.Ordinal)).ToList();
        var homes = files.SelectMany(file => Declaration().Matches(file.Code).Select(match => (Type: match.Groups[1].Value, Folder: FolderOf(file.Path))))
            .Distinct().GroupBy(home => home.Type).Where(home => home.Count() == 1).ToDictionary(home => home.Key, home => home.Single().Folder);
        var uses = new Dictionary<(string, string), string>();
        foreach (var (path, code) in files)
        {
            string folder = FolderOf(path), project = path.Split('/')[0];
            var members = Member().Matches(code).Select(match => match.Groups[1].Value).ToHashSet();
            foreach (string word in Word().Matches(code).Select(match => match.Value).Distinct().Where(word => !members.Contains(word)))
            {
                if (!homes.TryGetValue(word, out string? home) || home == folder) continue;
                // A name may be another's in a project that cannot see this one.
                string other = home.Split('/')[0];
                if (other == project || Allowed[project].Contains(other)) uses.TryAdd((folder, home), $"{Path.GetFileName(path)} uses {word}");
            }
        }

        return uses;

        static string FolderOf(string path) => path[..path.LastIndexOf('/')];
    }

    [GeneratedRegex("""//[^\n]*|/\*.*?\*/|\$*"{3,}.*?"{3,}|\$?@\$?"(?:""|[^"])*"|\$?"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""", RegexOptions.Singleline)]
    private static partial Regex CommentOrString();

    [GeneratedRegex(
        @"^(?:(?:public|internal|file|static|sealed|abstract|readonly|unsafe|partial|ref)\s+)*(?:class|struct|interface|enum|record(?:\s+struct|\s+class)?|delegate\s+[\w<>?,\[\] ]+?)\s+(\w+)",
        RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(
        @"\b(?:public|internal|private|protected|static|override|abstract|virtual)\b[^;={}()\n]*?\b(\w+)\s*(?:<[^>\n]*>\s*)?(?:\(|\{|=>|;|=)")]
    private static partial Regex Member();

    [GeneratedRegex(@"\bHttp(?:Client|Request|Response|Message)\w*")]
    private static partial Regex Request();

    [GeneratedRegex(@"(?<![.\w])[A-Z]\w+\b")]
    private static partial Regex Word();
}
