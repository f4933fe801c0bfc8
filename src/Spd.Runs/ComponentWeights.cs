using Spd.Decomposition;
using Spd.Engine;
using Spd.Formats;

namespace Spd.Runs;

/// <summary>
/// The trained components as a safetensors file: for every site <c>{site}.V [d_in, C]</c>, <c>{site}.U [C, d_out]</c> and the gates
/// <c>{site}.gate.mlp_in [C, K]</c> and so on; or causal importance functions of another kind by their own names.
/// </summary>
public static class ComponentWeights
{
    /// <summary>Writes the components, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, ComponentModel model) =>
        Safetensors.Write(path, Entries(model).Select(entry => new TensorData(
            entry.Name, entry.Shape, entry.IsTransposed ? TensorData.Transposed(entry.Parameter.Values, entry.Parameter.Rows) : entry.Parameter.Values.ToArray())), Told(model));

    /// <summary>How to read the file, for those who find it alone.</summary>
    private static Dictionary<string, string> Told(ComponentModel model) => new()
    {
        ["format"] = "SPD components",
        ["V"] = "[d_in, C]: inner activations h = x @ V",
        ["U"] = "[C, d_out]: the matrix [d_out, d_in] is (V @ U).T",
        ["gate"] = model.Importances is not GateFunction
            ? "none: g comes from layers g = W x + b with the exact GELU (erf) between them, x being the inputs of one site or of all"
            : model.Sites[0].Gate.Width == 0
            ? "g = weight * h + bias"
            : "g = sum over k of mlp_out * gelu(mlp_in * h + in_bias), + out_bias; gelu is the exact one, with erf",
        ["importance"] = model.Importances.Squashing switch
        {
            Squashing.Paper => "0.01 * g where g <= 0, else min(g, 1)",
            Squashing.Normal => "1 / (1 + exp(-g))",
            Squashing.UpperLeakyHard => "0 where g <= 0, g up to 1, then 1 + 0.01 * (g - 1)",
            Squashing.SwishHard => "s(g) - s(g - 1) with s(x) = x / (1 + exp(-10 x))",
            _ => "0 where g <= 0, else min(g, 1)",
        },
    };

    /// <summary>Reads components. Every tensor must be there with its shape, and nothing else; otherwise the components are left as they were.</summary>
    /// <exception cref="FileContentException">The file is damaged, or its tensors are not those of this model.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static void Load(string path, ComponentModel model) => Load(path, Safetensors.Read(path).Tensors, model);

    /// <summary>Takes components that have been read.</summary>
    /// <param name="path">Where they were read from, for messages.</param>
    /// <param name="read">The tensors.</param>
    /// <param name="model">The components.</param>
    /// <exception cref="FileContentException">They are not those of this model.</exception>
    public static void Load(string path, IReadOnlyList<TensorData> read, ComponentModel model)
    {
        var entries = Entries(model).ToList();
        var tensors = InOrder(path, read, [.. entries.Select(entry => (entry.Name, entry.Shape))]);
        var values = tensors.Zip(entries, (tensor, entry) => entry.IsTransposed ? TensorData.Transposed(tensor.Values, entry.Parameter.Columns) : tensor.Values).ToList();
        RequireTies(path, entries, values);
        foreach (var (value, entry) in values.Zip(entries)) value.CopyTo(entry.Parameter.Values);
    }

    /// <summary>Factors that share their memory must be equal in the file, or one would silently take the place of the other.</summary>
    private static void RequireTies(
        string path, List<(string Name, int[] Shape, Parameter Parameter, bool IsTransposed)> entries, List<float[]> values)
    {
        for (int i = 0; i < entries.Count; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (entries[i].Parameter.SharesMemoryWith(entries[j].Parameter) && !values[i].AsSpan().SequenceEqual(values[j]))
                    throw new FileContentException($"{Quoted.Path(path)} holds {Quoted.Of(entries[i].Name)} and {Quoted.Of(entries[j].Name)} with different values, though they are tied");
            }
        }
    }

    /// <summary>The tensors of a file in the order asked for.</summary>
    /// <exception cref="FileContentException">The file is damaged, or holds other tensors than these.</exception>
    internal static IReadOnlyList<TensorData> TensorsOf(string path, IReadOnlyList<(string Name, int[] Shape)> wanted) =>
        InOrder(path, Safetensors.Read(path).Tensors, wanted);

    private static IReadOnlyList<TensorData> InOrder(string path, IReadOnlyList<TensorData> read, IReadOnlyList<(string Name, int[] Shape)> wanted)
    {
        var tensors = read.ToDictionary(tensor => tensor.Name);
        var names = wanted.Select(tensor => tensor.Name).ToList();
        if (names.Find(name => !tensors.ContainsKey(name)) is { } missing)
            throw new FileContentException($"{Quoted.Path(path)} lacks {Quoted.Of(missing)}: it is not the model of this configuration");
        if (tensors.Keys.Except(names).FirstOrDefault() is { } extra)
            throw new FileContentException($"{Quoted.Path(path)} holds {Quoted.Of(extra)}, which the model of this configuration does not have");
        foreach (var (name, shape) in wanted)
        {
            if (!tensors[name].Shape.SequenceEqual(shape))
            {
                throw new FileContentException(
                    $"{Quoted.Path(path)} holds {Quoted.Of(name)} of shape {tensors[name].ShapeText}, but the model of this configuration needs [{string.Join(", ", shape)}]");
            }
        }

        return [.. names.Select(name => tensors[name])];
    }

    private static IEnumerable<(string Name, int[] Shape, Parameter Parameter, bool IsTransposed)> Entries(ComponentModel model)
    {
        foreach (var site in model.Sites)
        {
            yield return ($"{site.Name}.V", [site.V.Columns, site.C], site.V, true);
            yield return ($"{site.Name}.U", [site.C, site.U.Columns], site.U, false);
            if (model.Importances is not GateFunction) continue;
            foreach (var (name, parameter) in site.Gate.NamedParameters())
            {
                int[] shape = parameter.Columns == 1 && name is not ("mlp_in" or "in_bias" or "mlp_out")
                    ? [parameter.Rows]
                    : [parameter.Rows, parameter.Columns];
                yield return ($"{site.Name}.gate.{name}", shape, parameter, false);
            }
        }

        if (model.Importances is GateFunction) yield break;
        foreach (var (name, parameter) in model.Importances.NamedParameters)
        {
            int[] shape = name.EndsWith(".bias", StringComparison.Ordinal) ? [parameter.Rows] : [parameter.Rows, parameter.Columns];
            yield return (name, shape, parameter, false);
        }
    }
}
