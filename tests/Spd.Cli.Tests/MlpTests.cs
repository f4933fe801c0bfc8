using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Spd.Formats;

namespace Spd.Cli.Tests;

/// <summary>A network of the user's own: weights, inputs and labels from files, a few lines of YAML.</summary>
public sealed class MlpTests : IDisposable
{
    private const int Inputs = 6, Hidden = 4, Classes = 3, Rows = 400;

    private readonly SpdProgram _spd = new();
    private readonly float[] _w0 = Values(1, Hidden * Inputs), _b0 = Values(2, Hidden), _w1 = Values(3, Classes * Hidden), _b1 = Values(4, Classes);
    private readonly float[] _x = Values(5, Rows * Inputs);

    public MlpTests()
    {
        Write("first.W", "first.b", "second.W", "second.b", transposed: false, "net.safetensors");
        WriteNpy("x.npy", "<f4", [Rows, Inputs], [.. _x.SelectMany(BitConverter.GetBytes)]);
        WriteNpy("logits.npy", "<f4", [Rows, Classes], [.. Enumerable.Range(0, Rows).SelectMany(row => Outputs(row).Select(value => (float)value)).SelectMany(BitConverter.GetBytes)]);
        WriteNpy("y.npy", "|u1", [Rows], [.. Enumerable.Range(0, Rows).Select(row => (byte)Class(row))]);
        File.WriteAllText(_spd.PathTo("mine.yaml"), Yaml);
    }

