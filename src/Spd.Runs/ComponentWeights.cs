using Spd.Decomposition;
using Spd.Engine;
using Spd.Networks.Weights;

namespace Spd.Runs;

/// <summary>
/// The trained components as a safetensors file: for every site <c>{site}.V [d_in, C]</c>, <c>{site}.U [C, d_out]</c> and the gates
/// <c>{site}.gate.mlp_in [C, K]</c> and so on.
/// </summary>
public static class ComponentWeights
{
    /// <summary>Writes the components, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, ComponentModel model)
    {
        var tensors = new List<TensorData>();
        foreach (var site in model.Sites)
        {
            tensors.Add(new TensorData($"{site.Name}.V", [site.V.Columns, site.C], Transposed(site.V)));
            tensors.Add(new TensorData($"{site.Name}.U", [site.C, site.U.Columns], site.U.Values.ToArray()));
            foreach (var (name, parameter) in site.Gate.NamedParameters())
            {
                int[] shape = parameter.Columns == 1 && name is not ("mlp_in" or "in_bias" or "mlp_out")
                    ? [parameter.Rows]
                    : [parameter.Rows, parameter.Columns];
                tensors.Add(new TensorData($"{site.Name}.gate.{name}", shape, parameter.Values.ToArray()));
            }
        }

        Safetensors.Write(path, tensors);
    }

    private static float[] Transposed(Parameter matrix)
    {
        float[] values = new float[matrix.Count];
        for (int row = 0; row < matrix.Rows; row++)
            for (int column = 0; column < matrix.Columns; column++)
                values[column * matrix.Rows + row] = matrix[row, column];
        return values;
    }
}
