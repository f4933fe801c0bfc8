using Spd.Engine.Cpu;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Targets;

namespace Spd.Runs.Exchange;

/// <summary>Writes a run as the authors' released code knows it: a state dict as safetensors, and the two configs that go with it.</summary>
public static class ReleasedExport
{
    /// <summary>The name of the format.</summary>
    public const string Format = "spd-paper";

    /// <summary>Exports a run. The folder appears whole or not at all.</summary>
    /// <param name="run">The run.</param>
    /// <param name="output">The folder to make.</param>
    /// <returns>The weight file.</returns>
    /// <exception cref="RunFolderException">The folder exists, or the released code has no such model.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static string Export(SavedRun run, string output)
    {
        if (run.Experiment is not ExperimentConfig { Target: { Kind: { TrainConfigFile: { } trainConfig, ReleasedClass: not null } } target } experiment)
        {
            throw new RunFolderException(
                $"'{run.Folder.Root}' cannot be exported as {Format}: that code has SPD of a TMS, a residual MLP or induction heads only, and this run is another kind");
        }

        if (experiment.Decomposition.CBySite is not null)
        {
            throw new RunFolderException(
                $"'{run.Folder.Root}' cannot be exported as {Format}: that code has one C for all matrices, and this run has one for each");
        }

        if (target is ResidualMlpTargetConfig { Model.ActFnName: not (ActivationName.Relu or ActivationName.Gelu) and var activation })
        {
            throw new RunFolderException(
                $"'{run.Folder.Root}' cannot be exported as {Format}: that code knows the activation functions relu and gelu, and this network has {activation}");
        }

        if (Path.Exists(output)) throw new RunFolderException($"'{output}' exists already: name a new folder with --out");
        string temporary = $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(output))}.{Guid.NewGuid():N}.tmp";
        string name = $"model_{run.Summary.Steps}.safetensors";
        try
        {
            Directory.CreateDirectory(temporary);
            var trained = run.Folder.ReadTarget(experiment);
            using var backend = new CpuBackend(threads: 1);
            using var decomposition = new SpdDecomposition(experiment, trained, backend);
            var components = Safetensors.Read(run.Folder.ModelFile).Tensors;
            decomposition.Load(run.Folder.ModelFile, components);
            Safetensors.Write(Path.Combine(temporary, name), ReleasedNames.Of(trained.Network, decomposition.Sites, components));
            AtomicFile.WriteText(Path.Combine(temporary, "final_config.yaml"), ReleasedConfig.Write(experiment));
            AtomicFile.WriteText(Path.Combine(temporary, trainConfig), target.ToYaml());
            Directory.Move(temporary, output);
            return Path.Combine(output, name);
        }
        finally
        {
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        }
    }
}
