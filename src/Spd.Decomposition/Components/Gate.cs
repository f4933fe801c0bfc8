using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>
/// The causal importance functions of one site before the hard sigmoid, one tiny network per subcomponent and nothing shared (METHOD §2):
/// <c>K = 0</c>: <c>g = w h + b</c>; <c>K &gt; 0</c>: <c>g = b_out + Σ_k w_out gelu(w_in h + b_in)</c>.
/// </summary>
public sealed class Gate
{
    internal Gate(string site, int c, int k)
    {
        Width = k;
        if (k == 0)
        {
            Weight = new Parameter($"{site}.gate.weight", c);
            Bias = new Parameter($"{site}.gate.bias", c);
        }
        else
        {
            MlpIn = new Parameter($"{site}.gate.mlp_in", c, k);
            InBias = new Parameter($"{site}.gate.in_bias", c, k);
            MlpOut = new Parameter($"{site}.gate.mlp_out", c, k);
            OutBias = new Parameter($"{site}.gate.out_bias", c);
        }
    }

    /// <summary>K.</summary>
    public int Width { get; }

    /// <summary>w of a linear gate <c>[C]</c>.</summary>
    public Parameter? Weight { get; }

    /// <summary>b of a linear gate <c>[C]</c>.</summary>
    public Parameter? Bias { get; }

    /// <summary>w_in <c>[C, K]</c>.</summary>
    public Parameter? MlpIn { get; }

    /// <summary>b_in <c>[C, K]</c>.</summary>
    public Parameter? InBias { get; }

    /// <summary>w_out <c>[C, K]</c>.</summary>
    public Parameter? MlpOut { get; }

    /// <summary>b_out <c>[C]</c>.</summary>
    public Parameter? OutBias { get; }

    /// <summary>The gate's parameters with the names of the released code.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> NamedParameters() => Width == 0
        ? [("weight", Weight!), ("bias", Bias!)]
        : [("mlp_in", MlpIn!), ("in_bias", InBias!), ("mlp_out", MlpOut!), ("out_bias", OutBias!)];

    /// <summary>The gates' outputs for inner activations <paramref name="h"/> <c>[C, lanes]</c>.</summary>
    public Value Build(Graph graph, Value h) => Width == 0
        ? graph.RowAffine(h, Weight, Bias)
        : graph.RowMlp(h, MlpIn!, InBias!, MlpOut!, OutBias!);

    /// <summary>Draws w_in from N(0, 2), w_out from N(0, 1/K), the weight of a linear gate from N(0, 1); biases stay 0.</summary>
    internal void Initialise(RandomSequence random)
    {
        if (Width == 0)
        {
            random.FillNormal(Weight!.Values);
            return;
        }

        random.FillNormal(MlpIn!.Values, Math.Sqrt(2));
        random.FillNormal(MlpOut!.Values, 1 / Math.Sqrt(Width));
    }
}
