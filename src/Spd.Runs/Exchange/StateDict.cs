using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Targets;

namespace Spd.Runs.Exchange;

/// <summary>
/// The names that PyTorch's state dict has for the target of a run: those of its modules where its weights came from, and <c>.weight</c> and <c>.bias</c> behind them.
/// </summary>
/// <param name="target">The target.</param>
/// <param name="network">Its network.</param>
internal sealed class StateDict(TargetConfig target, Module network)
{
    /// <summary>A module's name, by its path in our network.</summary>
    public string ModuleOf(string path) => target.Kind.ModuleNameOf(target, path);

    /// <summary>A module's name as a key of PyTorch's <c>ModuleDict</c>, which may hold no dots.</summary>
    public string KeyOf(string path) => ModuleOf(path).Replace('.', '-');

    /// <summary>A tensor's name, by its own in our network.</summary>
    public string TensorOf(string own) => own.LastIndexOf('.') is >= 0 and var dot ? ModuleOf(own[..dot]) + own[dot..] : own;

    /// <summary>The path of the linear map that a module's name is of; what is the name of none, such as a pattern, stays as it is.</summary>
    public string PathOf(string module) => network.LinearMaps().Select(map => map.Path).FirstOrDefault(path => ModuleOf(path) == module) ?? module;

    /// <summary>The target's tensors, each with something before its name; a tied matrix is there under each of its names.</summary>
    public IEnumerable<TensorData> Tensors(string prefix)
    {
        foreach (var tensor in ModuleWeights.Of(network)) yield return tensor with { Name = prefix + TensorOf(tensor.Name) };
        foreach (var (path, linear) in network.LinearMaps().Where(map => map.Linear.IsTied))
            yield return new TensorData($"{prefix}{ModuleOf(path)}.weight", [linear.Outputs, linear.Inputs], linear.EffectiveWeight());
    }
}
