using System.IO.Enumeration;
using Spd.Formats;

namespace Spd.Runs.Targets;

/// <summary>What tensors of layers are usually called.</summary>
internal static class TensorNames
{
    private static readonly (string Weight, string Bias)[] Pairs = [("weight", "bias"), ("kernel", "bias"), ("weights", "biases"), ("W", "b"), ("w", "b"), ("W", "B")];

    // Optimizers keep tensors of the shape of every weight.
    private static readonly string[] OptimizerNames = ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg"];

    /// <summary>Whether a tensor could be a parameter of a network: numbers with a point, more than a single one, and no state of an optimizer.</summary>
    public static bool MightBeParameter(TensorInfo tensor) => tensor.Shape.Count > 0
        && (tensor.Type.StartsWith('F') || tensor.Type.StartsWith("BF", StringComparison.Ordinal) || tensor.Type.Contains("float", StringComparison.Ordinal))
        && !Array.Exists(tensor.Name.Split('.'), part => part.StartsWith("optim", StringComparison.Ordinal) || OptimizerNames.Contains(part));

    /// <summary>Whether a name is one that a pattern of <c>target.mlp.ignore</c> means; <c>*</c> is any text.</summary>
    public static bool Matches(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);

    /// <summary>What the bias beside a matrix may be called: <c>layers.0.bias</c> beside <c>layers.0.weight</c>, <c>b1</c> beside <c>W1</c>.</summary>
    public static IEnumerable<string> BiasesBeside(string weight) =>
        from pair in Pairs
        let at = weight.LastIndexOf(pair.Weight, StringComparison.Ordinal)
        where at >= 0
        select weight[..at] + pair.Bias + weight[(at + pair.Weight.Length)..];
}
