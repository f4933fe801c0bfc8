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
        string told = Regex.Match(Readme, "ends with\n\n```text\n(hidden: .*?)\n```", RegexOptions.Singleline).Groups[1].Value;
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
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "own-networks.md"));
        string yaml = Regex.Match(page, "```yaml\n(.*?)\n```", RegexOptions.Singleline).Groups[1].Value;
        var config = ExperimentConfig.Parse(yaml, "mine.yaml", [], new ExperimentCatalog(Path.Combine(Repository.Root, "experiments"))).Config;
        var target = Assert.IsType<MlpTargetConfig>(config.Target);
        Assert.Equal([784, 100, 100, 10], target.Model.LayerSizes);
        Assert.Equal("mine", config.Name);
    }

    [Fact]
    public void TheCommandsOnTheNetworkThatOneDidNotTrainRunInAClone()
    {
        string section = Regex.Match(Readme, "## A network that you did not train here\n.*?```sh\n(.*?)\n```", RegexOptions.Singleline).Groups[1].Value;
        string[][] commands = [.. section.Split('\n').Select(line => line.Split('#')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        Assert.Equal(["inspect", "init", "run"], commands.Select(words => words[1]));
        using var spd = new SpdProgram();
        Directory.CreateDirectory(spd.PathTo("experiments", "digits"));
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "experiments", "digits")))
            File.Copy(file, spd.PathTo("experiments", "digits", Path.GetFileName(file)));
        string output = "";
        foreach (string[] words in commands)
        {
            string[] shortened = words[1] == "run" ? ["--steps", "20", "--set", "n_eval_steps=1", "--set", "batch_size=128"] : [];
            (int code, output, string error) = spd.Run([.. words[1..], .. shortened]);
            Assert.Equal((0, ""), (code, error));
        }

        Assert.Contains("it classifies 98.44 % of 1797 inputs correctly", output, StringComparison.Ordinal);
        // It is the shipped experiment, but for how often it is logged and measured.
        var experiments = new ExperimentCatalog(Path.Combine(Repository.Root, "experiments"));
        var drafted = ExperimentConfig.Parse(File.ReadAllText(spd.PathTo("mine.yaml")), "digits.yaml", [], experiments).Config;
        var shipped = (ExperimentConfig)experiments.Load("digits").Config;
        Assert.Equal(shipped.Decomposition.CBySite, drafted.Decomposition.CBySite);
        Assert.Equal(shipped.Decomposition.Steps, drafted.Decomposition.Steps);
    }

    /// <summary>The pages, by their paths from the root.</summary>
    public static TheoryData<string> Pages =>
    [
        "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "experiments/digits/README.md", "bench/README.md", "tests/golden/README.md",
        .. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Repository.Root, path).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public void EveryLinkLeadsToAFileAndAHeading(string page)
    {
        string path = Path.Combine(Repository.Root, page);
        string[] broken =
        [
            .. from link in Regex.Matches(WithoutCode(File.ReadAllText(path)), @"\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)")
               let file = link.Groups[1].Length == 0 ? path : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, link.Groups[1].Value))
               where !Path.Exists(file) || (link.Groups[2].Success && !HeadingsOf(file).Contains(link.Groups[2].Value))
               select link.Value,
        ];
        Assert.True(broken.Length == 0, $"{page} has links that lead nowhere: {string.Join(", ", broken)}");
    }

    /// <summary>What links to the headings of a page say behind the #, as GitHub makes it of them.</summary>
    private static IEnumerable<string> HeadingsOf(string path) =>
        Regex.Matches(WithoutCode(File.ReadAllText(path)), "(?m)^#+ (.+?) *$")
            .Select(heading => Regex.Replace(heading.Groups[1].Value.ToLowerInvariant(), @"[^\p{L}\p{N}_ -]", "").Replace(' ', '-'));

    private static string WithoutCode(string text) => Regex.Replace(text, "(?ms)^```.*?^```", "");
}
