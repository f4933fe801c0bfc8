using Spd.Engine.Execution;

namespace Spd.Engine.Optimisation;

/// <summary>
/// Steps groups of parameters, each by its rule. Parameters that share memory are stepped one after the other, each with its own gradient and state.
/// </summary>
public sealed unsafe class Optimiser : IParallelWork
{
    private readonly ParameterGroup[] _groups;
    private readonly Backend _backend;
    private readonly List<(Member[] Owners, int First, int Length, double[] Squares)> _stretches = [];
    private readonly double[] _rates, _squares;
    private ParameterGradients? _gradients;
    private long _step;
    private bool _measures;

    /// <summary>An optimiser before its first step.</summary>
    /// <param name="groups">What is optimised, in groups with different names and parameters.</param>
    /// <param name="backend">What computes.</param>
    /// <exception cref="ArgumentException">Two groups have one name or one parameter, or a norm to clip to is not above 0.</exception>
    public Optimiser(IEnumerable<ParameterGroup> groups, Backend backend)
    {
        (_groups, _backend) = ([.. groups], backend);
        (_rates, _squares) = (new double[_groups.Length], new double[_groups.Length]);
        if (_groups.CountBy(group => group.Name).FirstOrDefault(name => name.Value > 1) is { Key: { } twice })
            throw new ArgumentException($"two groups are called '{twice}'; each needs a name of its own, which its state is kept by");
        if (_groups.FirstOrDefault(group => group.ClipNorm is not (null or > 0)) is { } clipped)
            throw new ArgumentException($"the group '{clipped.Name}' clips to a norm of {clipped.ClipNorm}, which must be above 0");
        List<Member> members = [];
        List<(string Name, Memory<float> Values)> state = [];
        foreach (var (g, group) in _groups.Index())
        {
            foreach (var (i, parameter) in group.Parameters.Parameters.Index())
            {
                members.Add(new Member(g, parameter, [.. group.Rule.State.Select(_ => new AlignedBuffer(parameter.Count))]));
                string name = $"{(_groups.Length > 1 ? $"{group.Name}." : "")}{i:D4}.{parameter.Name}";
                state.Add((name, parameter.Memory));
                state.AddRange(group.Rule.State.Zip(members[^1].State, (array, values) => ($"{name}.{array}", values.Memory)));
            }
        }

        State = state;
        if (members.CountBy(member => member.Parameter).FirstOrDefault(parameter => parameter.Value > 1) is { Key: { } shared })
            throw new ArgumentException($"the parameter '{shared.Name}' is in two groups; it can be in one");
        foreach (var owners in members.GroupBy(member => (nint)member.Parameter.Pointer).Select(owners => owners.ToArray()))
        {
            int count = owners[0].Parameter.Count;
            int longest = owners.Any(owner => _groups[owner.Group].Rule.NeedsWholeMatrix) ? count : WorkerPool.StretchLength;
            foreach (var (first, length) in WorkerPool.Stretches(count, longest)) _stretches.Add((owners, first, length, new double[owners.Length]));
        }
    }

    /// <summary>
    /// All that a training goes on from, by name and in a fixed order: the values of each parameter, row-major, then what its rule keeps for it.
    /// What is written here counts from the next step on. Names begin with that of the group where there are several.
    /// </summary>
    public IReadOnlyList<(string Name, Memory<float> Values)> State { get; }

    /// <summary>Takes one step.</summary>
    /// <param name="step">The step's number, from 0: rates go by it, and the state is that after as many steps.</param>
    /// <param name="gradients">The gradients of all parameters; those of groups that clip are scaled in place.</param>
    public void Step(long step, ParameterGradients gradients)
    {
        (_step, _gradients) = (step, gradients);
        for (int g = 0; g < _groups.Length; g++) (_rates[g], _squares[g]) = (_groups[g].Rate(step), 0);
        if (Array.Exists(_groups, group => group.ClipNorm is not null)) Run(measures: true);
        foreach (var (owners, _, _, squares) in _stretches)
            for (int i = 0; i < owners.Length; i++) _squares[owners[i].Group] += squares[i];
        Run(measures: false);
    }

    private void Run(bool measures)
    {
        _measures = measures;
        _backend.Pool.Run(this, _stretches.Count);
    }

    void IParallelWork.Execute(int item, int worker)
    {
        var (owners, first, length, squares) = _stretches[item];
        for (int i = 0; i < owners.Length; i++)
        {
            var (g, parameter, state) = owners[i];
            float* gradient = _gradients!.Pointer(parameter);
            if (gradient == null) throw new ArgumentException($"the gradients hold none of '{parameter.Name}', which a group has");
            gradient += first;
            if (_measures) squares[i] = _backend.Kernels.SumOfSquares(length, gradient);
            else
            {
                double factor = _groups[g].ClipNorm / (Math.Sqrt(_squares[g]) + 1e-6) ?? 1;
                if (factor < 1) _backend.Kernels.Map(new Scaled((float)factor), length, gradient, gradient);
                _groups[g].Rule.Step(_step, _rates[g], new Stretch(_backend.Kernels, parameter, first, length, gradient, state));
            }
        }
    }

    private sealed record Member(int Group, Parameter Parameter, AlignedBuffer[] State);
}
