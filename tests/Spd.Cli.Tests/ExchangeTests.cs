using System.Text.Json;
using Spd.Formats;
using Spd.Networks.Transformers;

namespace Spd.Cli.Tests;

/// <summary>Decompositions and targets that come from the authors' released code, or go there.</summary>
public sealed class ExchangeTests : IDisposable
{
    private static readonly string[] Short = ["--steps", "30", "--set", "n_eval_steps=2", "--set", "batch_size=256", "--quiet"];

    /// <summary>Reads an exported folder as another program would: the matrices, and the importances of the inputs of a dump, by that library's own functions.</summary>
    private const string Script = """
        import json, math, struct, sys
        import numpy as np

        def load(path):
            with open(path, "rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                header, data = json.loads(file.read(length)), file.read()
            return {name: np.frombuffer(data, np.float32, math.prod(entry["shape"]), entry["data_offsets"][0]).reshape(entry["shape"]).astype(float)
                    for name, entry in header.items() if name != "__metadata__"}

        def ci_function(h, layers):
            (W1, b1), (W2, b2) = layers
            z = np.einsum("...ci,cio->...co", h[..., None], W1) + b1
            z = z * (1 + np.vectorize(math.erf)(z / math.sqrt(2))) / 2
            return (np.einsum("...ci,cio->...co", z, W2) + b2)[..., 0]

        kind, golden = sys.argv[1:]
        recorded = json.load(open(golden))["float64"]["mlp_[3]"]
        layers = [(np.array(layer["W"]), np.array(layer["b"])) for layer in recorded["params"]["layers"]]
        assert np.abs(ci_function(np.array(recorded["input"]), layers) - recorded["out"]).max() < 1e-12

        import glob
        state, model, dump = load(glob.glob("out/model_*.safetensors")[0]), load("run/model.safetensors"), np.load("ci.npz")
        sites = [name[:-len(".importance")] for name in dump.files if name.endswith(".importance")]
        for index, site in enumerate(sites):
            key = {"layers.0": "linear1", "layers.1": "linear2"}.get(site, site).replace(".", "-")
            V, U = state[f"_components.{key}.V"], state[f"_components.{key}.U"]
            W = sum(np.outer(U[c], V[:, c]) for c in range(V.shape[1]))
            assert np.abs(W - (model[f"{site}.V"] @ model[f"{site}.U"]).T).max() < 1e-6
            assert W.shape == state[f"target_model.{key.replace('-', '.')}.weight"].shape
            if kind == "lm":
                h = dump[f"{site}.inner"].astype(float)
            else:
                x = dump["inputs"].astype(float)
                if index == 1:
                    x = x @ state["target_model.linear1.weight"].T
                    if kind == "mlp": x = np.maximum(x + state["target_model.linear1.bias"], 0)
                h = x @ V
            part = f"ci_fn._ci_fns.{key}.layers"
            g = ci_function(h, [(state[f"{part}.{n}.W"], state[f"{part}.{n}.b"]) for n in (0, 2)])
            importance = np.where(g <= 0, 0.01 * g, np.minimum(g, 1))
            difference = np.abs(importance - dump[f"{site}.importance"]).max()
            assert difference < 1e-6, (site, difference)
        print(len(sites), "matrices")
        """;

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
        var names = NamesIn("run.exported", "model_30.safetensors");
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

    [Fact]
    public void ALanguageModelGoesOutAndComesBackAsItWas()
    {
        TinyLanguageModel.Write(_spd.Folder);
        Assert.Equal((0, ""), Told(_spd.Run("run", "tiny_lm.yaml", "--out", "run", "--quiet")));
        RoundTrip("run", again: false);
        var names = NamesIn("run.exported", "model_5.safetensors");
        Assert.Superset(new HashSet<string> { "model.model.embed_tokens.weight", "components.model-layers-0-self_attn-v_proj.A", "gates.model-layers-0-mlp-up_proj.weight" }, names);
        string config = File.ReadAllText(_spd.PathTo("run.exported", "final_config.yaml"));
        Assert.Contains("\npretrained_model_class: transformers.LlamaForCausalLM\n", config, StringComparison.Ordinal);
        Assert.Contains("\npretrained_model_output_attr: logits\n", config, StringComparison.Ordinal);
        File.Delete(_spd.PathTo("run.exported", "target.yaml"));
        Refused("there is no target.yaml beside", "import", "run.exported", "--out", "x");
    }

