using Spd.Decomposition;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Runs.Activations;
using Spd.Runs.Configuration;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Targets;

/// <summary>A transformer that learns to go on as it did before, its configuration, and a run on it.</summary>
public sealed class InductionTests : IDisposable
{
    private const string Shape = "vocab_size: 4, seq_len: 8, d_model: 16, n_heads: 1, n_layers: 2, ff_fanout: 1, use_ff: false, use_pos_encoding: true, use_layer_norm: false";
    private const string Training = "steps: 500, batch_size: 128, lr: 0.01, lr_schedule: constant, lr_warmup: 20";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ANetworkIsTrainedUntilItAnswersAndKept()
    {
        using var backend = TestBackend.Create(1);
        var target = Load().Target;
        var observer = new NotesOnly();
        var trained = new TargetProvider(new TargetCache(_folder["cache"]), backend, observer).Provide(target, CancellationToken.None);
        Assert.Matches(@"^trained the target with seed 0 for 500 steps in \d+\.\d s: it answers (99\.\d\d|100\.00) % of 4096 sequences rightly$", Assert.Single(observer.Sentences));
        var again = new TargetProvider(new TargetCache(_folder["cache"]), backend, observer).Provide(target, CancellationToken.None);
        Assert.True(again.FromCache);
        string weights = _folder["ih.safetensors"];
        ModuleWeights.Save(weights, trained.Network);

        // The released trainer's names, a configuration beside the weights, and its tables of positions, which are no weights.
        using (var file = WeightFile.Open(weights))
        {
            Assert.Equal(
                ["blocks.0.attn.k_proj.weight", "blocks.0.attn.out_proj.weight", "blocks.0.attn.q_proj.weight", "blocks.0.attn.v_proj.weight",
                    "blocks.1.attn.k_proj.weight", "blocks.1.attn.out_proj.weight", "blocks.1.attn.q_proj.weight", "blocks.1.attn.v_proj.weight",
                    "token_embed.weight", "unembed.weight"],
                file.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
            Safetensors.Write(
                _folder["released.safetensors"],
                [.. file.Tensors.Select(tensor => file.Read(tensor.Name)), new TensorData("pos.pe", [1, 8, 16], new float[128])]);
        }

        _folder.Write(
            "ih_train_config.yaml",
            $"wandb_project: null\nih_model_config: {{{Shape}, device: cpu}}\n{Lines(Training)}weight_decay: 0.01\nseed: 0\nattention_maps_n_steps: 100\nprefix_window: 5\n");
        var released = Load($"{{load: '{_folder["released.safetensors"]}'}}").Target;
        Assert.Equal(5, ((InductionTargetConfig)released).PrefixWindow);
        var loaded = released.Build();
        Assert.Empty(released.Kind.Load(released, loaded));
        Assert.EndsWith(released.Kind.Verify(released, loaded, backend), observer.Sentences[0], StringComparison.Ordinal);
    }

    [Fact]
    public void ANetworkThatDoesNotAnswerIsNotDecomposed()
    {
        using var backend = TestBackend.Create(1);
        var observer = new NotesOnly();
        var target = Load("{train: {ih_model_config: {" + Shape + "}, steps: 1, batch_size: 2}}").Target;
        string message = Assert.Throws<TargetException>(
            () => new TargetProvider(new TargetCache(_folder["cache"]), backend, observer).Provide(target, CancellationToken.None)).Message;
        Assert.StartsWith("none of the target seeds 0 to 9 answered 99 % of the sequences rightly; train longer with --set target.train.steps=2, or", message, StringComparison.Ordinal);
        Assert.All(observer.Sentences, sentence => Assert.EndsWith("% of 4096 sequences rightly, so the next seed is tried", sentence, StringComparison.Ordinal));
    }

    [Fact]
    public void ARunTellsWhatHeadsAttendToAndDrawsIt()
    {
        using var backend = TestBackend.Create(1);
        var config = Load();
        var folder = RunFolder.CreateAt(_folder["run"]);
        var (summary, _) = new ExperimentRun(config, backend, new TargetCache(_folder["cache"]), new NotesOnly()).Execute(() => folder, CancellationToken.None);
        Assert.Equal(RunStatus.Finished, summary.Status);
        Assert.InRange(summary.Number("accuracy_target") ?? -1, 0.99, 1);
        Assert.InRange(summary.Number("induction_target") ?? -1, 0.5, 1);
        Assert.All(
            ["accuracy_ci_masked", "previous_token_target", "previous_token_stochastic", "previous_token_ci_masked", "induction_stochastic", "induction_ci_masked"],
            name => Assert.InRange(summary.Number(name) ?? -1, 0, 1));
        Assert.All(
            ["induction_needed", "previous_token_without", "induction_without", "accuracy_without"], name => Assert.Equal(8, summary.Metrics[name].BySite!.Count));
        double needed = summary.Metrics["induction_needed"].BySite!.Values.Sum();
        Assert.All(["previous_token_carriers", "induction_carriers"], name => Assert.InRange(summary.Number(name) ?? -1, 0, needed));
        Assert.All(
            ["induction_attention", "induction_attention_without", "induction_ablations"], name => Assert.True(File.Exists(Path.Combine(folder.Root, "figures", $"{name}.svg"))));
        Assert.Equal(8, Directory.GetFiles(Path.Combine(folder.Root, "activations"), "*.html").Length);
    }

    [Fact]
    public void WithoutQueriesAndKeysAttentionIsThatOfPositions()
    {
        using var backend = TestBackend.Create(1);
        var (model, sequences) = Decomposed();
        foreach (var (path, map) in model.Network.LinearMaps())
            if (path.EndsWith("q_proj", StringComparison.Ordinal) || path.EndsWith("k_proj", StringComparison.Ordinal)) map.Weight.Values.Clear();
        var target = InductionReport.Of(model, sequences, seed: 3, backend).Kinds["target"];

        // Sines and cosines of eight wave lengths; the product of two positions is a sum of cosines of their distance.
        double[] scores = [.. Enumerable.Range(0, 8).Select(distance => Enumerable.Range(0, 8).Sum(i => Math.Cos(distance * Math.Pow(10_000, -i / 8.0))) / 4)];
        double Probability(int query, int key) => Math.Exp(scores[query - key]) / Enumerable.Range(0, query + 1).Sum(j => Math.Exp(scores[query - j]));
        int[] answers = [.. Enumerable.Range(0, 256).Select(sequence =>
        {
            float[] tokens = new float[8];
            sequences.Fill(3, 0, 256, sequence, tokens);
            return Array.IndexOf(tokens, 5) + 1;
        })];
        Assert.Equal(answers.Average(at => Probability(at, at - 1)), target.PreviousToken, 5);
        Assert.Equal(answers.Average(at => Probability(7, at)), target.Induction, 5);
    }

    [Fact]
    public void SubcomponentsAreToldOfBySymbols()
    {
        using var backend = TestBackend.Create(1);
        var (model, _) = Decomposed();
        var config = Load();
        var examples = TokenExamples.Of(config.Target.Kind.Data(config.Target, config.Task), count: 40, seed: 3, backend);
        int[] tokens = new int[8];
        Assert.All(Enumerable.Range(0, 40), number =>
        {
            examples.Read(number, tokens);
            Assert.Equal((0, 5, tokens[Array.IndexOf(tokens, 5) + 1]), (tokens[0], tokens[^1], examples.AnswerOf!(number)));
        });
        var reports = new TokenActivations(model, examples, new ActivationOptions { Top = 4 }, backend).Of(model.Sites).ToList();
        Assert.Equal(model.Sites.Select(site => site.Name), reports.Select(report => report.Site));
        foreach (var report in reports)
        {
            Assert.Equal("40 sequences (320 tokens)", report.Examples);
            bool isAttendedTo = report.Site.EndsWith("k_proj", StringComparison.Ordinal) || report.Site.EndsWith("v_proj", StringComparison.Ordinal);
            bool decides = report.Site.EndsWith("k_proj", StringComparison.Ordinal) || report.Site.EndsWith("q_proj", StringComparison.Ordinal);
            foreach (var context in report.Subcomponents.SelectMany(one => one.Contexts))
            {
                examples.Read(context.Sequence, tokens);
                string symbols = string.Join(' ', tokens.Select(token => token switch { 0 => "BOS", 5 => "S", _ => $"{token}" }));
                Assert.Equal($"{symbols} → {examples.AnswerOf!(context.Sequence)}", context.Before + context.Token + context.After);
                Assert.All(context.Attention!, each => Assert.Equal((decides, true), (each.Without is not null, isAttendedTo ? each.Position >= context.Position : each.Position <= context.Position)));
            }

            string html = SitePage.Of(report).Html;
            Assert.Contains("log-probability of the answer ", html, StringComparison.Ordinal);
            Assert.Equal(decides, html.Contains("<th>Attention, and without it</th>", StringComparison.Ordinal));
        }

        // The last position is asked, and may be a context too.
        Assert.Contains(reports.SelectMany(report => report.Subcomponents).SelectMany(one => one.Contexts), context => context.Position == 7);
        Assert.Contains(reports.SelectMany(report => report.Subcomponents), one => one.Ablation!.Divergence > 1e-6);
    }

    [Fact]
    public void ASubcomponentThatIsTakenOutWritesNothing()
    {
        using var backend = TestBackend.Create(1);
        var (model, sequences) = Decomposed();
        var report = InductionReport.Of(model, sequences, seed: 3, backend);
        foreach (var site in new[] { model.Sites[0], model.Sites[^2] })
        {
            var entry = report.Sites[site.Index];
            Assert.Equal(site.Name, entry.Site);
            Assert.Equal(entry.Subcomponents.OrderByDescending(each => each.Uses), entry.Subcomponents);
            Assert.All(entry.Subcomponents, each => Assert.InRange(each.Uses, InductionReport.LeastUses, 8.5));
            float[] all = site.U.Values.ToArray();
            site.U.Row(entry.Subcomponents[0].C).Clear();
            Assert.Equal(InductionReport.Of(model, sequences, seed: 3, backend).Kinds["ci_masked"], entry.Subcomponents[0].Without);
            foreach (var each in entry.Subcomponents) site.U.Row(each.C).Clear();
            Assert.Equal(InductionReport.Of(model, sequences, seed: 3, backend).Kinds["ci_masked"], entry.Without);
            all.CopyTo(site.U.Values);
        }

        Assert.Equal(["target", "stochastic", "ci_masked", .. model.Sites.Select(site => site.Name)], report.Maps.Select(map => map.Name));
        Assert.All(report.Maps, map => Assert.All(Enumerable.Range(0, 8), row => Assert.Equal(1, Enumerable.Range(0, 8).Sum(column => map.Last[row, column]), 6)));
    }

    [Theory]
    [InlineData("1000", 1000)]
    [InlineData("0.25", 777)]
    [InlineData("0", 0)]
    public void TheRateRisesInStepsOrInAShareOfThem(string warmup, int steps)
    {
        foreach (int all in new[] { 3108, 3109, 3110, 3111 })
        {
            var training = ((TrainedTargetConfig)Load("{train: {ih_model_config: {" + Shape + "}, lr_schedule: constant, lr_warmup: " + warmup + ", steps: " + all + "}}").Target).Training;
            Assert.Equal(1, training.Schedule.Factor(steps, all));
            if (steps > 0) Assert.Equal((steps - 1.0) / steps, training.Schedule.Factor(steps - 1, all), 12);
        }
    }

    [Theory]
    [InlineData("prefix_window: 6", "line 6: prefix_window is 6, but the first S of a sequence of 8 has a place from 2 to 5")]
    [InlineData("lr_schedule: exponential", "line 6: a target's lr_schedule cannot be exponential: use constant, linear or cosine")]
    [InlineData("lr_warmup: -1", "line 6: lr_warmup is -1, but it must be a finite number of at least 0")]
    [InlineData("n_heads: 3", "line 6: unknown key 'n_heads'; did you mean 'ih_model_config.n_heads'?")]
    public void ATrainingThatCannotBeIsRefused(string key, string expected) => Assert.EndsWith(
        expected, Assert.Throws<ConfigException>(() => Load("{train: {ih_model_config: {" + Shape + "}, " + key + "}}")).Message, StringComparison.Ordinal);

    [Fact]
    public void ATaskOrANetworkThatCannotBeIsRefused()
    {
        Assert.EndsWith(
            "prefix_window is 1, but the first S of a sequence of 8 has a place from 2 to 5",
            Assert.Throws<ConfigException>(() => Load(task: "prefix_window: 1")).Message, StringComparison.Ordinal);
        Assert.EndsWith(
            "d_model is 16, which cannot be divided by n_heads, 3",
            Assert.Throws<ConfigException>(() => Load("{train: {ih_model_config: {" + Shape.Replace("n_heads: 1", "n_heads: 3", StringComparison.Ordinal) + "}}}")).Message,
            StringComparison.Ordinal);
    }

    /// <summary>A network of random weights with random subcomponents.</summary>
    private (ComponentModel Model, InductionSequences Sequences) Decomposed()
    {
        var target = (InductionTargetConfig)Load().Target;
        var network = target.Build();
        network.Initialise(seed: 1);
        return (ComponentModel.Create(network, ["blocks.*.attn.*"], c: 3, k: 2, seed: 2), target.Sequences(prefixWindow: null));
    }

    private static string Lines(string entries) => entries.Replace(", ", "\n", StringComparison.Ordinal) + "\n";

    private ExperimentConfig Load(string? target = null, string task = "prefix_window: null") => ExperimentConfig.Load(
        _folder.Write("experiment.yaml", $$"""
            target_module_patterns: [blocks.*.attn.*]
            importance_minimality_coeff: 0.001
            C: 17
            n_ci_mlp_neurons: 2
            task_config: {task_name: ih, {{task}}}
            target: {{target ?? "{train: {ih_model_config: {" + Shape + "}, " + Training + "}}"}}
            faithfulness_coeff: 100.0
            stochastic_recon_coeff: 1.0
            output_loss_type: kl
            steps: 4
            batch_size: 3
            print_freq: 2
            n_eval_steps: 1
            """),
        [], new ExperimentCatalog(_folder.Root)).Config;

    private sealed class NotesOnly : IRunObserver
    {
        public List<string> Sentences { get; } = [];

        public void Note(string sentence) => Sentences.Add(sentence);

        public void Warn(string sentence) => Assert.Fail(sentence);

        public void TargetStep(int step, int steps, double loss)
        {
        }

        public void Progress(RunProgress progress)
        {
        }
    }
}
