using System.Text.RegularExpressions;
using Spd.Runs.Configuration;

namespace Spd.Cli.Tests;

public sealed class ReadmeTests
{
    [Fact]
    public void TheReadmeShowsTheExampleThatIsCompiledHere()
    {
        string source = File.ReadAllText(Path.Combine(Repository.Root, "tests", "Spd.Cli.Tests", "ReadmeExample.cs"));
        string example = Regex.Match(source, "// README begins\n(.*)\n// README ends", RegexOptions.Singleline).Groups[1].Value;
        Assert.NotEmpty(example);
        Assert.Contains($"```csharp\n{example}\n```", File.ReadAllText(Path.Combine(Repository.Root, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void TheExampleDecomposesItsNetwork()
    {
        using var output = new StringWriter();
        var evidence = MyDecomposition.Run(output);
        TestContext.Current.TestOutputHelper!.WriteLine(output.ToString());

        Assert.Equal(["hidden", "out"], evidence.Sites.Select(site => site.Name));
        Assert.All(evidence.Sites, site => Assert.InRange(site.Alive, 4, 12));
        Assert.InRange(evidence.UnmaskedRecon, 0, 1e-4);
        Assert.InRange(evidence.StochasticRecon, 0, 2e-3);
    }

    [Fact]
    public void TheConfigurationOfANetworkOfOnesOwnCanBeRead()
    {
        string yaml = Regex.Match(File.ReadAllText(Path.Combine(Repository.Root, "README.md")), "```yaml\n(.*?)\n```", RegexOptions.Singleline).Groups[1].Value;
        var config = ExperimentConfig.Parse(yaml, "mine.yaml", [], new ExperimentCatalog(Path.Combine(Repository.Root, "experiments"))).Config;
        var target = Assert.IsType<MlpTargetConfig>(config.Target);
        Assert.Equal([784, 100, 100, 10], target.Model.LayerSizes);
        Assert.Equal("mine", config.Name);
    }

    [Theory]
    [InlineData("README.md")]
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
