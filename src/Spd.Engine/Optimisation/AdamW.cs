using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Engine.Optimisation;

/// <summary>
/// AdamW (Loshchilov and Hutter, 2019) over a parameter set.
/// Parameters that share memory are stepped one after the other, each with its own moments.
/// </summary>
public sealed unsafe class AdamW
{
    private readonly ParameterSet _parameters;
    private readonly KernelSet _kernels;
    private readonly AlignedBuffer _firstMoment, _secondMoment;
    private readonly double _weightDecay;

    /// <summary>An optimiser with zero moments.</summary>
    /// <param name="parameters">What is optimised.</param>
    /// <param name="weightDecay">Decoupled weight decay.</param>
    /// <param name="kernels">The kernels, or null for <see cref="KernelSet.Default"/>.</param>
    public AdamW(ParameterSet parameters, double weightDecay = 0, KernelSet? kernels = null)
    {
        _parameters = parameters;
        _weightDecay = weightDecay;
        _kernels = kernels ?? KernelSet.Default();
        _firstMoment = new AlignedBuffer(parameters.FlatLength);
        _secondMoment = new AlignedBuffer(parameters.FlatLength);
    }

    /// <summary>β₁.</summary>
    public static double Beta1 => 0.9;

    /// <summary>β₂.</summary>
    public static double Beta2 => 0.999;

    /// <summary>ε.</summary>
    public static double Epsilon => 1e-8;

    /// <summary>Steps taken.</summary>
    public int Steps { get; private set; }

    /// <summary>Takes one step.</summary>
    /// <param name="gradients">The gradients, laid out as the parameter set.</param>
    /// <param name="learningRate">lr of this step.</param>
    public void Step(ParameterGradients gradients, double learningRate)
    {
        Steps++;
        var step = new AdamWStep(
            learningRate, Beta1, Beta2, Epsilon, _weightDecay, 1 - Math.Pow(Beta1, Steps), 1 - Math.Pow(Beta2, Steps));
        var parameters = _parameters.Parameters;
        for (int i = 0; i < parameters.Count; i++)
        {
            int offset = _parameters.OffsetOf(parameters[i]);
            _kernels.AdamW(
                step, parameters[i].Count, parameters[i].Pointer, gradients.Flat + offset, _firstMoment.Pointer + offset, _secondMoment.Pointer + offset);
        }

        GC.KeepAlive(this);
    }
}
