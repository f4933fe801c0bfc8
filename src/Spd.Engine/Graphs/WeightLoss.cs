using Spd.Engine.Kernels;

namespace Spd.Engine.Graphs;

/// <summary>A loss of the weights alone: computed once per step, beside the panels, and never at the same time as itself.</summary>
public abstract class WeightLoss
{
    /// <summary>The loss it is part of; several may share a name and add up.</summary>
    public string Name { get; internal set; } = "";

    /// <summary>Coefficient of the loss in the total.</summary>
    public double Coefficient { get; internal set; } = 1;

    internal int Slot { get; set; }

    /// <summary>The parameters whose gradients it adds to: losses with one in common never run at the same time.</summary>
    protected internal abstract IEnumerable<Parameter> Parameters { get; }

    /// <summary>
    /// The value of the loss. Where <paramref name="gradients"/> is given, <c>Coefficient · ∂loss</c> is added to the gradients of the parameters it reads.
    /// </summary>
    protected internal abstract double Evaluate(KernelSet kernels, ParameterGradients? gradients);
}
