using Spd.Engine;
using Spd.Engine.Graphs;

namespace Spd.Networks;

/// <summary>
/// A part of a network, or a whole one. Derive from it, register the parts with <see cref="Add{TModule}"/>, and describe the computation in
/// <see cref="Forward"/>: that is all a network needs to be decomposed.
/// </summary>
public abstract class Module
{
    private readonly List<(string Name, Module Module)> _children = [];
    private readonly List<(string Name, Parameter Parameter)> _parameters = [];

    /// <summary>The parts, with the names under which they were registered.</summary>
    internal IReadOnlyList<(string Name, Module Module)> Children => _children;

    /// <summary>Every module below this one with its dotted path, in the order of registration.</summary>
    public IEnumerable<(string Path, Module Module)> NamedModules() =>
        _children.SelectMany(child => child.Module.NamedModules()
            .Select(inner => ($"{child.Name}.{inner.Path}", inner.Module))
            .Prepend((child.Name, child.Module)));

    /// <summary>The linear maps below this module with their paths, in the order of registration.</summary>
    public IEnumerable<(string Path, Linear Linear)> LinearMaps() =>
        from entry in NamedModules() where entry.Module is Linear select (entry.Path, (Linear)entry.Module);

    /// <summary>
    /// Every parameter of this module and those below, with its dotted path.
    /// A parameter that is used twice (tied weights) is named once, where it is owned.
    /// </summary>
    public IEnumerable<(string Path, Parameter Parameter)> NamedParameters() =>
        _parameters.Concat(_children.SelectMany(child => child.Module.NamedParameters().Select(inner => ($"{child.Name}.{inner.Path}", inner.Parameter))));

    /// <summary>The parameters that training changes; none of a frozen part.</summary>
    public virtual IEnumerable<Parameter> TrainableParameters() =>
        _parameters.Select(entry => entry.Parameter).Concat(_children.SelectMany(child => child.Module.TrainableParameters()));

    /// <summary>Draws the weights of every linear map as PyTorch does; see <see cref="Linear.Initialise(RandomSequence)"/>.</summary>
    public virtual void Initialise(ulong seed)
    {
        var random = new RandomSequence(seed, NetworkStreams.Initialisation);
        foreach (var (_, linear) in LinearMaps()) linear.Initialise(random);
    }

    /// <summary>Describes the computation.</summary>
    /// <param name="pass">The pass it is part of.</param>
    /// <param name="x">Input <c>[features, lanes]</c>.</param>
    /// <returns>Output <c>[features, lanes]</c>.</returns>
    public abstract Value Forward(ForwardPass pass, Value x);

    /// <summary>Registers a part under a name; dots in the name are allowed, as in <c>layers.0.mlp_in</c>.</summary>
    protected TModule Add<TModule>(string name, TModule module)
        where TModule : Module
    {
        if (_children.Exists(child => child.Name == name)) throw new ArgumentException($"two modules are called '{name}'", nameof(name));
        _children.Add((name, module));
        return module;
    }

    /// <summary>Registers a parameter of this module itself.</summary>
    protected Parameter Add(string name, Parameter parameter)
    {
        _parameters.Add((name, parameter));
        return parameter;
    }
}
