using Spd.Runs.Configuration;

namespace Spd.Runs;

/// <summary>Another method than SPD, which a configuration names under the key <c>method</c>; a catalogue knows those that it is given (<see cref="ExperimentCatalog.Methods"/>).</summary>
public abstract class Method
{
    /// <summary>What the key says: <c>apd</c>.</summary>
    public abstract string Name { get; }

    /// <summary>An experiment with it.</summary>
    /// <param name="root">What was written, with its target in place.</param>
    /// <param name="name">The experiment's name where it says none.</param>
    /// <param name="catalog">The shipped experiments.</param>
    internal abstract Loaded<IExperiment> Read(ConfigMap root, string name, ExperimentCatalog catalog);
}
