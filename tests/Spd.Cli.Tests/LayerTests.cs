using System.Xml.Linq;

namespace Spd.Cli.Tests;

/// <summary>Each project of src builds only on those before it.</summary>
public sealed class LayerTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Spd.Engine"] = [],
        ["Spd.Formats"] = [],
        ["Spd.Networks"] = ["Spd.Engine", "Spd.Formats"],
        ["Spd.Decomposition"] = ["Spd.Engine", "Spd.Networks"],
        ["Spd.Figures"] = [],
        ["Spd.Runs"] = ["Spd.Engine", "Spd.Formats", "Spd.Networks", "Spd.Decomposition", "Spd.Figures"],
        ["Spd.Cli"] = ["Spd.Engine", "Spd.Formats", "Spd.Networks", "Spd.Decomposition", "Spd.Figures", "Spd.Runs"],
    };

    public static TheoryData<string> Projects =>
        [.. Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(folder => Path.GetFileName(folder)!)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void AProjectReferencesOnlyTheLayersBelow(string project)
    {
        Assert.True(
            Allowed.ContainsKey(project),
            $"src/{project} has no place among the layers yet: say here, and in docs/architecture.md, which it builds on");
        var references = XDocument.Load(Path.Combine(Repository.Root, "src", project, $"{project}.csproj"))
            .Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));
        Assert.All(references, reference => Assert.Contains(reference, Allowed[project]));
    }

    [Fact]
    public void TheMethodKnowsNothingOfFilesAndScreens()
    {
        foreach (string project in new[] { "Spd.Engine", "Spd.Decomposition", "Spd.Figures" })
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", project), "*.cs", SearchOption.AllDirectories))
            {
                if (file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)) continue;
                string text = File.ReadAllText(file);
                Assert.All(new[] { "Console.", "File.", "Directory." }, name => Assert.DoesNotContain($" {name}", text, StringComparison.Ordinal));
            }
        }
    }
}
