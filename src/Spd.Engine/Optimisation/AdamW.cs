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
    private readonly Stretches _stretches;

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
        _stretches = new Stretches(this);
    }

    /// <summary>β₁.</summary>
    public static double Beta1 => 0.9;

    /// <summary>β₂.</summary>
    public static double Beta2 => 0.999;

    /// <summary>ε.</summary>
    public static double Epsilon => 1e-8;

    /// <summary>What is optimised.</summary>
    public ParameterSet Parameters => _parameters;

    /// <summary>Steps taken; set together with the moments, to go on where another optimiser stood.</summary>
    public int Steps { get; set; }

    /// <summary>The first moments of a parameter of the set, row-major; may be written to.</summary>
    public Span<float> FirstMoment(Parameter parameter) => _firstMoment.Span.Slice(_parameters.OffsetOf(parameter), parameter.Count);

    /// <summary>The second moments of a parameter of the set, row-major; may be written to.</summary>
    public Span<float> SecondMoment(Parameter parameter) => _secondMoment.Span.Slice(_parameters.OffsetOf(parameter), parameter.Count);

    /// <summary>Takes one step.</summary>
    /// <param name="gradients">The gradients, laid out as the parameter set, or as a longer one that begins with it.</param>
    /// <param name="learningRate">lr of this step.</param>
    /// <param name="pool">Threads to share the work between, or null to do it on this one; the result has the same bits.</param>
    public void Step(ParameterGradients gradients, double learningRate, WorkerPool? pool = null)
    {
        Steps++;
        _stretches.Step = new AdamWStep(
            learningRate, Beta1, Beta2, Epsilon, _weightDecay, 1 - Math.Pow(Beta1, Steps), 1 - Math.Pow(Beta2, Steps));
        _stretches.Gradients = gradients;
        if (pool is not null) pool.Run(_stretches, _stretches.Count);
        else
            for (int item = 0; item < _stretches.Count; item++) _stretches.Execute(item, 0);
        GC.KeepAlive(this);
    }

    /// <summary>The parameters cut into stretches of memory; those that share one step it in turn.</summary>
    private sealed class Stretches : IParallelWork
    {
        private const int StretchLength = 1 << 14;

        private readonly AdamW _optimiser;
        private readonly List<(Parameter[] Owners, int First, int Length)> _stretches = [];

        public Stretches(AdamW optimiser)
        {
            _optimiser = optimiser;
            foreach (var owners in optimiser._parameters.Parameters.GroupBy(parameter => (nint)parameter.Pointer))
            {
                int count = owners.First().Count;
                for (int first = 0; first < count; first += StretchLength) _stretches.Add(([.. owners], first, Math.Min(StretchLength, count - first)));
            }
        }

        public int Count => _stretches.Count;

        public AdamWStep Step { get; set; }

        public ParameterGradients? Gradients { get; set; }

        public void Execute(int item, int worker)
        {
            var (owners, first, length) = _stretches[item];
            foreach (var parameter in owners)
            {
                int offset = _optimiser._parameters.OffsetOf(parameter) + first;
                _optimiser._kernels.AdamW(
                    Step, length, parameter.Pointer + first, Gradients!.Flat + offset,
                    _optimiser._firstMoment.Pointer + offset, _optimiser._secondMoment.Pointer + offset);
            }
        }
    }
}
