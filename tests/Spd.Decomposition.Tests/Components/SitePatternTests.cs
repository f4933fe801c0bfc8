using Spd.Networks;
using Spd.Networks.Targets;

namespace Spd.Decomposition.Tests.Components;

public sealed class SitePatternTests
{
    private static readonly Module Mlp = new ResidualMlp(new ResidualMlpConfig { NFeatures = 3, DEmbed = 4, DMlp = 2, NLayers = 3 });

    private const string MlpMaps = "layers.0.mlp_in, layers.0.mlp_out, layers.1.mlp_in, layers.1.mlp_out, layers.2.mlp_in, layers.2.mlp_out";

    [Theory]
    [InlineData("layers.1.mlp_in", "layers.1.mlp_in")]
    [InlineData("layers.*.mlp_in", "layers.0.mlp_in layers.1.mlp_in layers.2.mlp_in")]
    [InlineData("layers.?.mlp_out", "layers.0.mlp_out layers.1.mlp_out layers.2.mlp_out")]
    [InlineData("layers.[02].mlp_in", "layers.0.mlp_in layers.2.mlp_in")]
    [InlineData("layers.[!02].mlp_in", "layers.1.mlp_in")]
    [InlineData("layers.[0-1].mlp_in", "layers.0.mlp_in layers.1.mlp_in")]
    [InlineData("*_in", "layers.0.mlp_in layers.1.mlp_in layers.2.mlp_in")]
    [InlineData("layers.0*", "layers.0.mlp_in layers.0.mlp_out")]
    [InlineData("layers.2.mlp_out layers.0.mlp_in layers.0.mlp_in *.0.mlp_in", "layers.0.mlp_in layers.2.mlp_out")]
    public void PatternsChooseSitesInTheNetworksOrder(string patterns, string expected) =>
        Assert.Equal(expected.Split(' '), SitePatterns.Select(Mlp, patterns.Split(' ')).Select(site => site.Path));

    [Fact]
    public void AStarTakesEverything() => Assert.Equal(6, SitePatterns.Select(Mlp, ["*"]).Count);

    [Theory]
    [InlineData("layers.*.mlp")]
    [InlineData("layersx0.mlp_in")]
    [InlineData("Layers.0.mlp_in")]
    [InlineData("layers.0.mlp_in.weight")]
    [InlineData("W_E")]
    [InlineData("layers.[9].mlp_in")]
    [InlineData("layers.(0|1).mlp_in")]
    [InlineData("layers.\\d.mlp_in")]
    [InlineData("layers.[0.mlp_in")]
    [InlineData("layers.[1-0].mlp_in")]
    [InlineData("")]
    public void APatternThatMatchesNothingIsNamed(string pattern)
    {
        var exception = Assert.Throws<SiteSelectionException>(() => SitePatterns.Select(Mlp, ["layers.0.mlp_in", pattern]));
        Assert.Equal($"site pattern '{pattern}' matches no module; linear modules are: {MlpMaps}", exception.Message);
    }

    [Fact]
    public void APatternIsShownOnOneLineAndCut()
    {
        Assert.Equal(
            $"site pattern '\ufffd\ufffd[2J\ufffd\ufffd{new string('a', 93)}…' matches no module; linear modules are: {MlpMaps}",
            Assert.Throws<SiteSelectionException>(() => SitePatterns.Select(Mlp, [$"\n\u001b[2J\u202e\u2028{new string('a', 1000)}"])).Message);
        Assert.StartsWith(
            "C names '\ufffd', which",
            Assert.Throws<SiteSelectionException>(() => SitePatterns.SubcomponentCounts(["a"], new Dictionary<string, int> { ["\u0007"] = 1 })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void APatternOfManyStarsTakesNoLongerThanOthers()
    {
        var network = new Sequential((new string('a', 60), new Linear(2, 2)));
        Assert.Throws<SiteSelectionException>(() => SitePatterns.Select(network, [$"{string.Concat(Enumerable.Repeat("*a", 25))}[!a]"]));
        Assert.Throws<SiteSelectionException>(() => SitePatterns.Select(network, [new string('a', 100_000)]));
    }

    [Fact]
    public void AModuleThatIsNoLinearMapIsNamed()
    {
        var network = new Sequential(
            ("linear", new Linear(2, 2)), ("relu", new Activation(ActivationName.Relu)), ("block", new Sequential(("linear", new Linear(2, 2)))));
        Assert.Equal(
            "site pattern 're*' matches 'relu', which is no linear map but Activation; linear modules are: linear, block.linear",
            Assert.Throws<SiteSelectionException>(() => SitePatterns.Select(network, ["re*"])).Message);
        Assert.Equal(
            "site pattern 'block*' matches 'block', which is no linear map but Sequential; linear modules are: linear, block.linear",
            Assert.Throws<SiteSelectionException>(() => ComponentModel.Create(network, ["block*"], 2, 0, 0)).Message);
        Assert.Equal(["linear", "block.linear"], SitePatterns.Select(network, ["*linear"]).Select(site => site.Path));
    }

    [Fact]
    public void NoPatternsAreNamedToo() => Assert.Equal(
        $"target_module_patterns is empty; linear modules are: {MlpMaps}", Assert.Throws<SiteSelectionException>(() => SitePatterns.Select(Mlp, [])).Message);
}
