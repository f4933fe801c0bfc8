using Spd.Decomposition;
using Spd.Formats;

namespace Spd.Runs.Exchange;

/// <summary>
/// The names of a decomposition in the state dict of the authors' released code: <c>model.…</c> is the target, <c>components.&lt;site&gt;.A [d_in, C]</c>,
/// <c>.B [C, d_out]</c> and <c>.bias [d_out]</c> (the target's own) the subcomponents, <c>gates.&lt;site&gt;.…</c> the gates; dots of a site's name are
/// written as <c>-</c>.
/// </summary>
internal static class ReleasedNames
{
    /// <summary>What stands before the names of the target.</summary>
    public const string Model = "model.";

    private const string Components = "components.", Gates = "gates.", OurGate = "gate.";

    /// <summary>The name of a part of a site.</summary>
    /// <param name="site">The site, without dots.</param>
    /// <param name="part">What <see cref="ComponentWeights"/> calls the part, or <c>bias</c>.</param>
    public static string Of(string site, string part) => part switch
    {
        "V" => $"{Components}{site}.A",
        "U" => $"{Components}{site}.B",
        "bias" => $"{Components}{site}.bias",
        _ => $"{Gates}{site}.{part[OurGate.Length..]}",
    };

    /// <summary>Whether a name of a state dict is the target's.</summary>
    public static bool IsOfTarget(string name) => name.StartsWith(Model, StringComparison.Ordinal);

    /// <summary>Whether it is that of components or gates.</summary>
    public static bool IsOfComponents(string name) => name.StartsWith(Components, StringComparison.Ordinal) || name.StartsWith(Gates, StringComparison.Ordinal);

    /// <summary>The components and gates of a state dict under the names of <see cref="ComponentWeights"/>.</summary>
    /// <param name="path">Where they were read from, for messages.</param>
    /// <param name="tensors">The tensors of components and gates.</param>
    /// <param name="sites">The sites.</param>
    /// <param name="names">The names of the target.</param>
    /// <exception cref="FileContentException">A tensor belongs to no site, or a bias is not the target's.</exception>
    public static IReadOnlyList<TensorData> ComponentTensors(string path, IEnumerable<TensorData> tensors, IReadOnlyList<Site> sites, StateDict names)
    {
        var siteOf = sites.ToDictionary(site => names.KeyOf(site.Name));
        var found = new List<TensorData>();
        foreach (var tensor in tensors)
        {
            if (tensor.Name.Split('.') is not [var group and ("components" or "gates"), var key, var part] || !siteOf.TryGetValue(key, out var site))
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

            string name = (group, part) switch { ("components", "A") => "V", ("components", "B") => "U", ("components", _) => part, _ => $"{OurGate}{part}" };
            found.Add(tensor with { Name = $"{site.Name}.{name}" });
        }

        return found;
    }
}
