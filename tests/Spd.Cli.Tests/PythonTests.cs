using System.Text.Json;
using System.Text.RegularExpressions;

namespace Spd.Cli.Tests;

/// <summary><c>spd eval --dump</c>, and what docs/python.md makes of it.</summary>
public sealed class PythonTests : IDisposable
{
    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void TheCodeOfThePageRunsAndFindsTheProgramsOwnNumbers()
    {
        string? python = _spd.PythonWithNumPy();
        Assert.SkipWhen(python is null, "there is no python3 with NumPy here");
        Succeeds("run", "tms_5-2", "--out", "run", "--quiet", "--steps", "30", "--set", "batch_size=256", "--set", "n_eval_steps=1", "--set", "target.train.steps=4000");
        Assert.Contains("ci.npz, 4096 examples", Succeeds("eval", "run", "--dump", "ci.npz"), StringComparison.Ordinal);
        string code = string.Join('\n', CodeOfPage());
        Assert.Single(Regex.Matches(code, "(?m)^run = .*$"));
        File.WriteAllText(_spd.PathTo("page.py"), Regex.Replace(code, "(?m)^run = .*$", "run = \"run\""));
        using var process = _spd.StartProgram(python!, "page.py");
        var (exitCode, output, error) = SpdProgram.Finish(process);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("'linear1.importance': (4096, 20)", output, StringComparison.Ordinal);
        Assert.Contains("'outputs': (4096, 5)", output, StringComparison.Ordinal);
        Assert.InRange(NumberBehind("largest difference from the program's: "), 0, 1e-5);
        Assert.InRange(NumberBehind("largest difference from the network's matrix: "), 1e-9, 2);

        double NumberBehind(string text) => double.Parse(Regex.Match(output, Regex.Escape(text) + "([0-9.e+-]+)").Groups[1].Value);
    }

    [Fact]
    public void TheNotebookHasTheCodeOfThePage()
    {
        var cells = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "docs", "spd.ipynb"))).RootElement.GetProperty("cells").EnumerateArray();
        var code = cells.Where(cell => cell.GetProperty("cell_type").GetString() == "code")
            .Select(cell => string.Concat(cell.GetProperty("source").EnumerateArray().Select(line => line.GetString())));
        Assert.Equal(CodeOfPage(), code);
    }

    [Fact]
    public void TextIsDumpedByPosition()
    {
        TinyLanguageModel.Write(_spd.Folder);
        Succeeds("run", "tiny_lm.yaml", "--out", "run");
        Assert.Contains("3 examples", Succeeds("eval", "run", "--dump", "lm.npz", "--examples", "3", "--outputs"), StringComparison.Ordinal);
        string[] one = ["eval", "run", "--dump", "again.npz", "--examples", "3", "--outputs", "--threads", "1"];
        Succeeds(one);
        Assert.Equal(File.ReadAllBytes(_spd.PathTo("lm.npz")), File.ReadAllBytes(_spd.PathTo("again.npz")));
        string output = Succeeds("inspect", "lm.npz");
        Assert.Matches(@"tokens +\[?3, ?" + TinyLanguageModel.Length, output.Replace(" x ", ", ", StringComparison.Ordinal));
        Assert.Empty(Directory.GetFileSystemEntries(_spd.Folder, "*.tmp"));
    }

    [Theory]
    [InlineData("--dump is 'x.txt', but NumPy reads such a file only where its name ends in .npz", "--dump", "x.txt")]
    [InlineData("--dump is 'no/x.npz', but there is no folder '*no': make it first", "--dump", "no/x.npz")]
    [InlineData("--examples and --outputs go with --dump: add --dump FILE.npz", "--examples", "3")]
    [InlineData("--dump writes arrays and measures nothing: leave out --json and --batches", "--dump", "x.npz", "--json")]
    [InlineData("--dump writes arrays and measures nothing: leave out --json and --batches", "--dump", "x.npz", "--batches", "3")]
    public void WhatCannotBeDumpedIsToldBeforeAnythingIsComputed(string sentence, params string[] options)
    {
        var (code, output, error) = _spd.Run(["eval", "run", .. options]);
        Assert.Equal((2, ""), (code, output));
        Assert.Matches($"^spd: {Regex.Escape(sentence).Replace("\\*", "[^\n]*", StringComparison.Ordinal)}\n$", error);
    }

    private static List<string> CodeOfPage() =>
        [.. Regex.Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "python.md")), "(?s)```python\n(.*?)\n```").Select(match => match.Groups[1].Value)];

    private string Succeeds(params string[] arguments)
    {
        var (code, output, error) = _spd.Run(arguments);
        Assert.Equal((0, ""), (code, error));
        return output;
    }
}
