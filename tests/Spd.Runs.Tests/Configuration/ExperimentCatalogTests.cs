using Spd.Baselines;
using Spd.Runs.Configuration;

namespace Spd.Runs.Tests.Configuration;

public sealed class ExperimentCatalogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheShippedExperimentsAreListedWithADescription()
    {
        var entries = ExperimentCatalog.BesideProgram().Entries;
        Assert.Equal(["tms_5-2", "tms_5-2-id"], entries.Select(entry => entry.Name).Intersect(["tms_5-2", "tms_5-2-id"]));
        Assert.All(entries, entry => Assert.NotEqual("", entry.Description));
    }

    [Fact]
    public void EveryShippedExperimentLoads()
    {
        var catalog = new ExperimentCatalog(ExperimentCatalog.BesideProgramFolder) { Fetch = (_, _) => _folder.Root, Methods = [ApdMethod.Instance] };
        Assert.All(catalog.Entries, entry => Assert.Empty(catalog.Load(entry.Name).Notes));
    }

    [Theory]
    [InlineData("tms52", "no experiment is called 'tms52'; nearest: tms_5-2, tms_5-2-id; `spd list` shows all")]
    [InlineData("quite something else", "no experiment is called 'quite something else'; `spd list` shows all")]
    public void AnUnknownNameIsAnsweredWithTheNearest(string name, string expected)
    {
        _folder.Write("tms_5-2.yaml", "description: a");
        _folder.Write("tms_5-2-id.yaml", "description: b");
        Assert.Equal(expected, Assert.Throws<ConfigException>(() => new ExperimentCatalog(_folder.Root).Find(name)).Message);
    }

    [Fact]
    public void AFileIsFoundByItsPath()
    {
        var catalog = ExperimentCatalog.BesideProgram();
        string path = _folder.Write("mine.yml", ExperimentConfigTests.Minimal);
        Assert.Equal("mine", catalog.Load(path).Config.Name);
        Assert.Equal("_odd name_", catalog.Load(_folder.Write("!odd name?.yaml", ExperimentConfigTests.Minimal)).Config.Name);
    }

    [Fact]
    public void WhatIsNoFileIsSaidSo()
    {
        var catalog = ExperimentCatalog.BesideProgram();
        Assert.Equal("there is no config file 'missing.yaml'", Message("missing.yaml"));
        Assert.Equal($"'{_folder.Root}' is a folder, not a config file", Message(_folder.Root));
        string inside = _folder.Write("config.yaml", "");
        Assert.Equal($"'{_folder.Root}' is a folder, not a config file; did you mean '{inside}'?", Message(_folder.Root));
        File.WriteAllBytes(_folder["big.yaml"], new byte[(1 << 20) + 1]);
        Assert.Contains("is larger than 1 MiB", Message(_folder["big.yaml"]), StringComparison.Ordinal);
        File.WriteAllBytes(_folder["binary.yaml"], [0, 1, 2, 200, 80, 75]);
        Assert.Contains("binary.yaml", Message(_folder["binary.yaml"]), StringComparison.Ordinal);

        string Message(string path) => Assert.Throws<ConfigException>(() => catalog.Load(path)).Message;
    }

    [Fact]
    public void ATargetMayBeNamedThroughAnotherButNotInACircle()
    {
        _folder.Write("a.yaml", "target: b");
        _folder.Write("b.yaml", "target: {train: {tms_model_config: {n_features: 9, n_hidden: 3}}}");
        _folder.Write("round.yaml", "target: about");
        _folder.Write("about.yaml", "target: round");
        _folder.Write("none.yaml", "seed: 0");
        var catalog = new ExperimentCatalog(_folder.Root);
        string text = ExperimentConfigTests.Minimal.Replace("target: tms_5-2", "target: ", StringComparison.Ordinal);

        Assert.Equal(9, Parse("a").Config.Target.Features);
        Assert.Contains("refers to itself", Assert.Throws<ConfigException>(() => Parse("round")).Message, StringComparison.Ordinal);
        Assert.Contains(
            "that experiment does not say how its target is trained",
            Assert.Throws<ConfigException>(() => Parse("none")).Message,
            StringComparison.Ordinal);

        Loaded<ExperimentConfig> Parse(string target) => ExperimentConfig.Parse(text, "x.yaml", [ConfigOverride.Parse($"target={target}")], catalog);
    }

    [Theory]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    [InlineData("same", "SAME", 0)]
    [InlineData("setps", "steps", 1)]
    [InlineData("lr", "lr_schedule", 9)]
    public void TheDistanceCountsEdits(string first, string second, int expected)
    {
        Assert.Equal(expected, NearestNames.Distance(first, second));
        Assert.Equal(expected, NearestNames.Distance(second, first));
    }

    [Fact]
    public void TheNearestNamesComeFirstAndFarOnesNotAtAll()
    {
        Assert.Equal(["steps", "setup"], NearestNames.To("setps", ["seed", "setup", "importance", "steps"], most: 2));
        Assert.Equal(["C"], NearestNames.To("c", ["C", "lr"]));
        Assert.Empty(NearestNames.To("x", ["C", "lr"]));
    }
}
