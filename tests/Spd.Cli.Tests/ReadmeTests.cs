using System.Text.RegularExpressions;
using Spd.Runs;
using Spd.Runs.Targets;

namespace Spd.Cli.Tests;

public sealed class ReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));

    [Fact]
    public void TheReadmeShowsTheExampleThatIsRunHere()
    {
        string example = File.ReadAllText(Path.Combine(Repository.Root, "examples", "OwnNetwork", "Program.cs"));
        Assert.Contains($"```csharp\n{example}```", Readme, StringComparison.Ordinal);
    }

    [Fact]
    public void TheExampleDecomposesItsNetworkAndPrintsWhatTheReadmeSays()
    {
        using var spd = new SpdProgram();
        using var process = spd.StartProgram("dotnet", Path.Combine(AppContext.BaseDirectory, "OwnNetwork.dll"));
        var (code, output, error) = SpdProgram.Finish(process);
        TestContext.Current.TestOutputHelper!.WriteLine(output);
        Assert.Equal((0, ""), (code, error));

        string[] lines = output.TrimEnd().Split('\n');
        Assert.StartsWith("step 10000 of 10000: loss ", lines[^4], StringComparison.Ordinal);
        // Other kernels round otherwise, so the digits are not everywhere those of the README.
        string told = Regex.Match(Readme, "ends with\n\n```\n(hidden: .*?)\n```", RegexOptions.Singleline).Groups[1].Value;
        Assert.Equal(WithoutDigits(told), WithoutDigits(string.Join('\n', lines[^3..])));
        double[] sites = [.. lines[^3..^1].Select(line => Number(line, ": ([0-9]+) of 16"))];
        Assert.All(sites, alive => Assert.InRange(alive, 4, 12));
        Assert.InRange(Number(lines[^1], "error: ([^ ]+)"), 0, 1e-4);
        Assert.InRange(Number(lines[^1], ", ([^ ]+) with the unneeded"), 0, 2e-3);

        static double Number(string line, string pattern) => double.Parse(Regex.Match(line, pattern).Groups[1].Value);

        static string WithoutDigits(string text) => Regex.Replace(text, "[0-9]+", "#");
    }

    [Fact]
    public void TheLibrariesAreOptimisedInADebugBuildToo()
    {
        using var spd = new SpdProgram();
        foreach (string project in new[] { "Spd.Engine", "Spd.Networks", "Spd.Decomposition" })
        {
            string path = Path.Combine(Repository.Root, "src", project);
            using var process = spd.StartProgram("dotnet", "msbuild", path, "-getProperty:Optimize", "-property:Configuration=Debug");
            Assert.Equal("true", SpdProgram.Finish(process).Output.Trim());
        }
    }

    [Fact]
    public void TheConfigurationOfANetworkOfOnesOwnCanBeRead()
    {
        string yaml = Regex.Match(Readme, "```yaml\n(.*?)\n```", RegexOptions.Singleline).Groups[1].Value;
        var config = ExperimentConfig.Parse(yaml, "mine.yaml", [], new ExperimentCatalog(Path.Combine(Repository.Root, "experiments"))).Config;
        var target = Assert.IsType<MlpTargetConfig>(config.Target);
        Assert.Equal([784, 100, 100, 10], target.Model.LayerSizes);
        Assert.Equal("mine", config.Name);
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("CONTRIBUTING.md")]
    [InlineData("docs/architecture.md")]
    [InlineData("docs/results.md")]
    public void EveryLinkLeadsToAFile(string page)
    {
        string path = Path.Combine(Repository.Root, page);
        var links = Regex.Matches(File.ReadAllText(path), @"\]\((?!https?:|#)([^)#]+)").Select(match => match.Groups[1].Value).ToList();
        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.True(Path.Exists(Path.Combine(Path.GetDirectoryName(path)!, link)), $"{page} links to {link}"));
    }
}
