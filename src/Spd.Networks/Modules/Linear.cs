using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary><c>y = W x + b</c>.</summary>
public sealed class Linear : Module
{
    /// <summary>A linear map of zeros; see <see cref="Initialise"/>.</summary>
    /// <param name="inputs">d_in.</param>
    /// <param name="outputs">d_out.</param>
    /// <param name="bias">Whether it has a bias.</param>
    public Linear(int inputs, int outputs, bool bias = true)
    {
        Weight = Add("weight", new Parameter("weight", outputs, inputs));
        if (bias) Bias = Add("bias", new Parameter("bias", outputs));
    }

    private Linear(Parameter sharedWeight, bool isTransposed, bool bias)
    {
        Weight = sharedWeight;
        IsTransposed = isTransposed;
        if (bias) Bias = Add("bias", new Parameter("bias", Outputs));
    }

    /// <summary>The stored weight: <c>[d_out, d_in]</c>, or <c>[d_in, d_out]</c> when <see cref="IsTransposed"/>.</summary>
    public Parameter Weight { get; }

    /// <summary>Whether W is the transpose of the stored weight, which another map owns.</summary>
    public bool IsTransposed { get; }

    /// <summary>The bias <c>[d_out]</c>, or null.</summary>
    public Parameter? Bias { get; }

    /// <summary>Whether training leaves it as it is.</summary>
    public bool IsFrozen { get; init; }

    /// <summary>d_in.</summary>
    public int Inputs => IsTransposed ? Weight.Rows : Weight.Columns;

    /// <summary>d_out.</summary>
    public int Outputs => IsTransposed ? Weight.Columns : Weight.Rows;

    /// <summary>A map whose matrix is the transpose of another's, in the same memory: tied weights.</summary>
    public static Linear TransposeOf(Linear other, bool bias) => new(other.Weight, !other.IsTransposed, bias);

    /// <summary>W as <c>[d_out, d_in]</c>, row-major, whichever way it is stored.</summary>
    public float[] EffectiveWeight() => (IsTransposed ? new Matrix(Weight).Transposed : new Matrix(Weight)).ToArray();

    /// <summary>Draws weight and bias uniformly from ±1/√d_in, as PyTorch does; the weight of a transposed map is its owner's to draw.</summary>
    public void Initialise(RandomSequence random)
    {
        double bound = 1 / Math.Sqrt(Inputs);
        if (!IsTransposed) random.FillUniform(Weight.Values, -bound, bound);
        if (Bias is not null) random.FillUniform(Bias.Values, -bound, bound);
    }

    public override IEnumerable<Parameter> TrainableParameters() => IsFrozen ? [] : base.TrainableParameters();

    public override Value Forward(ForwardPass pass, Value x) =>
        pass.Replace?.Invoke(this, x) ?? pass.Graph.AddBias(pass.Graph.MatMul(Weight, x, IsTransposed), Bias);
}