    [Fact]
    public void AnMlpGoesOutUnderTheNamesOfItsOwnFileAndComesBackAsItWas()
    {
        var golden = WriteGoldenMlp("C: 4");
        Assert.Equal((0, ""), Told(_spd.Run("run", "mine.yaml", "--out", "run", "--quiet")));
        RoundTrip("run", again: false);
        var tensors = Safetensors.Read(_spd.PathTo("run.exported", "model_2.safetensors")).Tensors.ToDictionary(tensor => tensor.Name);
        foreach (var (name, values) in golden) Assert.Equal(values, tensors[$"model.{name}"].Values);
        Assert.Superset(new HashSet<string> { "components.linear1.A", "components.linear2.bias", "gates.linear2.mlp_in" }, tensors.Keys.ToHashSet());
        Assert.Contains("target_module_patterns:\n- linear1\n- linear2\n", File.ReadAllText(_spd.PathTo("run.exported", "final_config.yaml")), StringComparison.Ordinal);
    }

    [Fact]
    public void InductionHeadsGoOutUnderTheRecordedNamesAndComeBackAsTheyWere()
    {
        string[] small =
        [
            "target.train.ih_model_config.vocab_size=8", "target.train.ih_model_config.seq_len=8", "target.train.prefix_window=5", "task_config.prefix_window=5",
            "target.train.steps=1500", "target.train.batch_size=128", "target.train.lr=0.005", "target.train.lr_warmup=100", "n_eval_steps=1",
        ];
        Assert.Equal((0, ""), Told(_spd.Run(["run", "ih", "--out", "run", "--steps", "3", "--quiet", .. small.SelectMany(value => new[] { "--set", value })])));
        RoundTrip("run", again: false);
        Assert.Equal((0, ""), Told(_spd.Run("export", "run", "--format", "spd", "--out", "out")));
        var recorded = Recorded("authors_models_induction").GetProperty("cases").GetProperty("induction_attention_only").GetProperty("weights");
        const string Target = "target_model.";
        Assert.Equal(
            recorded.EnumerateObject().Select(tensor => Target + tensor.Name).Order(),
            NamesIn("out", "model_3.safetensors").Where(name => name.StartsWith(Target, StringComparison.Ordinal)).Order());
    }

    /// <summary>The newer library's tensors are what was recorded inside it: of a target, its components, and its causal importance functions.</summary>
    [Fact]
    public void TheNewerLibrarysNamesAndShapesAreThoseRecorded()
    {
        var recorded = Recorded("training_step_everything").GetProperty("float32");
        WriteGoldenMlp("C: {layers.0: 4, layers.1: 3}");
        Assert.Equal((0, ""), Told(_spd.Run("run", "mine.yaml", "--out", "run", "--quiet")));
        Refused("that code has one C for all matrices, and this run has one for each: --format spd can say it", "export", "run");
        Assert.Equal((0, ""), Told(_spd.Run("export", "run", "--format", "spd")));
        var tensors = Safetensors.Read(_spd.PathTo("run", "spd", "model_2.safetensors")).Tensors.ToDictionary(tensor => tensor.Name);
        var expected = new Dictionary<string, int[]>();
        foreach (var tensor in recorded.GetProperty("target").EnumerateObject())
        {
            expected[$"target_model.{tensor.Name}"] = Shape(tensor.Value);
            Assert.Equal(Numbers(tensor.Value), tensors[$"target_model.{tensor.Name}"].Values.Select(value => (double)value));
        }

        var layers = Recorded("ci_functions").GetProperty("float32").GetProperty("mlp_[3]").GetProperty("params").GetProperty("layers");
        foreach (var site in recorded.GetProperty("params_init").GetProperty("components").EnumerateObject())
        {
            foreach (var factor in site.Value.EnumerateObject()) expected[$"_components.{site.Name}.{factor.Name}"] = Shape(factor.Value);
            expected[$"_components.{site.Name}.bias"] = Shape(recorded.GetProperty("target").GetProperty($"{site.Name}.bias"));
            int c = Shape(site.Value.GetProperty("U"))[0];
            for (int layer = 0; layer < 2; layer++)
            {
                foreach (var part in layers[layer].EnumerateObject())
                {
                    // There are three subcomponents in what was recorded.
                    int[] shape = Shape(part.Value);
                    Assert.Equal(3, shape[0]);
                    expected[$"ci_fn._ci_fns.{site.Name}.layers.{2 * layer}.{part.Name}"] = [c, .. shape[1..]];
                }
            }
        }

        Assert.Equal(expected.Keys.Order(), tensors.Keys.Order());
        Assert.All(expected, entry => Assert.Equal(entry.Value, tensors[entry.Key].Shape));
    }

