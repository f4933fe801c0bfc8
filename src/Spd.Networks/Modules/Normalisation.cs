using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary>Layer normalisation: <c>(x − mean x) / √(var x + ε) ∘ weight + bias</c>, over the features of each lane.</summary>
public sealed class LayerNorm : Module
{
    private readonly double _epsilon;

    /// <summary>A normalisation with weights of one and biases of zero.</summary>
    /// <param name="features">Features.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="isAffine">Whether it has a weight and a bias.</param>
    public LayerNorm(int features, double epsilon = 1e-5, bool isAffine = true)
    {
        _epsilon = epsilon;
        if (!isAffine) return;
        Weight = Add("weight", new Parameter("weight", features));
        Bias = Add("bias", new Parameter("bias", features));
        Weight.Values.Fill(1);
    }

    /// <summary>The weight <c>[features]</c>, or null.</summary>
    public Parameter? Weight { get; }

    /// <summary>The bias <c>[features]</c>, or null.</summary>
    public Parameter? Bias { get; }

    public override Value Forward(ForwardPass pass, Value x)
    {
        var normal = pass.Graph.Normalise(x, _epsilon, isCentred: true);
        return Weight is null ? normal : pass.Graph.RowAffine(normal, Weight, Bias);
    }
}

/// <summary>Root-mean-square normalisation: <c>x / √(mean x² + ε) ∘ weight</c>, over the features of each lane.</summary>
public sealed class RmsNorm : Module
{
    private readonly double _epsilon;

    /// <summary>A normalisation with weights of one.</summary>
    /// <param name="features">Features.</param>
    /// <param name="epsilon">ε.</param>
    public RmsNorm(int features, double epsilon = 1e-6)
    {
        _epsilon = epsilon;
        Weight = Add("weight", new Parameter("weight", features));
        Weight.Values.Fill(1);
    }

    /// <summary>The weight <c>[features]</c>.</summary>
    public Parameter Weight { get; }

    public override Value Forward(ForwardPass pass, Value x) => pass.Graph.RowAffine(pass.Graph.Normalise(x, _epsilon), Weight, null);
}
