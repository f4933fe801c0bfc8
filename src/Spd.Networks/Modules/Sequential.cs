using Spd.Engine.Graphs;

namespace Spd.Networks;

/// <summary>Modules applied one after the other.</summary>
public sealed class Sequential : Module
{
    private readonly List<Module> _modules = [];

    /// <summary>The modules with their names, in the order in which they are applied.</summary>
    public Sequential(params (string Name, Module Module)[] modules)
    {
        foreach (var (name, module) in modules) _modules.Add(Add(name, module));
    }

    public override Value Forward(ForwardPass pass, Value x) => _modules.Aggregate(x, (value, module) => module.Forward(pass, value));
}