    [Theory]
    [InlineData("tms")]
    [InlineData("mlp")]
    [InlineData("lm")]
    public void NumPyFindsTheMatricesAndTheImportancesInTheNewerLibrarysFile(string kind)
    {
        string? python = _spd.PythonWithNumPy();
        Assert.SkipWhen(python is null, "there is no python3 with NumPy here");
        if (kind == "mlp") WriteGoldenMlp("C: {layers.0: 4, layers.1: 3}");
        if (kind == "lm") TinyLanguageModel.Write(_spd.Folder);
        string[] run = kind switch
        {
            "mlp" => ["run", "mine.yaml", "--out", "run", "--quiet"],
            "lm" => ["run", "tiny_lm.yaml", "--out", "run", "--quiet"],
            _ => ["run", "tms_5-2", "--out", "run", .. Short, "--set", "target.train.steps=1000"],
        };
        Assert.Equal((0, ""), Told(_spd.Run(run)));
        Assert.Equal((0, ""), Told(_spd.Run("export", "run", "--format", "spd", "--out", "out")));
        Assert.Equal((0, ""), Told(_spd.Run("eval", "run", "--dump", "ci.npz", "--examples", "8")));
        File.WriteAllText(_spd.PathTo("read.py"), Script);
        string golden = SharedFiles.Find("golden/successor/ci_functions.json");
        using var process = _spd.StartProgram(python!, "read.py", kind, golden);
        var (exitCode, output, error) = SpdProgram.Finish(process);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal($"{(kind == "lm" ? 4 : 2)} matrices\n", output);
    }

