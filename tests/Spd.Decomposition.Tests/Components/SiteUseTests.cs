using Spd.Engine.Graphs;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Components;

public sealed class SiteUseTests
{
    [Fact]
    public void AMapUsedTwiceIsRefused()
    {
        var exception = Assert.Throws<SiteSelectionException>(() => Prepare(new UsedTwice()));
        Assert.Equal(
            "'map' is used twice in one forward pass, but a site has one input: "
            + "give each use a linear map of its own, tied by Linear.TransposeOf where they share a matrix",
            exception.Message);
    }

    [Fact]
    public void AMapNeverUsedIsRefused()
    {
        var exception = Assert.Throws<SiteSelectionException>(() => Prepare(new NeverUsed()));
        Assert.StartsWith("'idle' is not used in the network's forward pass", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMapOfTwoNamesIsRefused()
    {
        var map = new Linear(3, 3);
        var exception = Assert.Throws<SiteSelectionException>(() => Prepare(new Sequential(("one", map), ("two", map))));
        Assert.Equal("'one' and 'two' are one and the same linear map: register it under one name", exception.Message);
    }

    [Theory]
    [InlineData("layers.[01].in", new[] { "layers.0.in", "layers.1.in" })]
    [InlineData("layers.[!0].in", new[] { "layers.1.in", "layers.2.in" })]
    [InlineData("layers.?.in", new[] { "layers.0.in", "layers.1.in", "layers.2.in" })]
    [InlineData("l*", new[] { "layers.0.in", "layers.1.in", "layers.2.in" })]
    public void PatternsAreGlobs(string pattern, string[] expected)
    {
        var network = new Sequential(("layers.0.in", new Linear(2, 2)), ("layers.1.in", new Linear(2, 2)), ("layers.2.in", new Linear(2, 2)));
        Assert.Equal(expected, SitePatterns.Select(network, [pattern]).Select(site => site.Path));
    }

    [Fact]
    public void AStarInASetIsAStar() =>
        Assert.Throws<SiteSelectionException>(() => SitePatterns.Select(new Sequential(("a.b", new Linear(2, 2))), ["a[*]b"]));

    private static void Prepare(Module network)
    {
        var options = new DecompositionOptions { C = 4, TargetModulePatterns = ["*"], BatchSize = 8 };
        using var backend = TestBackend.Create(1);
        var step = new DecompositionStep(
            ComponentModel.Create(network, options.TargetModulePatterns, 4, 0, seed: 0), new SparseFeatures(3, 0.5), options, backend);
    }

    private sealed class UsedTwice : Module
    {
        private readonly Linear _map;

        public UsedTwice() => _map = Add("map", new Linear(3, 3));

        public override Value Forward(ForwardPass pass, Value x) => _map.Forward(pass, _map.Forward(pass, x));
    }

    private sealed class NeverUsed : Module
    {
        private readonly Linear _map;

        public NeverUsed()
        {
            _map = Add("map", new Linear(3, 3));
            Add("idle", new Linear(3, 3));
        }

        public override Value Forward(ForwardPass pass, Value x) => _map.Forward(pass, x);
    }
}