    private static string Yaml => """
        C: 8
        n_ci_mlp_neurons: 4
        target_module_patterns: [layers.*]
        faithfulness_coeff: 1.0
        stochastic_recon_coeff: 1.0
        importance_minimality_coeff: 0.001
        output_loss_type: kl
        lr: 0.003
        steps: 300
        batch_size: 128
        n_eval_steps: 3
        task_config: {task_name: mlp}
        target:
          load: net.safetensors
          mlp: {layer_sizes: [6, 4, 3], activation: relu, weights: [first.W, second.W], biases: [first.b, second.b]}
          data: {inputs: x.npy, labels: y.npy, published_accuracy: 1.0}
        """;

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void ItIsLoadedCheckedAndDecomposed()
    {
        var (code, output, error) = _spd.Run("run", "mine.yaml", "--out", "run");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("it classifies 100.00 % of 400 inputs correctly (published: 100.0 %)", output, StringComparison.Ordinal);
        var metrics = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("run", "summary.json"))).RootElement.GetProperty("metrics");
        // A fifth of the rows is measured on only.
        Assert.Equal(80, metrics.GetProperty("accuracy_rows").GetInt32());
        Assert.Equal(1, metrics.GetProperty("accuracy_target").GetDouble());
        Assert.InRange(metrics.GetProperty("accuracy_unmasked").GetDouble(), 0.5, 1);
        Assert.True(metrics.GetProperty("unmasked_kl").GetDouble() < 0.5);
        Assert.True(File.Exists(_spd.PathTo("run", "figures", "causal_importances.svg")));
        Assert.Contains("accuracy, the network itself", _spd.Run("eval", "run").Output, StringComparison.Ordinal);

        // Its configuration runs again as it is, from anywhere: paths are full.
        Assert.Equal(0, _spd.Run("run", Path.Combine("run", "config.yaml"), "--out", "again", "--threads", "1", "--quiet").ExitCode);
        Assert.Equal(File.ReadAllBytes(_spd.PathTo("run", "model.safetensors")), File.ReadAllBytes(_spd.PathTo("again", "model.safetensors")));
    }

    [Fact]
    public void ARunGoesOnWithDataThatHaveMoved()
    {
        string[] options = ["--set", "save_freq=100", "--quiet"];
        Assert.Equal(0, _spd.Run(["run", "mine.yaml", "--out", "whole", .. options]).ExitCode);
        _spd.KillAt(new Moment("step-00000200.safetensors", 0, "-KILL"), ["run", "mine.yaml", "--out", "cut", .. options]);
        Directory.CreateDirectory(_spd.PathTo("it's elsewhere"));
        foreach (string file in new[] { "x.npy", "y.npy" }) File.Move(_spd.PathTo(file), _spd.PathTo("it's elsewhere", file));
        Assert.Contains("name it with --set target.data.inputs=PATH", _spd.Run("resume", "cut").Error, StringComparison.Ordinal);
        File.WriteAllText(_spd.PathTo("mine.yaml"), Yaml.Replace("x.npy", "it's elsewhere/x.npy", StringComparison.Ordinal).Replace("y.npy", "it's elsewhere/y.npy", StringComparison.Ordinal));
        var (code, output, _) = _spd.Run("run", "mine.yaml", "--resume", "--out", "cut", "--set", "save_freq=100");
        Assert.Equal(0, code);
        Assert.Contains("going on from step 100", output, StringComparison.Ordinal);
        _spd.AssertSameRun("whole", "cut");
    }

    [Fact]
    public void TheShippedNetworkNeedsNoOtherFile()
    {
        var (code, output, error) = _spd.Run("run", "digits", "--steps", "20", "--set", "batch_size=128", "--set", "n_eval_steps=1", "--out", "run");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("it classifies 98.44 % of 1797 inputs correctly (published: 98.4 %)", output, StringComparison.Ordinal);
        Assert.Contains("inputs classified 359", Regex.Replace(output, " +", " "), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mnist_mlp", "target.load", "https://github.com/ApolloResearch/rib/")]
    [InlineData("lm_stories260K", "target.model", "https://huggingface.co/karpathy/tinyllamas")]
    public void OfAMissingFileItIsToldWhereItComesFrom(string experiment, string key, string place)
    {
        var (code, _, error) = _spd.Run("run", experiment, "--set", $"{key}=nowhere");
        Assert.Equal(2, code);
        Assert.Matches($"^spd: --set {key}=nowhere: [^\n]*, but there is no such file: name it with --set {key}=PATH; its files come from '{Regex.Escape(place)}[^\n]*'\n$", error);
    }

    [Fact]
    public void WhereFilesComeFromIsNoPartOfARun()
    {
        string[] options = ["--steps", "30", "--set", "save_freq=10", "--quiet"];
        _spd.KillAt(new Moment("step-00000020.safetensors", 0, "-KILL"), ["run", "mine.yaml", "--out", "run", .. options]);
        string config = _spd.PathTo("run", "config.yaml");
        File.WriteAllText(config, File.ReadAllText(config).Replace("target:\n", "target:\n  files_from: a friend\n", StringComparison.Ordinal));
        Assert.Equal(0, _spd.Run("resume", "run").ExitCode);
        File.Delete(_spd.PathTo("x.npy"));
        Assert.Contains("its files come from 'a friend'", _spd.Run("eval", "run").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void TheRealNetworkHasItsPublishedAccuracy()
    {
        string weights = SharedFiles.Find("models/mnist_mlp/model_epoch_12.pt");
        string images = SharedFiles.Find("models/mnist_mlp/t10k-images-idx3-ubyte.gz"), labels = SharedFiles.Find("models/mnist_mlp/t10k-labels-idx1-ubyte.gz");
        var (code, output, error) = _spd.Run(
            "run", "mnist_mlp", "--set", $"target.load={weights}", "--set", $"target.data.inputs={images}", "--set", $"target.data.labels={labels}",
            "--steps", "30", "--set", "batch_size=128", "--set", "C=110", "--set", "n_eval_steps=1", "--out", "run");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("it classifies 97.60 % of 10000 inputs correctly (published: 97.6 %)", output, StringComparison.Ordinal);
        Assert.True(File.Exists(_spd.PathTo("run", "figures", "read_directions.svg")));
    }

    [Fact]
    public void DataMayBeATableWithNames()
    {
        string[] names = ["zebra", "ape", "bee"];
        static string Number(double value) => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        // As people have them: names, an index, texts for classes; the outputs in a file of their own.
        File.WriteAllLines(_spd.PathTo("data.csv"),
        [
            ",a,b,\"c, d\",e,f,g,animal",
            .. Enumerable.Range(0, Rows).Select(row => $"{row},{string.Join(",", _x.AsSpan(row * Inputs, Inputs).ToArray().Select(value => Number(value)))},{names[Class(row)]}"),
        ]);
        File.WriteAllLines(_spd.PathTo("logits.csv"), Enumerable.Range(0, Rows).Select(row => string.Join(";", Outputs(row).Select(Number))));
        string[] options = ["--steps", "20", "--quiet"];
        string[] table =
        [
            "--set", "target.data.inputs='data.csv:a,b,c, d,e,f,g'", "--set", "target.data.labels=data.csv:animal",
            "--set", "target.data.expected_outputs=logits.csv", "--set", "target.data.class_names=[zebra, ape, bee]",
        ];
        // A name with a comma cannot stand in a list of names: such a column is meant by leaving others out.
        Assert.Contains("it has no column 'c'", _spd.Run(["run", "mine.yaml", .. table, "--out", "run"]).Error, StringComparison.Ordinal);
        File.WriteAllText(_spd.PathTo("data.csv"), File.ReadAllText(_spd.PathTo("data.csv")).Replace("\"c, d\"", "c", StringComparison.Ordinal));
        table[1] = "target.data.inputs='data.csv:a,b,c,e,f,g'";
        var (code, output, error) = _spd.Run(["run", "mine.yaml", .. table, "--steps", "20", "--out", "run"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("it classifies 100.00 % of 400 inputs correctly", output, StringComparison.Ordinal);
        Assert.Contains("its outputs are those of", output, StringComparison.Ordinal);
        Assert.Equal(0, _spd.Run(["run", "mine.yaml", .. options, "--out", "arrays"]).ExitCode);
        Assert.Equal(File.ReadAllBytes(_spd.PathTo("arrays", "model.safetensors")), File.ReadAllBytes(_spd.PathTo("run", "model.safetensors")));
        Assert.Contains("zebra", File.ReadAllText(_spd.PathTo("run", "figures", "causal_importances.svg")), StringComparison.Ordinal);
        Assert.Equal(0, _spd.Run("eval", "run").ExitCode);

        // Not all classes occur, so that their own order says nothing of the outputs.
        table[^1] = "target.data.class_names=null";
        Assert.Contains("but the network has 3 outputs: name the classes of all, in the order of the outputs, under target.data.class_names", _spd.Run(["run", "mine.yaml", .. table, .. options, "--out", "sorted"]).Error, StringComparison.Ordinal);
        table[^1] = "target.data.class_names=[zebra, apes, bee]";
        Assert.Contains("holds the label 'ape', which is not among target.data.class_names", _spd.Run(["run", "mine.yaml", .. table, .. options, "--out", "odd"]).Error, StringComparison.Ordinal);
        table[1] = "target.data.inputs=data.csv";
        var (wrong, _, sentence) = _spd.Run(["run", "mine.yaml", .. table, .. options, "--out", "odd"]);
        Assert.Equal(2, wrong);
        Assert.Contains("an array of shape [400, 7], but rows of 6 numbers are needed", sentence, StringComparison.Ordinal);
        Assert.Contains("its columns are '', 'a', 'b', 'c', 'e', 'f', 'g', 'animal': name those that are meant", sentence, StringComparison.Ordinal);

        // The same table with another cell is another.
        File.AppendAllText(_spd.PathTo("data.csv"), "\n");
        Assert.Contains("data.csv", _spd.Run("eval", "run").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void MatricesMayBeStoredTheOtherWay()
    {
        Write("a", "b", "c", "d", transposed: true, "other.safetensors");
        var (code, output, error) = _spd.Run(
            "run", "mine.yaml", "--steps", "2", "--set", "target.load=other.safetensors", "--set", "target.mlp.weights=[a, c]", "--set", "target.mlp.biases=[b, d]",
            "--set", "target.mlp.weight_layout=in_out", "--out", "run");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("it classifies 100.00 %", output, StringComparison.Ordinal);
    }

    [Fact]
    public void EachMatrixMayHaveItsOwnC()
    {
        string[] run =
        [
            "run", "mine.yaml", "--set", "C={layers.0: 5, layers.1: 9}", "--set", "target.mlp.activation=tanh", "--set", "target.data.published_accuracy=null",
            "--set", "save_freq=20",
        ];
        var (code, output, error) = _spd.Run([.. run, "--steps", "40", "--out", "run"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Matches(@"alive \(ever above 0\.1\), layers\.0 +\d+ of 5 ", output);
        Assert.Matches(@"alive \(ever above 0\.1\), layers\.1 +\d+ of 9 ", output);
        var model = Safetensors.Read(_spd.PathTo("run", "model.safetensors")).Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
        Assert.Equal([Inputs, 5], model["layers.0.V"]);
        Assert.Equal([5, Hidden], model["layers.0.U"]);
        Assert.Equal([Hidden, 9], model["layers.1.V"]);
        Assert.Equal([9, 4], model["layers.1.gate.mlp_in"]);
        Assert.Contains("layers.1", _spd.Run("eval", "run").Output, StringComparison.Ordinal);
        Assert.Equal(0, _spd.Run("report", "run").ExitCode);

        // A checkpoint has the same shapes: prolonged, it is what it would have been in one go.
        Assert.Equal(0, _spd.Run([.. run, "--steps", "70", "--out", "whole", "--quiet"]).ExitCode);
        Assert.Equal((0, ""), Outcome(_spd.Run("resume", "run", "--steps", "70", "--quiet")));
        _spd.AssertSameRun("whole", "run");
        Assert.Contains("layers.0", _spd.Run("compare", "run", "whole").Output, StringComparison.Ordinal);

        static (int, string) Outcome((int ExitCode, string Output, string Error) result) => (result.ExitCode, result.Error);
    }

    [Fact]
    public void WhatItGivesElsewhereIsComparedAndNamesAreOnTheFigures()
    {
        string[] names = ["--set", "target.data.class_names=[cat, dog, 'fox & <owl>']", "--set", "target.data.feature_names=[a1, b2, c3, d4, e5, f6]"];
        var (code, output, error) = _spd.Run(
            ["run", "mine.yaml", "--steps", "20", "--set", "target.data.expected_outputs=logits.npy", "--set", "target.mlp.activation=[relu]", .. names, "--out", "run"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Matches(@"it classifies 100\.00 % of 400 inputs correctly \(published: 100\.0 %\); its outputs are those of '", output.ReplaceLineEndings(" "));
        string importances = File.ReadAllText(_spd.PathTo("run", "figures", "causal_importances.svg"));
        Assert.All(["cat", "dog", "fox &amp; &lt;owl&gt;"], name => Assert.Contains($">{name}<", importances, StringComparison.Ordinal));
        Assert.Contains(">e5<", File.ReadAllText(_spd.PathTo("run", "figures", "read_directions.svg")), StringComparison.Ordinal);
        Assert.Contains(">dog<", File.ReadAllText(_spd.PathTo("run", "figures", "write_directions.svg")), StringComparison.Ordinal);

        // It goes on, is measured and drawn again as it was made.
        Assert.Equal(0, _spd.Run("resume", "run", "--steps", "30", "--quiet").ExitCode);
        Assert.Equal(0, _spd.Run("report", "run").ExitCode);
        Assert.Contains("  activation:\n    - relu\n", File.ReadAllText(_spd.PathTo("run", "config.yaml")).Replace("      ", "    "), StringComparison.Ordinal);

        (code, _, error) = _spd.Run("run", "mine.yaml", "--set", "target.data.expected_outputs=logits.npy", "--set", "target.mlp.activation=silu", "--set", "target.data.published_accuracy=null");
        Assert.NotEqual(0, code);
        Assert.Matches(@"^spd: the network in '[^\n]*' gives [^\n]*: with target\.mlp\.activation=relu it would give the same\n$", error);
    }

    [Fact]
    public void ANetworkThatIsNoClassifierIsMeasuredAgainstItsTargets()
    {
        var (code, output, error) = _spd.Run(
            "run", "mine.yaml", "--steps", "40", "--set", "target.data.labels=null", "--set", "target.data.published_accuracy=null", "--set", "target.data.targets=logits.npy",
            "--set", "output_loss_type=mse", "--out", "run");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("its mean squared error against target.data.targets is ", output.ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.Contains("MSE against the targets, the network itself", output, StringComparison.Ordinal);
        var metrics = JsonDocument.Parse(File.ReadAllText(_spd.PathTo("run", "summary.json"))).RootElement.GetProperty("metrics");
        Assert.Equal(80, metrics.GetProperty("task_mse_rows").GetInt32());
        Assert.InRange(metrics.GetProperty("task_mse_target").GetDouble(), 0, 1e-10);
        // The targets are what the network gives, so that the error of the parts is their distance from the network on the same rows.
        Assert.True(metrics.GetProperty("task_mse_unmasked").GetDouble() > 1e-6);
        Assert.False(metrics.TryGetProperty("accuracy_rows", out _));
        Assert.Contains("MSE against the targets, CI-masked", _spd.Run("eval", "run").Output, StringComparison.Ordinal);
        string importances = _spd.PathTo("run", "figures", "causal_importances.svg");
        Assert.Contains("on the first 40 inputs<", File.ReadAllText(importances), StringComparison.Ordinal);

        // A table of fewer is shown whole.
        string config = File.ReadAllText(_spd.PathTo("mine.yaml"));
        File.WriteAllText(_spd.PathTo("mine.yaml"), config.Replace("labels: y.npy, published_accuracy: 1.0", "held_out_share: 0.05", StringComparison.Ordinal));
        Assert.Equal(0, _spd.Run("run", "mine.yaml", "--steps", "2", "--set", "output_loss_type=mse", "--out", "few", "--quiet").ExitCode);
        Assert.Contains("on the first 20 inputs<", File.ReadAllText(_spd.PathTo("few", "figures", "causal_importances.svg")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("target.mlp.activation=[relu, tanh, relu]", "activation names 3 functions, but layer_sizes describes 1 hidden layers")]
    [InlineData("target.data.class_names=[a, b]", "class_names has 2 names, but the network has 3 outputs")]
    [InlineData("target.data.feature_names=[a, b]", "feature_names has 2 names, but the network has 6 inputs")]
    [InlineData("target.data.targets=logits.npy", "labels are for a classifier and targets for any other network: name one of them")]
    [InlineData("target.data.expected_outputs=nowhere.npy", "nowhere.npy', but there is no such file: name it with --set target.data.expected_outputs=PATH")]
    [InlineData("C={layers.0: 4}", "C says nothing of 'layers.1': add a line for it, such as 'layers.1: 4'")]
    [InlineData("C={layers.*: 4, layers.7: 2}", "C names 'layers.7', which fits no decomposed matrix; they are layers.0, layers.1")]
    [InlineData("target.data.input_shift=0.9", "on its data, but 100.00 % is expected")]
    [InlineData("target.load=nowhere.pt", "nowhere.pt', but there is no such file: name it with --set target.load=PATH")]
    [InlineData("target.data.inputs=nowhere.npz:x", "nowhere.npz:x', but there is no such file: name it with --set target.data.inputs=PATH")]
    [InlineData("target.mlp.weights=[first.W, third.W]", "holds no 'third.W'; it holds 'first.W', 'second.W', 'first.b', 'second.b': correct the names under target.mlp")]
    [InlineData("target.mlp.biases=null", "on its data, but 100.00 % is expected")]
    [InlineData("target.mlp.biases=[first.b]", "biases has 1 names, but layer_sizes describes 2 layers")]
    [InlineData("target.mlp.weights=[first.W, first.W]", "weights and biases name 'first.W' twice: each layer needs tensors of its own")]
    [InlineData("target.mlp.weight_layout=in_out", "holds 'first.W' of shape [4, 6], but this network needs [6, 4]: try target.mlp.weight_layout=out_in")]
    [InlineData("target.mlp.weight_layout=[out_in, out_in, out_in]", "weight_layout has 3 layouts, but layer_sizes describes 2 layers")]
    [InlineData("target.mlp.ignore=[first.*]", "'first.W' is a part of the network, but is to be ignored too")]
    [InlineData("target.mlp.prefix=model.", "holds no 'model.first.W'; it holds 'first.W'")]
    [InlineData("target.load=\"\"", "load is empty, but the path of a file is needed")]
    [InlineData("target.mlp.layer_sizes=[6, 5, 3]", "holds 'first.W' of shape [4, 6], but this network needs [5, 6]: correct target.mlp.layer_sizes, or the order of the weights")]
    [InlineData("target.mlp.layer_sizes=[6, 4, 4, 3]", "weights has 2 names, but layer_sizes describes 3 layers")]
    [InlineData("target.mlp.layer_sizes=[6]", "layer_sizes has 1 sizes")]
    [InlineData("target.data.inputs=y.npy", "holds an array of shape [400], but rows of 6 numbers are needed")]
    [InlineData("target.data.labels=x.npy", "holds rows of 6 numbers, but the network has 3 outputs")]
    [InlineData("target.data.labels=null", "published_accuracy can only be checked with labels")]
    [InlineData("target.data.held_out_share=0.999", "has 400 rows, too few to hold out a share of 0.999")]
    [InlineData("target.data.input_scale=1e39", "the network needs finite numbers")]
    [InlineData("task_config.task_name=tms", "the target has a mlp: both must be of one kind")]
    public void WhatDoesNotFitIsSaidInOneSentence(string set, string sentence)
    {
        var (code, _, error) = _spd.Run("run", "mine.yaml", "--set", set, "--out", "run");
        Assert.NotEqual(0, code);
        Assert.Matches(@"^spd: [^\n]*\n$", error);
        Assert.Contains(sentence, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_spd.PathTo("run")));
    }

    [Fact]
    public void WithoutSomeSubcomponentsItIsTheNetworkWithTheirShareTakenFromItsWeights()
    {
        Assert.Equal(0, _spd.Run("run", "mine.yaml", "--out", "run", "--quiet").ExitCode);
        var (code, output, error) = _spd.Run("ablate", "run", "--off", "layers.0:3", "--off", "layers.0:5-6", "--json");
        Assert.Equal((0, ""), (code, error));
        var told = JsonDocument.Parse(output).RootElement;
        Assert.Equal([3, 5, 6], told.GetProperty("scaled")[0].GetProperty("subcomponents").EnumerateArray().Select(c => c.GetInt32()));
        Assert.Equal(("layers.0", 80, "input", "kl"), (told.GetProperty("scaled")[0].GetProperty("site").GetString(), told.GetProperty("inputs").GetInt32(), told.GetProperty("input_name").GetString(), told.GetProperty("error_is").GetString()));

        // The same on the rows that are measured on only, from the files.
        var model = Safetensors.Read(_spd.PathTo("run", "model.safetensors")).Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Values);
        float[] v = model["layers.0.V"], u = model["layers.0.U"], w0 = [.. _w0];
        foreach (int c in new[] { 3, 5, 6 })
            for (int j = 0; j < Hidden; j++)
                for (int i = 0; i < Inputs; i++) w0[j * Inputs + i] -= u[c * Hidden + j] * v[i * 8 + c];
        double divergence = 0, right = 0;
        double[] changes = new double[Classes];
        for (int row = Rows - 80; row < Rows; row++)
        {
            double[] p = Softmax(Outputs(row)), q = Softmax(Outputs(row, w0));
            divergence += p.Zip(q, (before, after) => before * Math.Log(before / after)).Sum() / 80;
            right += Array.IndexOf(q, q.Max()) == Class(row) ? 1 / 80.0 : 0;
            for (int k = 0; k < Classes; k++) changes[k] += Math.Abs(q[k] - p[k]) / 80;
        }

        Assert.InRange(told.GetProperty("error").GetDouble(), divergence * 0.9999 - 1e-7, divergence * 1.0001 + 1e-7);
        var task = told.GetProperty("task");
        Assert.Equal(("accuracy", 1), (task.GetProperty("metric").GetString(), task.GetProperty("before").GetDouble()));
        Assert.Equal(right, task.GetProperty("after").GetDouble(), 1e-9);
        var outputs = told.GetProperty("outputs").EnumerateArray().ToList();
        Assert.Equal(Enumerable.Range(0, Classes).OrderByDescending(k => changes[k]), outputs.Select(entry => entry.GetProperty("output").GetInt32()));
        Assert.Equal(changes.Max(), outputs[0].GetProperty("mean_absolute_change").GetDouble(), 1e-5);

        output = _spd.Run("ablate", "run", "--off", "layers.0:0-7", "--scale", "1").Output;
        Assert.Contains("layers.0: subcomponents 0-7 times 1\n", output, StringComparison.Ordinal);
        Assert.Matches(@"error \(KL\) against the network itself +0 +0\.00e\+0\n", output);
        Assert.Matches(@"accuracy +100\.00 % +100\.00 %\n", output);
        Assert.DoesNotContain("too large", output, StringComparison.Ordinal);
        output = _spd.Run("ablate", "run", "--off", "layers.0:3", "--scale", "1e300").Output;
        Assert.Contains("The outputs are too large for an error to be computed: take a smaller --scale.\n", output, StringComparison.Ordinal);

        static double[] Softmax(double[] logits)
        {
            double sum = logits.Sum(Math.Exp);
            return [.. logits.Select(logit => Math.Exp(logit) / sum)];
        }
    }

    [Theory]
    [InlineData("layers.0", "--off is 'layers.0', but a site and numbers of its subcomponents are needed, such as linear1:3,17 or linear1:0-9")]
    [InlineData("layers.0:3-1", "--off is 'layers.0:3-1', but the range 3-1 ends below its beginning: give the smaller number first")]
    [InlineData("layers.0:99999999999", "--off is 'layers.0:99999999999', but no site has a subcomponent 99999999999")]
    [InlineData("layers.0:1,,2", "--off is 'layers.0:1,,2', but a site and numbers")]
    [InlineData("layers.7:1", "there is no site 'layers.7' in this run; did you mean layers.0")]
    [InlineData("layers.0:7,8", "'layers.0' has no subcomponent 8: its 8 subcomponents are numbered 0 to 7")]
    public void WhatCannotBeSwitchedOffIsSaidInOneSentence(string off, string sentence)
    {
        Assert.Equal(0, _spd.Run("run", "mine.yaml", "--out", "run", "--quiet", "--steps", "5").ExitCode);
        var (code, output, error) = _spd.Run("ablate", "run", "--off", off);
        Assert.Equal((2, ""), (code, output));
        Assert.Matches(@"^spd: [^\n]*\n$", error);
        Assert.Contains(sentence, error, StringComparison.Ordinal);
    }

    private static float[] Values(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }

    private int Class(int row)
    {
        double[] outputs = Outputs(row);
        return Array.IndexOf(outputs, outputs.Max());
    }

    private double[] Outputs(int row) => Outputs(row, _w0);

    private double[] Outputs(int row, float[] w0)
    {
        double[] hidden = [.. Enumerable.Range(0, Hidden).Select(j =>
            Math.Max(0, _b0[j] + Enumerable.Range(0, Inputs).Sum(i => (double)w0[j * Inputs + i] * _x[row * Inputs + i])))];
        return [.. Enumerable.Range(0, Classes).Select(k => _b1[k] + Enumerable.Range(0, Hidden).Sum(j => _w1[k * Hidden + j] * hidden[j]))];
    }

    private void Write(string w0, string b0, string w1, string b1, bool transposed, string file)
    {
        Safetensors.Write(_spd.PathTo(file),
        [
            Matrix(w0, _w0, Hidden, Inputs), new TensorData(b0, [Hidden], _b0), Matrix(w1, _w1, Classes, Hidden), new TensorData(b1, [Classes], _b1),
        ]);

        TensorData Matrix(string name, float[] values, int rows, int columns) => transposed
            ? new TensorData(name, [columns, rows], [.. Enumerable.Range(0, values.Length).Select(i => values[i % rows * columns + i / rows])])
            : new TensorData(name, [rows, columns], values);
    }

    private void WriteNpy(string file, string type, int[] shape, byte[] numbers)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({string.Concat(shape.Select(size => $"{size},"))}), }}";
        header = header.PadRight(118 - 1) + "\n";
        byte[] bytes = [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. numbers];
        File.WriteAllBytes(_spd.PathTo(file), bytes);
    }
}
