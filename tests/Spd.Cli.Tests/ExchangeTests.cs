using System.Text.Json;
using Spd.Formats;

namespace Spd.Cli.Tests;

/// <summary>Decompositions and targets that come from the authors' released code, or go there.</summary>
public sealed class ExchangeTests : IDisposable
{
    private static readonly string[] Short = ["--steps", "30", "--set", "n_eval_steps=2", "--set", "batch_size=256", "--quiet"];

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void TheReleasedDecompositionScoresWhatItsAuthorsMeasured()
    {
        string released = Path.GetDirectoryName(Released("released_tms_5-2/expected.json"))!;
        var (code, _, error) = _spd.Run("import", released, "--out", "imported");
        Assert.Equal((0, ""), (code, error));
        var expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(released, "expected.json"))).RootElement;
        var summary = Summary("imported");
        var metrics = summary.GetProperty("metrics");
        Assert.Equal(expected.GetProperty("mmcs").GetDouble(), metrics.GetProperty("mmcs").GetDouble(), 1e-4);
        Assert.Equal(expected.GetProperty("ml2r").GetDouble(), metrics.GetProperty("ml2r").GetDouble(), 1e-4);
        double faithfulness = expected.GetProperty("faithfulness").GetDouble();
        Assert.Equal(faithfulness, summary.GetProperty("losses").GetProperty("faithfulness").GetDouble(), 1e-3 * faithfulness);
        foreach (string site in new[] { "linear1", "linear2" })
            Assert.Equal(expected.GetProperty($"alive_{site}").GetInt32(), summary.GetProperty("sites").GetProperty(site).GetProperty("alive").GetInt32());

        Assert.Equal(("imported", 40_000), (summary.GetProperty("status").GetString(), summary.GetProperty("steps").GetInt32()));
        RoundTrip("imported", again: true);
        Assert.Contains("MMCS, linear1", _spd.Run("eval", "imported").Output, StringComparison.Ordinal);
        Assert.Equal(0, _spd.Run("report", "imported").ExitCode);
        Assert.Contains("was imported", _spd.Run("resume", "imported", "--steps", "50000").Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tms_5-2")]
    [InlineData("tms_5-2-id")]
    [InlineData("resid_mlp1")]
    public void ARunGoesOutAndComesBackAsItWas(string experiment)
    {
        Assert.Equal(0, _spd.Run(["run", experiment, "--out", "run", .. Short, "--set", "target.train.steps=1000"]).ExitCode);
        RoundTrip("run", again: false);
        var names = Safetensors.Read(_spd.PathTo("run.exported", "model_30.safetensors")).Tensors.Select(tensor => tensor.Name).ToHashSet();
        string site = experiment == "resid_mlp1" ? "layers-0-mlp_in" : "linear1";
        string model = experiment == "resid_mlp1" ? "model.W_E" : "model.linear2.weight";
        Assert.Superset(new HashSet<string> { model, $"components.{site}.A", $"components.{site}.B", $"gates.{site}.mlp_in", $"gates.{site}.out_bias" }, names);
        Assert.Equal(experiment != "resid_mlp1", names.Contains("components.linear2.bias"));
    }

    [Fact]
    public void ATargetOfTheReleasedCodeIsDecomposed()
    {
        string config = Released("released_tms_5-2/final_config.yaml");
        var (code, output, _) = _spd.Run(["run", config, "--out", "tms", .. Short[..^1]]);
        Assert.Equal(0, code);
        Assert.Contains("it has learnt all 5 features", output, StringComparison.Ordinal);
        string path = Released("released_resid_mlp1_target/resid_mlp.pth");
        (code, output, _) = _spd.Run(["run", "resid_mlp1", "--out", "resid", "--set", $"target={{load: {path}}}", .. Short[..^1]]);
        Assert.Equal(0, code);
        Assert.Contains("it has learnt all 100 features", output, StringComparison.Ordinal);
        Assert.Equal(path, Summary("resid").GetProperty("target").GetProperty("loaded_from").GetString());
        // Its configuration runs again as it is.
        Assert.Equal(0, _spd.Run("run", Path.Combine("resid", "config.yaml"), "--out", "again", "--quiet").ExitCode);
        Assert.Equal(File.ReadAllBytes(_spd.PathTo("resid", "model.safetensors")), File.ReadAllBytes(_spd.PathTo("again", "model.safetensors")));
    }

    [Fact]
    public void WhatCannotBeImportedOrExportedIsSaidInOneSentence()
    {
        Refused("there is nothing to import at 'nowhere'", "import", "nowhere", "--out", "x");
        Directory.CreateDirectory(_spd.PathTo("empty"));
        Refused("'empty' holds no model_<steps>.pth or .safetensors", "import", "empty", "--out", "x");
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "run", .. Short]).ExitCode);
        Assert.Equal(0, _spd.Run("export", "run", "--format", "spd-paper", "--out", "out").ExitCode);
        Refused("'out' exists already", "export", "run", "--format", "spd-paper", "--out", "out");
        Refused("'run' exists already", "import", "out", "--out", "run");
        File.Move(_spd.PathTo("out", "tms_train_config.yaml"), _spd.PathTo("out", "elsewhere.yaml"));
        Refused("there is no tms_train_config.yaml beside", "import", "out", "--out", "x");
        File.Move(_spd.PathTo("out", "elsewhere.yaml"), _spd.PathTo("out", "tms_train_config.yaml"));
        File.WriteAllText(_spd.PathTo("out", "final_config.yaml"), File.ReadAllText(_spd.PathTo("out", "final_config.yaml")).Replace("C: 20", "C: 21", StringComparison.Ordinal));
        Refused("of shape [5, 20], but the model of this configuration needs [5, 21]", "import", "out", "--out", "x");

        // Tied matrices are in the file twice.
        string weights = _spd.PathTo("out", "model_30.safetensors");
        var tensors = Safetensors.Read(weights).Tensors;
        tensors.First(tensor => tensor.Name == "model.linear2.weight").Values[3] += 1;
        Safetensors.Write(weights, tensors);
        Refused("'linear2.weight', which is not the transpose of 'linear1.weight'", "import", "out", "--out", "x");
        Assert.Equal(0, _spd.Run(["run", "apd_tms_5-2", "--out", "apd", .. Short]).ExitCode);
        Refused("cannot be exported as spd-paper", "export", "apd", "--format", "spd-paper");
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "each", .. Short, "--set", "C={linear*: 6}"]).ExitCode);
        Refused("that code has one C for all matrices, and this run has one for each", "export", "each", "--format", "spd-paper");
        Assert.Equal(0, _spd.Run(["run", "resid_mlp1", "--out", "tanh", .. Short, "--set", "target.train.resid_mlp_config.act_fn_name=tanh", "--set", "target.train.steps=10"]).ExitCode);
        Refused("that code knows the activation functions relu and gelu, and this network has Tanh", "export", "tanh", "--format", "spd-paper");
        Refused("there is no such file", "run", "tms_5-2", "--set", "target={load: nowhere.pth}");
        Assert.False(Directory.Exists(_spd.PathTo("x")));
        Assert.DoesNotContain(Directory.GetFileSystemEntries(_spd.Folder), entry => entry.EndsWith(".tmp", StringComparison.Ordinal));
    }

    private void Refused(string sentence, params string[] arguments)
    {
        var (code, _, error) = _spd.Run(arguments);
        Assert.NotEqual(0, code);
        Assert.Contains(sentence, error, StringComparison.Ordinal);
        Assert.Matches(@"^spd: [^\n]*\n$", error);
    }

    /// <summary>Exported and imported, a run is the same to the byte; a run that was imported before, with every file of its folder.</summary>
    private void RoundTrip(string run, bool again)
    {
        Assert.Equal((0, ""), Told(_spd.Run("export", run, "--format", "spd-paper", "--out", $"{run}.exported")));
        Assert.Equal((0, ""), Told(_spd.Run("import", $"{run}.exported", "--out", $"{run}.again")));
        string[] files = again
            ? [.. Directory.GetFiles(_spd.PathTo(run), "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_spd.PathTo(run), file))]
            : ["model.safetensors", Path.Combine("target", "weights.safetensors"), Path.Combine("target", "config.yaml")];
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(_spd.PathTo(run, file)), File.ReadAllBytes(_spd.PathTo($"{run}.again", file))));
        Assert.Equal((0, ""), Told(_spd.Run("export", $"{run}.again", "--format", "spd-paper", "--out", $"{run}.twice")));
        Assert.All(
            Directory.GetFiles(_spd.PathTo($"{run}.exported")),
            file => Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(_spd.PathTo($"{run}.twice", Path.GetFileName(file)))));

        static (int, string) Told((int ExitCode, string Output, string Error) result) => (result.ExitCode, result.Error);
    }

    private JsonElement Summary(string run) => JsonDocument.Parse(File.ReadAllText(_spd.PathTo(run, "summary.json"))).RootElement;

    private static string Released(string file) => SharedFiles.Find($"models/{file}");
}
