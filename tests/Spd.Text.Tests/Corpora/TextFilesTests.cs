using Spd.Formats;

namespace Spd.Text.Tests;

public sealed class TextFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TextFilesTests()
    {
        Directory.CreateDirectory(_folder["data/sub"]);
        foreach (string name in new[] { "data/train-2.jsonl", "data/train-1.jsonl", "data/sub/more.jsonl", "data/LICENSE", "data/README.md", "one.txt" })
            File.WriteAllText(_folder[name], $"\"{name}\"");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AFileAFolderAndAPatternAreFound()
    {
        Assert.Equal([_folder["one.txt"]], TextFiles.Find(_folder["one.txt"]));
        Assert.Equal([_folder["data/sub/more.jsonl"], _folder["data/train-1.jsonl"], _folder["data/train-2.jsonl"]], TextFiles.Find(_folder["data"]));
        Assert.Equal([_folder["data/train-1.jsonl"], _folder["data/train-2.jsonl"]], TextFiles.Find(_folder["data/*-?.jsonl"]));
        Assert.Equal(["data/train-1.jsonl", "data/train-2.jsonl"], TextFiles.Read(TextFiles.Find(_folder["data/train*"])).Select(part => part.Text));
    }

    [Fact]
    public void WhatIsNotClearIsToldOf()
    {
        Assert.Contains("there is no file", Assert.Throws<FileNotFoundException>(() => TextFiles.Find(_folder["two.txt"])).Message, StringComparison.Ordinal);
        Refused("data/*.txt", "no file fits");
        Refused("none/*.txt", "no file fits");
        File.WriteAllText(_folder["data/notes.txt"], "x");
        Refused("data", "has texts of several kinds ('.jsonl', '.txt'): name those that are meant, as in");
        Directory.CreateDirectory(_folder["empty"]);
        Refused("empty", "has no files of text, whose names end in .txt");
    }

    private void Refused(string name, string sentence) =>
        Assert.Contains(sentence, Assert.Throws<FileContentException>(() => TextFiles.Find(_folder[name])).Message, StringComparison.Ordinal);
}
