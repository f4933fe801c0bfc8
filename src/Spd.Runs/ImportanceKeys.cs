using Spd.Decomposition;
using Spd.Runs.Configuration;
using YamlDotNet.RepresentationModel;
using static Spd.Runs.Configuration.ValueKind;

namespace Spd.Runs;

/// <summary>The causal importance functions as a configuration describes them, by the names of the successor's configs.</summary>
internal static class ImportanceKeys
{
    private static readonly KeyTable<ImportanceOptions> Table = new(
    [
        Keys<ImportanceOptions>.Unused("mode"),
        Keys<ImportanceOptions>.Value("fn_type", Names, c => c.Kind, (c, v) => c with { Kind = v }, required: true),
        Keys<ImportanceOptions>.Value("hidden_dims", Widths, c => c.HiddenDims, (c, v) => c with { HiddenDims = v }),
        Keys<ImportanceOptions>.Value("sigmoid_type", Choice<Squashing>(), c => c.SigmoidType, (c, v) => c with { SigmoidType = v }),
        Keys<ImportanceOptions>.Value("sampling", Choice<MaskSampling>(), c => c.Sampling, (c, v) => c with { Sampling = v }),
    ],
    options => ConfigFault.Of("hidden_dims", () => options.GateWidth ?? 0));

    /// <summary>The mapping.</summary>
    public static ValueKind<ImportanceOptions> Kind { get; } = new(
        (node, key) => Table.Bind(new ImportanceOptions(), node as ConfigMap ?? throw node.Mistyped(key, "a mapping with a fn_type"), []), Table.Write);

    private static ValueKind<ImportanceKind> Names => new(
        (node, key) => node is ConfigScalar { Text: var text }
            ? text switch
            {
                "mlp" => ImportanceKind.Mlp,
                "shared_mlp" or "layerwise_mlp" => ImportanceKind.SharedMlp,
                "global_shared_mlp" or "global_mlp" => ImportanceKind.GlobalMlp,
                _ => throw node.Mistyped(key, "mlp, shared_mlp or global_shared_mlp"),
            }
            : throw node.Mistyped(key, "mlp, shared_mlp or global_shared_mlp"),
        kind => new YamlScalarNode(kind switch { ImportanceKind.Mlp => "mlp", ImportanceKind.SharedMlp => "shared_mlp", _ => "global_shared_mlp" }));

    // None is a linear map.
    private static ValueKind<IReadOnlyList<int>> Widths
    {
        get
        {
            var list = List(WholeNumber(Keys<ImportanceOptions>.RangeOf("hidden_dims")), "a list of widths, such as [50],");
            return new ValueKind<IReadOnlyList<int>>((node, key) => node is ConfigList { Items.Count: 0 } ? [] : list.Read(node, key), list.Write);
        }
    }
}
