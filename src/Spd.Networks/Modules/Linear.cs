using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary><c>y = W x + b</c>.</summary>
public class Linear : Module
{
    /// <summary>A linear map of zeros; see <see cref="Initialise(RandomSequence)"/>.</summary>
    /// <param name="inputs">d_in.</param>
    /// <param name="outputs">d_out.</param>
    /// <param name="bias">Whether it has a bias.</param>
    /// <param name="isTransposed">Whether its weight is stored as <c>[d_in, d_out]</c>, as GPT-2's <c>Conv1D</c> has it.</param>
    public Linear(int inputs, int outputs, bool bias = true, bool isTransposed = false)
    {
        IsTransposed = isTransposed;
        Weight = Add("weight", isTransposed ? new Parameter("weight", inputs, outputs) : new Parameter("weight", outputs, inputs));
        if (bias) Bias = Add("bias", new Parameter("bias", outputs));
    }

    private Linear(Parameter sharedWeight, bool isTransposed, bool bias)
    {
        Weight = sharedWeight;
        IsTransposed = isTransposed;
        IsTied = true;
        if (bias) Bias = Add("bias", new Parameter("bias", Outputs));
    }

    /// <summary>The stored weight: <c>[d_out, d_in]</c>, or <c>[d_in, d_out]</c> when <see cref="IsTransposed"/>.</summary>
    public Parameter Weight { get; }

    /// <summary>Whether W is the transpose of the stored weight.</summary>
    public bool IsTransposed { get; }

    /// <summary>Whether another map owns the stored weight.</summary>
    public bool IsTied { get; }

    /// <summary>The bias <c>[d_out]</c>, or null.</summary>
    public Parameter? Bias { get; }

    /// <summary>Whether training leaves it as it is.</summary>
    public bool IsFrozen { get; init; }

    /// <summary>d_in.</summary>
    public int Inputs => IsTransposed ? Weight.Rows : Weight.Columns;

    /// <summary>d_out.</summary>
    public int Outputs => IsTransposed ? Weight.Columns : Weight.Rows;

    /// <summary>A map whose matrix is the transpose of another's, in the same memory: tied weights, as an unembedding may have them with an embedding.</summary>
    public static Linear TransposeOf(Linear other, bool bias) => new(other.Weight, !other.IsTransposed, bias);

    /// <summary>W as <c>[d_out, d_in]</c>, row-major, whichever way it is stored.</summary>
    public float[] EffectiveWeight() => (IsTransposed ? new Matrix(Weight).Transposed : new Matrix(Weight)).ToArray();

    /// <summary>Draws weight and bias uniformly from ±1/√d_in, as PyTorch does; a weight that is tied is its owner's to draw.</summary>
    public virtual void Initialise(RandomSequence random)
    {
        double bound = 1 / Math.Sqrt(Inputs);
        if (!IsTied) random.FillUniform(Weight.Values, -bound, bound);
        if (Bias is not null) random.FillUniform(Bias.Values, -bound, bound);
    }

    public override IEnumerable<Parameter> TrainableParameters() => IsFrozen ? [] : base.TrainableParameters();

    /// <summary><c>M x</c>, or <c>Mᵀ x</c>, for any matrix that takes what this map takes: its own weight, or a factor V in its place.</summary>
    public virtual Value Apply(Graph graph, Parameter matrix, Value x, bool transposed = false) => graph.MatMul(matrix, x, transposed);

    public override Value Forward(ForwardPass pass, Value x) =>
        pass.Replace?.Invoke(this, x) ?? pass.Graph.AddBias(Apply(pass.Graph, Weight, x, IsTransposed), Bias);
}
