using System.Globalization;
using Spd.Decomposition;
using Spd.Engine;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Configuration;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Targets;

/// <summary>A transformer that adds modulo a number: its pairs, its spectra, and a run on one.</summary>
public sealed class ModularAdditionTests : IDisposable
{
    private const int Modulus = 5, Width = 8, Heads = 2, HeadWidth = 4, Neurons = 16;
    private const string Shape = "d_vocab: 6, n_ctx: 3, d_model: 8, d_head: 4, d_mlp: 16, n_layers: 1, n_heads: 2, act_fn: relu, normalization_type: null";

    private const string Trained = "{train: {seed: 1, dataset: {modulus: 7, frac_train: 0.9}, "
        + "model: {d_vocab: 8, n_ctx: 3, d_model: 32, d_head: 16, d_mlp: 64, n_layers: 1, n_heads: 2, act_fn: relu, normalization_type: null}, "
        + "lr: 0.01, steps: 1000, batch_size: 44}}";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheSpectrumOfSinesAndCosinesIsTheirPowers()
    {
        Assert.Equal(new double[] { 0, 0, 1 }, Rounded(Spectrum.Of(Function(7, n => 4 - 3 * Wave(3 * n / 7.0 + 0.1)))));
        Assert.Equal([0.9, 0.1, 0], Rounded(Spectrum.Of(Function(7, n => 3 * Wave(n / 7.0) + Wave(2 * n / 7.0 + 0.25)))));
        // The last frequency of an even number has a cosine alone, of twice the power.
        Assert.Equal([0.5, 0, 0.5], Rounded(Spectrum.Of(Function(6, n => Math.Sqrt(2) * Wave(n / 6.0) + Wave(3 * n / 6.0)))));
        var constant = Spectrum.Of(Function(7, _ => 1.0f / 3));
        Assert.Equal(new double[] { 0, 0, 0 }, constant.Shares);
        Assert.False(constant.IsPure);
        var third = Spectrum.Of(Function(7, n => 3 * Wave(3 * n / 7.0) + 0.9 * Wave(n / 7.0)));
        Assert.Equal((3, true), (third.Largest, third.IsPure));
        Assert.False(Spectrum.Of(Function(7, n => 3 * Wave(3 * n / 7.0) + 1.1 * Wave(n / 7.0))).IsPure);

        static double[] Rounded(Spectrum spectrum) => [.. spectrum.Shares.Select(share => Math.Round(share, 12))];
    }

    [Fact]
    public void EachPairComesOnceAnEpochInAnOrderOfItsOwn()
    {
        const int Pairs = Modulus * Modulus, Batch = 4;
        var data = new ModularPairs(Modulus);
        var drawn = new List<(int, int)>();
        float[] tokens = new float[ModularPairs.Tokens];
        for (int step = 0; drawn.Count < 2 * Pairs; step++)
        {
            for (int sequence = 0; sequence < Batch; sequence++)
            {
                data.Fill(seed: 3, step, Batch, sequence, tokens);
                Assert.Equal(Modulus, tokens[2]);
                drawn.Add(((int)tokens[0], (int)tokens[1]));
            }
        }

        var all = from a in Enumerable.Range(0, Modulus) from b in Enumerable.Range(0, Modulus) select (a, b);
        Assert.Equal(all, drawn.Take(Pairs).Order());
        Assert.Equal(all, drawn.Skip(Pairs).Take(Pairs).Order());
        Assert.NotEqual(drawn.Take(Pairs), drawn.Skip(Pairs).Take(Pairs));
        Assert.NotEqual(all, drawn.Take(Pairs));
    }

