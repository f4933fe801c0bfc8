namespace Spd.Runs.Targets;

/// <summary>What tensors of layers are usually called.</summary>
internal static class TensorNames
{
    private static readonly (string Weight, string Bias)[] Pairs = [("weight", "bias"), ("kernel", "bias"), ("weights", "biases"), ("W", "b"), ("w", "b"), ("W", "B")];

    /// <summary>What the bias beside a matrix may be called: <c>layers.0.bias</c> beside <c>layers.0.weight</c>, <c>b1</c> beside <c>W1</c>.</summary>
    public static IEnumerable<string> BiasesBeside(string weight) =>
        from pair in Pairs
        let at = weight.LastIndexOf(pair.Weight, StringComparison.Ordinal)
        where at >= 0
        select weight[..at] + pair.Bias + weight[(at + pair.Weight.Length)..];
}