    /// <summary>What a configuration has beyond the keys of the program that reads it would be refused there.</summary>
    [Fact]
    public void ConfigurationsHaveTheKeysOfTheProgramsThatReadThem()
    {
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "run", .. Short, "--set", "target.train.steps=1000"]).ExitCode);
        Assert.Equal(0, _spd.Run("export", "run").ExitCode);
        Assert.Equal(0, _spd.Run("export", "run", "--format", "spd").ExitCode);
        Refused("ci_config is a key of the library that followed the paper, whose runs are not read", "import", Path.Combine("run", "spd"), "--out", "x");
        Assert.Empty(KeysOf(_spd.PathTo("run", "spd-paper", "final_config.yaml")).Except(KeysOf(Released("released_tms_5-2/final_config.yaml"))));
        // As spd/configs.py of goodfire-ai/spd has them, February 2026.
        string[] known =
        [
            "wandb_project", "wandb_run_name", "wandb_run_name_prefix", "seed", "autocast_bf16", "n_mask_samples", "ci_config", "sampling", "sigmoid_type", "module_info",
            "identity_module_info", "use_delta_component", "loss_metric_configs", "output_loss_type", "lr_schedule", "steps", "batch_size", "grad_clip_norm_components",
            "grad_clip_norm_ci_fns", "faithfulness_warmup_steps", "faithfulness_warmup_lr", "faithfulness_warmup_weight_decay", "train_log_freq", "eval_freq", "eval_batch_size",
            "slow_eval_freq", "n_eval_steps", "slow_eval_on_first_step", "save_freq", "eval_metric_configs", "ci_alive_threshold", "init_spd_checkpoint",
            "pretrained_model_class", "pretrained_model_path", "pretrained_model_name", "pretrained_model_output_attr", "tokenizer_name", "task_config",
        ];
        string config = _spd.PathTo("run", "spd", "final_config.yaml");
        Assert.Empty(KeysOf(config).Except(known));
        string text = File.ReadAllText(config);
        Assert.Contains("\n- classname: ImportanceMinimalityLoss\n  coeff: 0.003\n  pnorm: 1.0\n  beta: 0.0\n", text, StringComparison.Ordinal);
        Assert.Contains("\n- module_pattern: linear2\n  C: 20\n", text, StringComparison.Ordinal);
        Assert.Contains("\n# - the learning rate fell as a quarter of a cosine", text, StringComparison.Ordinal);

        static IEnumerable<string> KeysOf(string path) => File.ReadLines(path).Where(line => line.Length > 0 && char.IsAsciiLetter(line[0])).Select(line => line[..line.IndexOf(':')]);
    }

    [Fact]
    public void WhatAFormatCannotSayIsToldBeforeAnythingIsWritten()
    {
        TinyLanguageModel.Write(_spd.Folder);
        var gpt2 = new Gpt2Config { VocabSize = TinyLanguageModel.Words.Length, NPositions = 16, NEmbd = 8, NLayer = 1, NHead = 2 };
        var network = gpt2.Build();
        network.Initialise(seed: 5);
        TransformerFiles.Save(_spd.PathTo("model"), gpt2, network);
        string config = File.ReadAllText(_spd.PathTo("tiny_lm.yaml"));
        string[] conv = ["run", "tiny_lm.yaml", "--out", "conv", "--quiet", "--set", "target_module_patterns=[transformer.h.0.mlp.c_fc]"];
        Assert.Equal((0, ""), Told(_spd.Run(conv)));
        Refused("the matrix of 'transformer.h.0.mlp.c_fc' is stored [d_in, d_out] (Conv1D), which that code does not replace", "export", "conv");
        Assert.Equal((0, ""), Told(_spd.Run("export", "conv", "--format", "spd", "--out", "deep/er")));
        Assert.Contains("target_model.transformer.h.0.mlp.c_fc.weight", NamesIn("deep", "er", "model_5.safetensors"));
        Refused("'deep/er' exists already", "export", "conv", "--format", "spd", "--out", "deep/er");
        Refused("cannot be made or written to", "export", "conv", "--format", "spd", "--out", "tiny_lm.yaml/out");
        Refused("has no name", "export", "conv", "--format", "spd", "--out", " ");
        Refused("writes the run as it was", "export", "conv", "--format", "spd", "--set", "steps=7");

        string folder = _spd.PathTo("conv", "config.yaml"), own = File.ReadAllText(folder);
        File.WriteAllText(folder, own.Replace("mlp.c_fc", "attn.c_attn.q", StringComparison.Ordinal));
        foreach (string format in new[] { "spd", "spd-paper" }) Refused("thirds of a matrix of GPT-2", "export", "conv", "--format", format, "--out", "x");
        File.Copy(Path.Combine(Repository.Root, "experiments", "modular_addition.yaml"), folder, overwrite: true);
        foreach (string format in new[] { "spd", "spd-paper" }) Refused("TransformerLens's names", "export", "conv", "--format", format, "--out", "x");
        File.WriteAllText(folder, own);
        using (var file = File.OpenWrite(_spd.PathTo("conv", "target", "weights.safetensors")))
        {
            file.Seek(-1, SeekOrigin.End);
            file.WriteByte(77);
        }

        Refused("is not the file that the run's summary.json tells of", "export", "conv", "--format", "spd", "--out", "x");
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
    }

    /// <summary>The MLP that was recorded inside the newer library, and an experiment on it, mine.yaml.</summary>
    private Dictionary<string, float[]> WriteGoldenMlp(string c)
    {
        var recorded = Recorded("training_step_everything").GetProperty("float32").GetProperty("target");
        var tensors = recorded.EnumerateObject().Select(tensor => new TensorData(tensor.Name, Shape(tensor.Value), [.. Numbers(tensor.Value).Select(value => (float)value)])).ToList();
        Safetensors.Write(_spd.PathTo("net.safetensors"), tensors);
        File.WriteAllLines(_spd.PathTo("x.csv"), Enumerable.Range(0, 60).Select(row => string.Join(',', Enumerable.Range(0, 5).Select(i => $"{(row * 7 + i * i * 3) % 11 / 8.0 - 0.5}"))));
        File.WriteAllText(_spd.PathTo("mine.yaml"), $$"""
            {{c}}
            n_ci_mlp_neurons: 3
            target_module_patterns: [layers.*]
            faithfulness_coeff: 1.0
            stochastic_recon_coeff: 1.0
            importance_minimality_coeff: 0.001
            output_loss_type: mse
            lr: 0.003
            steps: 2
            batch_size: 16
            n_eval_steps: 1
            task_config: {task_name: mlp}
            target:
              load: net.safetensors
              mlp: {layer_sizes: [5, 6, 4], activation: relu, weights: [linear1.weight, linear2.weight], biases: [linear1.bias, linear2.bias]}
              data: {inputs: x.csv}
            """);
        return tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Values);
    }

    private static (int, string) Told((int ExitCode, string Output, string Error) result) => (result.ExitCode, result.Error);

    private static JsonElement Recorded(string name) => JsonDocument.Parse(File.ReadAllText(SharedFiles.Find($"golden/successor/{name}.json"))).RootElement;

    private static int[] Shape(JsonElement element) => element.ValueKind == JsonValueKind.Array ? [element.GetArrayLength(), .. Shape(element[0])] : [];

    private static IEnumerable<double> Numbers(JsonElement element) => element.ValueKind == JsonValueKind.Array ? element.EnumerateArray().SelectMany(Numbers) : [element.GetDouble()];

    private HashSet<string> NamesIn(params string[] path) => [.. Safetensors.Read(_spd.PathTo(path)).Tensors.Select(tensor => tensor.Name)];

    private JsonElement Summary(string run) => JsonDocument.Parse(File.ReadAllText(_spd.PathTo(run, "summary.json"))).RootElement;

    private static string Released(string file) => SharedFiles.Find($"models/{file}");
}