    [Fact]
    public void ARunTellsHowManyPairsAreRightAndDrawsItsFrequencies()
    {
        WriteWeights();
        var config = Load();
        var target = (ModularAdditionConfig)config.Target;
        using var backend = TestBackend.Create(1);

        // What the whole transformer says at the last position, pair by pair.
        var transformer = target.Model.Load(target.Load!);
        int right = 0;
        for (int a = 0; a < Modulus; a++)
        {
            for (int b = 0; b < Modulus; b++)
            {
                float[] last = transformer.Logits([a, b, Modulus], 1, backend)[(2 * (Modulus + 1))..][..Modulus];
                if (Array.IndexOf(last, last.Max()) == (a + b) % Modulus) right++;
            }
        }

        var observer = new Notes();
        var folder = RunFolder.CreateAt(_folder["run"]);
        var (summary, _) = new ExperimentRun(config, backend, new TargetCache(_folder["cache"]), observer).Execute(() => folder, CancellationToken.None);
        Assert.Equal(RunStatus.Finished, summary.Status);
        Assert.Contains($"it adds {right} of all 25 pairs rightly modulo 5", Assert.Single(observer.Sentences), StringComparison.Ordinal);
        Assert.Equal(right / 25.0, summary.Number("accuracy_target")!.Value, 12);
        Assert.Equal(25, summary.Number("accuracy_rows"));
        Assert.All(["unmasked", "stochastic", "ci_masked", "rounded_masked"], name => Assert.InRange(summary.Number($"accuracy_{name}") ?? -1, 0, 1));
        Assert.InRange(summary.Number("fourier_subcomponents") ?? -1, 0, summary.Number("fourier_alive")!.Value);
        Assert.Equal(9, summary.Metrics["fourier_read"].BySite!.Count);
        Assert.All(["fourier_read", "fourier_write"], name => Assert.True(File.Exists(Path.Combine(folder.Root, "figures", $"{name}.svg"))));
        Assert.Equal(config.ToYaml(), new ExperimentCatalog(_folder.Root).Load(folder.ConfigFile).Config.ToYaml());
        // How it was trained elsewhere, a run does not depend on.
        Assert.DoesNotContain("frac_train", target.ToYaml(), StringComparison.Ordinal);
        Assert.DoesNotContain("lr:", target.ToYaml(), StringComparison.Ordinal);
        Assert.Equal(summary.Number("unmasked_kl"), SavedRun.Open(folder.Root, new ExperimentCatalog(_folder.Root)).Measure(backend).Number("unmasked_kl"));
    }

    [Fact]
    public void SubcomponentsAreKnownByTheFrequenciesThatTheyReadAndWrite()
    {
        WriteWeights();
        var target = (ModularAdditionConfig)Load().Target;
        using var backend = TestBackend.Create(1);
        var network = target.Build();
        target.Kind.Load(target, network);
        var model = ComponentModel.Create(network, ["embed.W_E", "unembed.W_U"], c: 3, k: 0, seed: 0);
        var (embedding, unembedding) = (model.Sites[0], model.Sites[1]);
        for (int c = 0; c < 3; c++)
        {
            // Two are always needed, one never.
            foreach (var site in model.Sites) (site.Gate.Weight![c, 0], site.Gate.Bias![c, 0]) = (0, c < 2 ? 1 : -1);
            for (int token = 0; token < Modulus; token++)
                (embedding.V[c, token], unembedding.U[c, token]) = ((float)Wave((c + 1) * token / 5.0), (float)Wave(0.1 + 2 * token / 5.0));
        }

        var report = ModularAdditionReport.Of(model, new ModularPairs(Modulus), seed: 0, backend);
        Assert.Equal(["embed.W_E", "unembed.W_U"], report.Sites.Select(site => site.Site));
        Assert.Equal([(0, 1, true), (1, 2, true)], report.Sites[0].Subcomponents.Select(each => (each.C, each.Read.Largest, each.Read.IsPure)));
        Assert.Equal([(0, 2, true), (1, 2, true)], report.Sites[1].Subcomponents.Select(each => (each.C, each.Write!.Largest, each.Write.IsPure)));

        var evidence = report.Evidence().ToDictionary(entry => entry.Metric, entry => entry.Value);
        Assert.Equal(4, evidence["fourier_alive"].Number);
        Assert.Equal(1, evidence["fourier_read_share"].BySite!["embed.W_E"], 6);
        Assert.Equal(report.KeyFrequencies.Count(key => key is 1 or 2) / 2.0, evidence["fourier_read_key_share"].BySite!["embed.W_E"], 6);
        Assert.Equal((2, 2), ((int)evidence["fourier_read"].BySite!["embed.W_E"], (int)evidence["fourier_write"].BySite!["unembed.W_U"]));

        // The response of the neurons by hand: a neuron's frequency is that of W_in W_O W_V W_E.
        var maps = network.LinearMaps().ToDictionary(map => map.Path, map => map.Linear);
        float[][] path = Rows(maps["blocks.0.attn.W_V"]);
        foreach (string name in new[] { "blocks.0.attn.W_O", "blocks.0.mlp.W_in" })
            path = [.. Rows(maps[name]).Select(row => Enumerable.Range(0, Width).Select(i => row.Index().Sum(entry => entry.Item * path[entry.Index][i])).ToArray())];
        float[][] vectors = Rows(maps["embed.W_E"]);
        var spectra = path.Select(row => Spectrum.Of(Function(Modulus, token => row.Index().Sum(entry => (double)entry.Item * vectors[entry.Index][token])))).ToList();
        Assert.Equal(spectra.Select(spectrum => spectrum.Largest), report.Neurons.Select(spectrum => spectrum.Largest));
        double[] responses = [.. path.Select(row => row.Index().Sum(entry => (double)entry.Item * embedding.U[1, entry.Index]))];
        double share = responses.Zip(spectra).Where(entry => entry.Second.Largest == 2).Sum(entry => entry.First * entry.First) / responses.Sum(value => value * value);
        Assert.Equal(share, report.Sites[0].Subcomponents[1].Write!.Shares[1], 4);

        static float[][] Rows(Linear map) => [.. map.EffectiveWeight().Chunk(map.Inputs)];
    }

