using Spd.Engine.Cpu;
using Spd.Runs;
using Spd.Runs.Checkpoints;
using Spd.Runs.Log;
using Spd.Runs.Results;

namespace Spd.Fuzz.Kinds;

/// <summary>The files of a run that takes a moment, without what a clock or the state of the repository put into them.</summary>
internal static class TinyRun
{
    private const int Steps = 20;

    private static readonly Lazy<IReadOnlyList<Sample>> Made = new(Make);

    public static string Yaml => """
        description: tiny
        seed: 1
        C: 6
        n_ci_mlp_neurons: 4
        target_module_patterns: [linear1, linear2]
        faithfulness_coeff: 1.0
        stochastic_recon_coeff: 1.0
        stochastic_recon_layerwise_coeff: 1.0
        importance_minimality_coeff: 0.003
        pnorm: 1.0
        output_loss_type: mse
        lr: 0.001
        steps: 20
        batch_size: 16
        print_freq: 5
        save_freq: 10
        n_eval_steps: 1
        task_config: {task_name: tms, feature_probability: 0.05, data_generation_type: at_least_zero_active}
        target:
          train:
            seed: 0
            tms_model_config: {n_features: 2, n_hidden: 2, n_hidden_layers: 0, tied_weights: true, init_bias_to_zero: true}
            feature_probability: 0.2
            lr: 0.01
            steps: 1000
            batch_size: 256
        """;

    /// <summary>Its files, by their paths in its folder: those that are read again.</summary>
    public static IReadOnlyList<Sample> Files => Made.Value;

    /// <summary>A file whose path ends so.</summary>
    public static Sample File(string end) => Files.First(file => file.Name.EndsWith(end, StringComparison.Ordinal));

    private static List<Sample> Make()
    {
        string folder = Directory.CreateTempSubdirectory("spd-fuzz-").FullName;
        try
        {
            string yaml = Path.Combine(folder, "tiny.yaml");
            System.IO.File.WriteAllText(yaml, Yaml);
            var config = RoundTrip.Catalog.Load(yaml).Config;
            var cache = new TargetCache(Path.Combine(folder, "cache"));
            var (summary, run) = new ExperimentRun(config, new CpuBackend(threads: 1), cache, new Silence()).Execute(
                () => RunFolder.CreateAt(Path.Combine(folder, "run")), CancellationToken.None);
            // Without hashes, files that were changed are read and not refused at once.
            summary = summary with { WallSeconds = 1, CheckpointSeconds = 0, MsPerStep = new StepTime(1, 1, 1), Commit = "none" };
            run.WriteText(run.SummaryFile, (summary with { Hashes = new Dictionary<string, string>() }).ToJson());
            var records = MetricLog.Read(run.MetricsFile);
            System.IO.File.Delete(run.MetricsFile);
            using (var log = new MetricLog(run.MetricsFile))
            {
                foreach (var record in records) log.Write(record with { Seconds = record.Step, MsPerStep = 1 });
            }

            string[] read =
            [
                run.ConfigFile, run.SummaryFile, run.MetricsFile, run.ModelFile, run.TargetWeightsFile, run.TargetConfigFile,
                Checkpoint.PathOf(run.CheckpointsFolder, Steps / 2), Checkpoint.PathOf(run.CheckpointsFolder, Steps),
            ];
            return [.. read.Select(path => new Sample(Path.GetRelativePath(run.Root, path).Replace('\\', '/'), System.IO.File.ReadAllBytes(path)))];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Shows nothing, and looks at what it is told.</summary>
    internal sealed class Silence : IRunObserver
    {
        public void Note(string sentence) => FuzzKind.CheckSentence(sentence);

        public void TargetStep(int step, int steps, double loss) { }

        public void Progress(RunProgress progress) { }
    }
}
