using System.Text.Json;

namespace Spd.Cli.Tests;

/// <summary>What is wrong is told in one sentence, with the right exit code and nothing half-written.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    public static TheoryData<string, string[]> Usage => new()
    {
        { "no experiment is called 'tms_52'; nearest: tms_5-2", ["run", "tms_52"] },
        { "--set pnrm=2: unknown key 'pnrm'; did you mean 'pnorm'?", ["run", "tms_5-2", "--set", "pnrm=2"] },
        { "--set pnorm: this is not of the form key=value", ["run", "tms_5-2", "--set", "pnorm"] },
        { "--steps abc: steps is 'abc', but a whole number is needed", ["run", "tms_5-2", "--steps", "abc"] },
        { "--steps 0: steps is 0, but it must be at least 1", ["run", "tms_5-2", "--steps", "0"] },
        { "--seed -1: seed is '-1', but a whole number", ["run", "tms_5-2", "--seed=-1"] },
        { "--threads is '0', but a whole number from 1 to 1024 is needed", ["run", "tms_5-2", "--threads", "0"] },
        {
            "site pattern 'layers.*.mlp' matches no module; linear modules are: linear1, linear2",
            ["run", "tms_5-2", "--set", "target_module_patterns=[layers.*.mlp]"]
        },
        { "there is no config file 'missing.yaml'", ["run", "missing.yaml"] },
        { "--only is 'figures', but one of tms, resid, apd and fig8 is needed", ["paper", "--only", "figures"] },
        { "--seeds is '0', but a whole number from 1 to 1000 is needed", ["paper", "--seeds", "0"] },
        { "--seeds is 'x', but a whole number from 1 to 1000 is needed", ["paper", "--seeds", "x"] },
        { "there is no option '--stps'; nearest: --steps; `spd run --help` shows the usage", ["run", "tms_5-2", "--stps", "3"] },
        { "there is no option '--bogus'; `spd run --help` shows the usage", ["run", "--bogus"] },
        { "there is no option '--jsn'; nearest: --json; `spd compare --help` shows the usage", ["compare", "--jsn", "a", "b"] },
        { "there is no command 'bogus'; `spd --help` shows the usage", ["bogus"] },
        { "there is no command 'resum'; nearest: resume; `spd --help` shows the usage", ["resum"] },
    };

    [Theory]
    [MemberData(nameof(Usage))]
    public void AUsageErrorIsOneSentenceAndExitCodeTwo(string sentence, string[] arguments)
    {
        var (code, output, error) = _spd.Run([.. arguments, .. arguments.Contains("--out") ? Array.Empty<string>() : ["--out", "never"]]);
        Assert.Equal(2, code);
        Assert.StartsWith($"spd: {sentence}", error, StringComparison.Ordinal);
        AssertOneSentence(error);
        Assert.DoesNotContain("ms/step", output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_spd.PathTo("never")));
    }

    [Theory]
    [InlineData("help")]
    [InlineData("help", "run")]
    [InlineData("version")]
    [InlineData("-V")]
    public void WordsForHelpAreUnderstood(params string[] arguments)
    {
        string[] asOptions = arguments[0] == "help" ? [.. arguments[1..], "--help"] : ["--version"];
        Assert.Equal(_spd.Run(asOptions), _spd.Run(arguments));
        Assert.Equal((0, ""), (_spd.Run(arguments).ExitCode, _spd.Run(arguments).Error));
    }

    [Fact]
    public void AMistypedKeyIsToldWithFileAndLine()
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, "experiments", "tms_5-2.yaml"));
        File.WriteAllText(
            _spd.PathTo("mine.yaml"),
            text.Replace("importance_minimality_coeff: 0.003", "importance_minimality_coef: 0.003", StringComparison.Ordinal));
        int line = File.ReadAllLines(_spd.PathTo("mine.yaml")).ToList()
            .FindIndex(candidate => candidate.StartsWith("importance_minimality_coef:", StringComparison.Ordinal)) + 1;
        var (code, _, error) = _spd.Run("run", "mine.yaml");
        Assert.Equal(2, code);
        Assert.Equal($"spd: mine.yaml, line {line}: unknown key 'importance_minimality_coef'; did you mean 'importance_minimality_coeff'?", error.TrimEnd());
        Assert.False(Directory.Exists(_spd.PathTo("runs")));
    }

    [Fact]
    public void AFolderThatHoldsSomethingIsLeftAlone()
    {
        Directory.CreateDirectory(_spd.PathTo("mine"));
        File.WriteAllText(_spd.PathTo("mine", "notes.txt"), "precious");
        var (code, _, error) = _spd.Run("run", "tms_5-2", "--out", "mine");
        Assert.Equal(2, code);
        Assert.StartsWith("spd: the folder 'mine' is not empty", error, StringComparison.Ordinal);
        Assert.Equal(["notes.txt"], Directory.EnumerateFileSystemEntries(_spd.PathTo("mine")).Select(Path.GetFileName));
    }

    [Theory]
    // The first log line comes after the first step, so what is measured there fails first; the last line is that of the only step.
    [InlineData("50", "lr_warmup_pct=0", false)]
    [InlineData("1", "lr_warmup_pct=0", false)]
    // The first step of a warm-up changes nothing; the next spoils the components, and the one after that fails.
    [InlineData("50", "lr_warmup_pct=0.5", true)]
    public void ALossThatIsNoNumberStopsTheRunAndKeepsWhatWasSaved(string steps, string setting, bool isModelKept)
    {
        var (code, _, error) = _spd.Run(
            "run", "tms_5-2", "--out", "diverged", "--set", "lr=1e30", "--set", setting, "--set", "batch_size=256", "--steps", steps);
        Assert.Equal(1, code);
        Assert.Matches(@"^spd: the loss '\w+' became \S+ at step \d+; training stopped there", error);
        AssertOneSentence(error);
        var summary = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("diverged", "summary.json"))).RootElement;
        Assert.Equal("failed", summary.GetProperty("status").GetString());
        Assert.Contains("became", summary.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(File.ReadAllLines(_spd.PathTo("diverged", "metrics.jsonl")));
        Assert.True(File.Exists(_spd.PathTo("diverged", "target", "weights.safetensors")));
        Assert.Equal(isModelKept, File.Exists(_spd.PathTo("diverged", "model.safetensors")));
        Assert.False(File.Exists(_spd.PathTo("diverged", "report.html")));
    }

    [Fact]
    public void ATargetWhoseLossIsNoNumberIsToldAndNotKept()
    {
        var (code, _, error) = _spd.Run("run", "tms_5-2", "--out", "never", "--set", "target.train.lr=1e30");
        Assert.Equal(1, code);
        AssertOneSentence(error);
        Assert.DoesNotContain("should not have", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_spd.PathTo("never")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_spd.Cache));
    }

    [Fact]
    public void ATargetThatLearnsNothingIsToldWithTheSeedsTried()
    {
        var (code, output, error) = _spd.Run("run", "tms_5-2", "--out", "never", "--set", "target.train.steps=1");
        Assert.Equal(1, code);
        Assert.StartsWith("spd: none of the target seeds 0 to 9 learnt every feature", error, StringComparison.Ordinal);
        Assert.Matches(@"with seed 4 for 1 steps in \d+\.\d s: it has learnt only", output);
        Assert.False(Directory.Exists(_spd.PathTo("never")));
    }

    [Fact]
    public void DebugShowsTheStackTrace()
    {
        var (code, _, error) = _spd.Run("run", "tms_52", "--debug");
        Assert.Equal(2, code);
        Assert.StartsWith("Spd.Runs.Configuration.ConfigException: no experiment is called 'tms_52'", error, StringComparison.Ordinal);
        Assert.Contains("   at Spd.", error, StringComparison.Ordinal);
    }

    private static void AssertOneSentence(string error)
    {
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
    }
}