    [Theory]
    [InlineData("fn_name: sub, modulus: 5", Shape, @"config\.yaml, line 1: fn_name is 'sub', but add is needed$")]
    [InlineData("fn_name: add", Shape, @"config\.yaml, line 1: the key 'modulus' is missing$")]
    [InlineData("modulus: 1000", Shape, @"config\.yaml, line 1: modulus is 1000, but it must be from 3 to 512$")]
    [InlineData("modulus: 6", Shape, @"config\.yaml, line 2: d_vocab is 6, but the 6 residues and the token = are 7: correct it, or the modulus$")]
    [InlineData("modulus: 5", "d_vocab: 6, n_ctx: 2, d_model: 8, d_head: 4, d_mlp: 16, n_layers: 1, n_heads: 2, act_fn: relu",
        @"config\.yaml, line 2: n_ctx is 2, but a sum has 3 tokens, a b =$")]
    [InlineData("modulus: 5", "d_vocab: 6, n_ctx: 3, d_model: 1000000, d_head: 4, d_mlp: 1000000, n_layers: 1, n_heads: 2, act_fn: relu",
        @"config\.yaml, line 2: these sizes make a network of 2e\+12 weights, but one that adds has no more than 268435456: correct d_model and the others$")]
    [InlineData("modulus: 5", "d_vocab: 6, n_ctx: 3, d_model: 8, d_head: 4, d_mlp: 16, n_layers: 1, n_heads: 2, act_fn: relu, normalization_type: RMS",
        @"config\.yaml, line 2: normalization_type is 'RMS', but null, LN or LNPre is needed$")]
    public void AConfigurationBesideTheWeightsThatCannotBeUsedIsRefused(string dataset, string model, string pattern)
    {
        WriteWeights();
        _folder.Write("config.yaml", $"dataset: {{{dataset}}}\nmodel: {{{model}}}\n");
        string message = Assert.Throws<ConfigException>(Load).Message;
        Assert.Matches(pattern, message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void WeightsOfAnotherShapeOrWithoutAConfigurationAreRefused()
    {
        WriteWeights();
        _folder.Write("config.yaml", $"dataset: {{modulus: 5}}\nmodel: {{{Shape.Replace("d_mlp: 16", "d_mlp: 15", StringComparison.Ordinal)}}}\n");
        var target = Load().Target;
        Assert.EndsWith(
            "holds 'blocks.0.mlp.W_in' of shape [8, 16], but this network needs [8, 15]",
            Assert.Throws<FileContentException>(() => target.Kind.Load(target, target.Build())).Message, StringComparison.Ordinal);
        File.Delete(_folder["config.yaml"]);
        Assert.EndsWith(
            "but nothing says its shape: describe how it was trained under `target: train:`, or put its config.yaml beside it",
            Assert.Throws<ConfigException>(Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheRealNetworkAddsAllPairsButFour()
    {
        string weights = SharedFiles.Find("models/modular_addition/model_epoch_60000.pt");
        var target = Load($"{{load: '{weights}'}}").Target;
        using var backend = TestBackend.Create(1);
        var network = target.Build();
        target.Kind.Load(target, network);
        Assert.Equal("it adds 12765 of all 12769 pairs rightly modulo 113, 99.969 %", target.Kind.Verify(target, network, backend));
    }

    [Fact]
    public void ItIsTrainedOnItsPairsAlone()
    {
        var target = (ModularAdditionConfig)Load(Trained).Target;
        var pairs = target.TrainingPairs();
        Assert.Equal(44, pairs.Distinct().Count(pair => pair is >= 0 and < 49));
        Assert.Equal(44, pairs.Count);
        Assert.Equal(pairs, (target with { Seed = 3, Steps = 5 }).TrainingPairs());
        Assert.NotEqual(pairs.Order(), (target with { DatasetSeed = 1 }).TrainingPairs().Order());
        Assert.Single((target with { FracTrain = 1e-9 }).TrainingPairs());

        var data = new ModularPairs(7, pairs);
        var drawn = new List<int>();
        float[] tokens = new float[ModularPairs.Tokens], sums = new float[ModularPairs.Tokens];
        for (int step = 0; step < 8; step++)
        {
            for (int sequence = 0; sequence < 11; sequence++)
            {
                data.Fill(seed: 3, step, 11, sequence, tokens);
                data.Sums.Fill(seed: 3, step, 11, sequence, sums);
                Assert.Equal(7, tokens[2]);
                Assert.All(sums, sum => Assert.Equal((tokens[0] + tokens[1]) % 7, sum));
                drawn.Add((int)tokens[0] * 7 + (int)tokens[1]);
            }
        }

        Assert.Equal(pairs.Order(), drawn.Take(44).Order());
        Assert.Equal(pairs.Order(), drawn.Skip(44).Order());
    }

    [Fact]
    public void ATrainedNetworkAddsWhatItHasNotSeenAndGoesOnToTheBit()
    {
        var target = Load(Trained).Target;
        var observer = new Notes();
        float[] whole = Provide("whole");
        Assert.Matches(
            @"^trained the target with seed \d for 1000 steps in \d+\.\d s: it adds 49 of all 49 pairs rightly modulo 7, 100\.000 %, and 5 of the 5 that it was not trained on$",
            observer.Sentences[^1]);
        Assert.Throws<OperationCanceledException>(() => Provide("cut", stopAt: 450));
        Assert.Equal(whole, Provide("cut", threads: 2));
        Assert.Contains("going on with the target's training from step 450", observer.Sentences);
        Assert.Equal(whole, Provide("cut"));
        Assert.Matches(@"^found the trained target with seed \d in the cache: ", observer.Sentences[^1]);

        float[] Provide(string cache, int threads = 1, int stopAt = 0)
        {
            using var backend = TestBackend.Create(threads);
            using var stop = new CancellationTokenSource();
            observer.OnTargetStep = step =>
            {
                if (step == stopAt) stop.Cancel();
            };
            var network = new TargetProvider(new TargetCache(_folder[cache]), backend, observer).Provide(target, stop.Token).Network;
            return [.. network.TrainableParameters().SelectMany(parameter => parameter.Values.ToArray())];
        }
    }

    [Fact]
    public void OneThatKnowsItsPairsByHeartIsNotDecomposed()
    {
        using var backend = TestBackend.Create(1);
        var observer = new Notes();
        // Without decay, two fifths of the pairs say nothing of the others.
        var target = (ModularAdditionConfig)Load(Trained).Target with { FracTrain = 0.4, WeightDecay = 0, Steps = 300 };
        string message = Assert.Throws<TargetException>(
            () => new TargetProvider(new TargetCache(_folder["cache"]), backend, observer).Provide(target, CancellationToken.None)).Message;
        Assert.StartsWith("none of the target seeds 1 to 10 added 99.9 % of the pairs rightly that it was not trained on; train longer", message, StringComparison.Ordinal);

        // All that it has seen are right, and no more than a few others by chance.
        var network = target.Build();
        network.Initialise(1);
        target.Kind.Train(target, network, backend, (_, _) => { }, new TargetCheckpoints(_folder["training"], target.ToYaml(), backend.Name, observer), CancellationToken.None);
        var right = ModularAdditionReport.RightOf(network, new ModularPairs(7), backend);
        Assert.Superset(target.TrainingPairs().ToHashSet(), right);
        int others = right.Count - target.TrainingPairs().Count;
        Assert.False(target.Kind.Examine(target, network, backend).IsLearnt);
        Assert.Equal(
            string.Create(CultureInfo.InvariantCulture, $"it adds {right.Count} of all 49 pairs rightly modulo 7, {right.Count / 49.0:P3}, and {others} of the 29 that it was not trained on"),
            target.Kind.Verify(target, network, backend));
        // Where everything was trained on, that is all that can be asked; and of a network from elsewhere nobody says on what it was.
        Assert.DoesNotContain("trained on", target.Kind.Verify(target with { FracTrain = 1 }, network, backend), StringComparison.Ordinal);
        Assert.DoesNotContain("trained on", target.Kind.Verify(target with { Load = "x" }, network, backend), StringComparison.Ordinal);
    }

    private ExperimentConfig Load() => Load($"{{load: '{_folder["weights.safetensors"]}'}}");

    private ExperimentConfig Load(string target) => ExperimentConfig.Load(
        _folder.Write("experiment.yaml", $$"""
            C: 6
            n_ci_mlp_neurons: 0
            target_module_patterns: [embed.W_E, pos_embed.W_pos, blocks.0.*.W_*, unembed.W_U]
            faithfulness_coeff: 1.0
            stochastic_recon_coeff: 1.0
            importance_minimality_coeff: 0.001
            output_loss_type: kl
            steps: 4
            batch_size: 10
            print_freq: 2
            n_eval_steps: 1
            task_config: {task_name: modular_addition}
            target: {{target}}
            """),
        [], new ExperimentCatalog(_folder.Root)).Config;

    /// <summary>A network of random weights under the names and shapes that TransformerLens has, and the configuration of its trainer beside it.</summary>
    private void WriteWeights()
    {
        var random = new RandomSequence(seed: 1, stream: 0);
        Safetensors.Write(_folder["weights.safetensors"],
        [
            Drawn("embed.W_E", Modulus + 1, Width), Drawn("pos_embed.W_pos", 3, Width),
            Drawn("blocks.0.attn.W_Q", Heads, Width, HeadWidth), Drawn("blocks.0.attn.W_K", Heads, Width, HeadWidth), Drawn("blocks.0.attn.W_V", Heads, Width, HeadWidth),
            Drawn("blocks.0.attn.W_O", Heads, HeadWidth, Width), Drawn("blocks.0.attn.b_Q", Heads, HeadWidth), Drawn("blocks.0.attn.b_K", Heads, HeadWidth),
            Drawn("blocks.0.attn.b_V", Heads, HeadWidth), Drawn("blocks.0.attn.b_O", Width), Drawn("blocks.0.mlp.W_in", Width, Neurons), Drawn("blocks.0.mlp.b_in", Neurons),
            Drawn("blocks.0.mlp.W_out", Neurons, Width), Drawn("blocks.0.mlp.b_out", Width), Drawn("unembed.W_U", Width, Modulus + 1), Drawn("unembed.b_U", Modulus + 1),
        ]);
        _folder.Write("config.yaml", $"dataset: {{dataset_type: modular_arithmetic, fn_name: add, frac_train: 0.3, modulus: 5, seed: 0}}\nmodel: {{{Shape}}}\nseed: 0\ntrain: {{epochs: 1}}\n");

        TensorData Drawn(string name, params int[] shape)
        {
            float[] values = new float[shape.Aggregate(1, (product, size) => product * size)];
            random.FillNormal(values, 0.5);
            return new TensorData(name, shape, values);
        }
    }

    private static double[] Function(int modulus, Func<int, double> value) => [.. Enumerable.Range(0, modulus).Select(value)];

    private static double Wave(double turns) => Math.Cos(2 * Math.PI * turns);

    private sealed class Notes : IRunObserver
    {
        public List<string> Sentences { get; } = [];

        public void Note(string sentence) => Sentences.Add(sentence);

        public void Warn(string sentence) => Assert.Fail(sentence);

        public Action<int>? OnTargetStep { get; set; }

        public void TargetStep(int step, int steps, double loss) => OnTargetStep?.Invoke(step);

        public void Progress(RunProgress progress)
        {
        }
    }
}
