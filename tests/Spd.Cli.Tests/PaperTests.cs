using System.Diagnostics;
using Spd.Runs.Checkpoints;

namespace Spd.Cli.Tests;

public sealed class PaperTests : IDisposable
{
    private static readonly string[] Finished = ["summary.json", "report.html", "model.safetensors", "config.yaml"];
    private static readonly string[] Start = ["paper", "--only", "tms", "--seeds", "1", "--out", "out"];

    private readonly SpdProgram _spd = new();

    public PaperTests() => UseShortExperiments(_spd, steps: 2000);

    /// <summary>Makes a copy of the program beside which two short experiments lie, instead of those that it ships.</summary>
    /// <param name="spd">Uses the copy.</param>
    /// <param name="steps">Steps of the second experiment.</param>
    internal static void UseShortExperiments(SpdProgram spd, int steps)
    {
        string program = spd.PathTo("program");
        Directory.CreateDirectory(program);
        foreach (string file in Directory.GetFiles(AppContext.BaseDirectory)) File.Copy(file, Path.Combine(program, Path.GetFileName(file)));
        Directory.CreateDirectory(Path.Combine(program, "experiments"));
        WriteExperiment(spd, "tms_5-2", 40);
        WriteExperiment(spd, "tms_5-2-id", steps);
        spd.Location = program;
    }

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void AKilledReproductionGoesOnWhereItWas()
    {
        _spd.KillAt(new Moment("tms_5-2-id/seed1/checkpoints/step-00000200.safetensors", 100, "-KILL"), Start);
        Assert.All(Finished.Take(2), file => Assert.False(File.Exists(_spd.PathTo("out", "tms_5-2-id", "seed1", file))));
        byte[] model = File.ReadAllBytes(_spd.PathTo("out", "tms_5-2", "seed1", "model.safetensors"));
        var written = File.GetLastWriteTimeUtc(_spd.PathTo("out", "tms_5-2", "seed1", "model.safetensors"));
        var (code, output, error) = _spd.Run(Start);
        // The other two experiments of this part are not there.
        Assert.Equal(1, code);
        Assert.Contains("tms_40-10: skipped, experiment 'tms_40-10' is not there", error, StringComparison.Ordinal);
        Assert.Contains("2 of 4 runs have finished, 1 of them earlier", output, StringComparison.Ordinal);
        Assert.Contains(Path.Combine("out", "paper.html"), output, StringComparison.Ordinal);
        Assert.Equal(model, File.ReadAllBytes(_spd.PathTo("out", "tms_5-2", "seed1", "model.safetensors")));
        Assert.Equal(written, File.GetLastWriteTimeUtc(_spd.PathTo("out", "tms_5-2", "seed1", "model.safetensors")));
        Assert.All(Finished, file => Assert.True(File.Exists(_spd.PathTo("out", "tms_5-2-id", "seed1", file))));
        Assert.Equal([_spd.PathTo("out", "tms_5-2-id", "seed1")], Directory.GetDirectories(_spd.PathTo("out", "tms_5-2-id")));
    }

    [Fact]
    public void AnInterruptedReproductionGoesOnAndASecondProgramIsRefused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill, which Windows lacks");
        WriteExperiment(_spd, "tms_5-2-id", 20_000);
        Assert.Equal(1, _spd.Run("paper", "--only", "tms", "--seeds", "1", "--out", "whole", "--quiet").ExitCode);

        using (var process = _spd.StartUntil(new Moment("step-00004000.safetensors", 0, "-INT", IsHeld: true), Start))
        {
            SpdProgram.WaitFor(process, () => File.Exists(_spd.PathTo(Moment.HeldFile)));
            var refused = _spd.Run("paper", "--out", "out");
            Assert.Equal(2, refused.ExitCode);
            Assert.StartsWith($"spd: another `spd paper` (process {process.Id}) works in 'out'", refused.Error, StringComparison.Ordinal);
            File.Delete(_spd.PathTo(Moment.HeldFile));
            WasStopped(process, 4000, "-INT");
        }

        using (var process = _spd.StartUntil(new Moment("step-00012000.safetensors", 0, "-TERM"), Start)) WasStopped(process, 12_000, "-TERM");
        var (code, output, _) = _spd.Run(Start);
        // Of this part, two experiments are not there.
        Assert.Equal(1, code);
        Assert.Contains("going on from step 12000", output, StringComparison.Ordinal);
        Assert.Contains("2 of 4 runs have finished, 1 of them earlier", output, StringComparison.Ordinal);
        Assert.Equal([_spd.PathTo("out", "tms_5-2-id", "seed1")], Directory.GetDirectories(_spd.PathTo("out", "tms_5-2-id")));
        _spd.AssertSameRun(Path.Combine("whole", "tms_5-2-id", "seed1"), Path.Combine("out", "tms_5-2-id", "seed1"));
    }

    /// <summary>The program was stopped by a signal while it worked on the second run, whose folder is kept with a checkpoint.</summary>
    private void WasStopped(Process process, int step, string signal)
    {
        var (code, output, _) = SpdProgram.Finish(process);
        Assert.Equal(SpdProgram.ExitCodeOf(signal), code);
        Assert.Contains("1 of 4 runs have finished", output, StringComparison.Ordinal);
        Assert.Contains("stopped by the user", File.ReadAllText(_spd.PathTo("out", "paper.html")), StringComparison.Ordinal);
        string newest = Checkpoint.Newest(_spd.PathTo("out", "tms_5-2-id", "seed1", "checkpoints"))[0];
        Assert.Equal($"step-{step:D8}", Path.GetFileNameWithoutExtension(newest));
    }

    private static void WriteExperiment(SpdProgram spd, string name, int steps) => File.WriteAllText(
        spd.PathTo("program", "experiments", $"{name}.yaml"),
        $$"""
        seed: 1
        C: 6
        n_ci_mlp_neurons: 4
        target_module_patterns: [linear1, linear2]
        faithfulness_coeff: 1.0
        stochastic_recon_coeff: 1.0
        importance_minimality_coeff: 0.003
        pnorm: 1.0
        output_loss_type: mse
        lr: 0.001
        steps: {{steps}}
        batch_size: 64
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
        """);
}
