using Spd.Decomposition;
using Spd.Networks;
using Spd.Formats;

namespace Spd.Runs.Exchange;

/// <summary>
/// A decomposition as the state dict of the authors' released code: <c>model.…</c> is the target, <c>components.&lt;site&gt;.A [d_in, C]</c>,
/// <c>.B [C, d_out]</c> and <c>.bias [d_out]</c> (the target's own) the subcomponents, <c>gates.&lt;site&gt;.…</c> the gates; dots of a site's name are
/// written as <c>-</c>.
/// </summary>
internal static class ReleasedNames
{
    /// <summary>What stands before the names of the target.</summary>
    public const string Model = "model.";

    private const string Components = "components.", Gates = "gates.";

    /// <summary>The tensors of a decomposition under the released names.</summary>
    /// <param name="network">The target.</param>
    /// <param name="sites">The sites.</param>
    /// <param name="components">The tensors of <see cref="ComponentWeights"/>.</param>
    public static IEnumerable<TensorData> Of(Module network, IReadOnlyList<Site> sites, IReadOnlyList<TensorData> components)
    {
        foreach (var tensor in ModuleWeights.Of(network)) yield return tensor with { Name = Model + tensor.Name };
        // PyTorch has a tied matrix under each of its names.
        foreach (var (path, linear) in network.LinearMaps().Where(map => map.Linear.IsTied))
            yield return new TensorData($"{Model}{path}.weight", [linear.Outputs, linear.Inputs], linear.EffectiveWeight());
        foreach (var site in sites)
        {
            foreach (var tensor in components.Where(tensor => tensor.Name.StartsWith($"{site.Name}.", StringComparison.Ordinal)))
            {
                string part = tensor.Name[(site.Name.Length + 1)..];
                string dashed = Dashed(site.Name);
                yield return tensor with
                {
                    Name = part switch
                    {
                        "V" => $"{Components}{dashed}.A",
                        "U" => $"{Components}{dashed}.B",
                        _ => $"{Gates}{dashed}.{part["gate.".Length..]}",
                    },
                };
            }

            if (site.Linear.Bias is { } bias) yield return new TensorData($"{Components}{Dashed(site.Name)}.bias", [bias.Rows], bias.Values.ToArray());
        }
    }

    /// <summary>Whether a name of a state dict is the target's.</summary>
    public static bool IsOfTarget(string name) => name.StartsWith(Model, StringComparison.Ordinal);

    /// <summary>Whether it is that of components or gates.</summary>
    public static bool IsOfComponents(string name) => name.StartsWith(Components, StringComparison.Ordinal) || name.StartsWith(Gates, StringComparison.Ordinal);

    /// <summary>The components and gates of a state dict under the names of <see cref="ComponentWeights"/>.</summary>
    /// <param name="path">Where they were read from, for messages.</param>
    /// <param name="tensors">The tensors of components and gates.</param>
    /// <param name="sites">The sites.</param>
    /// <exception cref="FileContentException">A tensor belongs to no site, or a bias is not the target's.</exception>
    public static IReadOnlyList<TensorData> ComponentTensors(string path, IEnumerable<TensorData> tensors, IReadOnlyList<Site> sites)
    {
        var siteOf = sites.ToDictionary(site => Dashed(site.Name));
        var found = new List<TensorData>();
        foreach (var tensor in tensors)
        {
            if (tensor.Name.Split('.') is not [var group and ("components" or "gates"), var dashed, var part] || !siteOf.TryGetValue(dashed, out var site))
            {
                throw new FileContentException(
                    $"{Quoted.Path(path)} holds {Quoted.Of(tensor.Name)}, which is no part of a decomposition of {Quoted.List(sites.Select(site => site.Name))}: "
                    + "is it of this final_config.yaml?");
            }

            if ((group, part) is ("components", "bias"))
            {
                if (site.Linear.Bias is not { } bias || !bias.Values.SequenceEqual(tensor.Values))
                    throw new FileContentException($"{Quoted.Path(path)} holds {Quoted.Of(tensor.Name)}, which is not the bias of {Quoted.Of(site.Name)} in its target");
                continue;
            }

            string name = (group, part) switch { ("components", "A") => "V", ("components", "B") => "U", ("components", _) => part, _ => $"gate.{part}" };
            found.Add(tensor with { Name = $"{site.Name}.{name}" });
        }

        return found;
    }

    private static string Dashed(string site) => site.Replace('.', '-');
}
