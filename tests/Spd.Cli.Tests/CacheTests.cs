using System.Text.Json;

namespace Spd.Cli.Tests;

/// <summary><c>spd cache</c>.</summary>
public sealed class CacheTests : IDisposable
{
    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void TheTargetOfARunIsListedWithItsExperimentsAndRemoved()
    {
        Assert.Equal((0, $"Cache: {_spd.Cache}\nIt is empty.\n", ""), _spd.Run("cache"));
        Assert.Equal(0, _spd.Run("run", "tms_5-2", "--out", "a", "--quiet", "--steps", "5", "--set", "n_eval_steps=1").ExitCode);
        File.WriteAllText(Path.Combine(_spd.Cache, "notes.txt"), "mine");
        string partial = Directory.CreateDirectory(Path.Combine(_spd.Cache, $"{new string('a', 32)}.{new string('b', 32)}.tmp")).FullName;
        using (var listed = JsonDocument.Parse(_spd.Run("cache", "--json").Output))
        {
            var entries = listed.RootElement.GetProperty("entries").EnumerateArray().ToDictionary(entry => entry.GetProperty("kind").GetString()!);
            Assert.Equal(["partial", "target"], entries.Keys.Order());
            Assert.Contains("tms_5-2", entries["target"].GetProperty("of").GetString()!.Split(", "));
            Assert.True(entries["target"].GetProperty("bytes").GetInt64() > 0);
            // What was made just now may be being written.
            Assert.True(entries["partial"].GetProperty("in_use").GetBoolean());
        }

        Assert.Contains("Removed 1 of 2 entries", _spd.Run("cache", "--empty").Output, StringComparison.Ordinal);
        Assert.Equal([partial, Path.Combine(_spd.Cache, "notes.txt")], Directory.GetFileSystemEntries(_spd.Cache).Order());
        Directory.SetLastWriteTime(partial, DateTime.Now.AddHours(-1));
        Assert.Contains("Removed 1 of 1 entries", _spd.Run("cache", "--empty").Output, StringComparison.Ordinal);
        Assert.Equal([Path.Combine(_spd.Cache, "notes.txt")], Directory.GetFileSystemEntries(_spd.Cache));
    }

    [Fact]
    public void ATrainingThatGoesOnIsLeftAlone()
    {
        using var process = _spd.Start("run", "tms_5-2", "--out", "a", "--quiet", "--set", "target.train.steps=10000000");
        SpdProgram.WaitFor(process, () => Directory.GetDirectories(_spd.Cache, "*.training") is [var folder] && File.Exists(Path.Combine(folder, ".lock")));
        var (_, output, _) = _spd.Run("cache", "--empty");
        Assert.Contains("Removed 0 of 1 entries", output, StringComparison.Ordinal);
        Assert.Contains("in use", output, StringComparison.Ordinal);
        process.Kill();
        SpdProgram.Finish(process);
        Assert.Contains("Removed 1 of 1 entries", _spd.Run("cache", "--empty").Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_spd.Cache));
    }
}
