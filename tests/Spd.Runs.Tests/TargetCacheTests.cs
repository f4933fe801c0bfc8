using Spd.Networks.Targets;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests;

public sealed class TargetCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TmsTargetConfig _config = new();

    private TargetCache Cache => new(_folder["cache"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AStoredTargetIsLoadedForItsConfigurationAndSeedOnly()
    {
        var network = Network(1);
        Assert.False(Cache.TryLoad(_config.ToYaml(), Network(2), out string? note));
        Assert.Null(note);
        Assert.Null(Cache.Store(_config.ToYaml(), network));

        var loaded = Network(2);
        Assert.True(Cache.TryLoad(_config.ToYaml(), loaded, out note));
        Assert.Null(note);
        Assert.Equal(network.Linear1.Weight.Values.ToArray(), loaded.Linear1.Weight.Values.ToArray());
        Assert.Equal(network.Linear2.Bias!.Values.ToArray(), loaded.Linear2.Bias!.Values.ToArray());
        Assert.False(Cache.TryLoad((_config with { Seed = 1 }).ToYaml(), loaded, out _));
        Assert.False(Cache.TryLoad((_config with { Lr = 4e-3 }).ToYaml(), loaded, out _));
        string entry = Assert.Single(Directory.EnumerateFileSystemEntries(Cache.Folder));
        Assert.Equal(["config.yaml", "weights.safetensors"], Directory.EnumerateFiles(entry).Select(path => Path.GetFileName(path)).Order());
    }

    [Theory]
    [InlineData("flipped")]
    [InlineData("cut")]
    [InlineData("weights gone")]
    [InlineData("config gone")]
    [InlineData("config changed")]
    public void ADamagedEntryIsPassedOverWithANoteAndReplaced(string damage)
    {
        Cache.Store(_config.ToYaml(), Network(1));
        string entry = Assert.Single(Directory.EnumerateDirectories(Cache.Folder));
        string weights = Path.Combine(entry, "weights.safetensors"), config = Path.Combine(entry, "config.yaml");
        byte[] bytes = File.ReadAllBytes(weights);
        switch (damage)
        {
            case "flipped": bytes[^2] ^= 1; File.WriteAllBytes(weights, bytes); break;
            case "cut": File.WriteAllBytes(weights, bytes[..^4]); break;
            case "weights gone": File.Delete(weights); break;
            case "config gone": File.Delete(config); break;
            default: File.AppendAllText(config, "x: 1\n"); break;
        }

        var network = Network(2);
        float[] before = network.Linear1.Weight.Values.ToArray();
        Assert.False(Cache.TryLoad(_config.ToYaml(), network, out string? note));
        Assert.StartsWith($"the cached target '{entry}' is damaged and not used: ", note, StringComparison.Ordinal);
        Assert.Equal(before, network.Linear1.Weight.Values.ToArray());
        Assert.Null(Cache.Store(_config.ToYaml(), network));
        Assert.True(Cache.TryLoad(_config.ToYaml(), network, out _));
    }

    [Fact]
    public void AnIntactEntryIsNotReplaced()
    {
        var network = Network(1);
        Cache.Store(_config.ToYaml(), network);
        Assert.Null(Cache.Store(_config.ToYaml(), Network(2)));
        var loaded = Network(3);
        Assert.True(Cache.TryLoad(_config.ToYaml(), loaded, out _));
        Assert.Equal(network.Linear1.Weight.Values.ToArray(), loaded.Linear1.Weight.Values.ToArray());
        Assert.Single(Directory.EnumerateFileSystemEntries(Cache.Folder));
    }

    [Fact]
    public void ACacheThatCannotBeWrittenIsNoMoreThanANote()
    {
        var cache = new TargetCache(Path.Combine(_folder.Write("file", "x"), "cache"));
        Assert.Contains("the trained target could not be kept in", cache.Store(_config.ToYaml(), Network(1)), StringComparison.Ordinal);
        Assert.False(cache.TryLoad(_config.ToYaml(), Network(1), out _));
    }

    [Fact]
    public void TheFolderComesFromTheEnvironment()
    {
        Assert.Equal("/own", Folder(("SPD_CACHE", "/own"), ("XDG_CACHE_HOME", "/xdg")));
        Assert.Equal(Path.Combine("/xdg", "spd", "targets"), Folder(("SPD_CACHE", ""), ("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home/me")));
        if (OperatingSystem.IsLinux()) Assert.Equal("/home/me/.cache/spd/targets", Folder(("HOME", "/home/me")));
        // Not everybody's, where there is no home.
        if (OperatingSystem.IsLinux()) Assert.Equal(Path.Combine(Path.GetTempPath(), $"spd-{Environment.UserName}", "spd", "targets"), Folder());
    }

    private static string Folder(params (string Name, string Value)[] variables) =>
        TargetCache.DefaultFolder(name => variables.FirstOrDefault(variable => variable.Name == name).Value);

    private static Tms Network(ulong seed)
    {
        var network = new Tms(new TmsModelConfig { InitBiasToZero = false });
        network.Initialise(seed);
        return network;
    }
}
