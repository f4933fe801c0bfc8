namespace Spd.Formats.Tests;

public sealed class ArrayArchiveWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatIsBegunHasNoNameUntilItIsWhole()
    {
        string path = _folder["a.npz"], left = $"{path}.0{AtomicFile.Unfinished}";
        File.WriteAllText(left, "of a program that was killed");
        using var writer = new ArrayArchiveWriter(path);
        writer.Append("b/0", [2], [1f, 2, 3, 4]);
        writer.Append("tokens", [], [5, 6]);
        writer.Append("b/0", [2], [7f, 8]);
        // So that a program that is killed here leaves nothing, however much was given.
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!));
        writer.Finish();
        Assert.Equal([path], Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!));
        var array = ArrayFile.Read($"{path}:b/0");
        Assert.Equal([3, 2], array.Shape);
        Assert.Equal([1, 2, 3, 4, 7, 8], array.Values);
    }
}
