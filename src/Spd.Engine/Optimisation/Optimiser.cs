using Spd.Engine.Execution;
using Spd.Engine.Kernels;

namespace Spd.Engine.Optimisation;

/// <summary>
/// Steps groups of parameters, each by its rule. Parameters that share memory are stepped one after the other, each with its own gradient and state.
/// </summary>
public sealed unsafe class Optimiser
{
    private const int StretchLength = 1 << 14;

    private readonly ParameterGroup[] _groups;
    private readonly KernelSet _kernels;
    private readonly WorkerPool _pool;
    private readonly List<(Member[] Owners, int First, int Length, double[] Squares)> _stretches = [];
    private readonly double[] _rates, _squares;
    private readonly PerStretch _measure, _update;
    private ParameterGradients? _gradients;
    private long _step;

    /// <summary>An optimiser before its first step.</summary>
    /// <param name="groups">What is optimised, in groups with different names and parameters.</param>
    /// <param name="backend">What computes.</param>
    /// <exception cref="ArgumentException">Two groups have one name or one parameter, or a norm to clip to is not above 0.</exception>
    public Optimiser(IEnumerable<ParameterGroup> groups, Backend backend)
    {
        _groups = [.. groups];
        (_kernels, _pool) = (backend.Kernels, backend.Pool);
        (_rates, _squares) = (new double[_groups.Length], new double[_groups.Length]);
        (_measure, _update) = (new PerStretch(Measure), new PerStretch(Update));
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
                members.Add(new Member(g, parameter, [.. group.Rule.State.Select(_ => new AlignedBuffer(parameter.Count).Memory)]));
                string name = $"{(_groups.Length > 1 ? $"{group.Name}." : "")}{i:D4}.{parameter.Name}";
                state.Add((name, parameter.Memory));
                state.AddRange(group.Rule.State.Zip(members[^1].State, (array, values) => ($"{name}.{array}", values)));
            }
        }

        State = state;
        if (members.CountBy(member => member.Parameter).FirstOrDefault(parameter => parameter.Value > 1) is { Key: { } shared })
            throw new ArgumentException($"the parameter '{shared.Name}' is in two groups; it can be in one");
        foreach (var owners in members.GroupBy(member => (nint)member.Parameter.Pointer).Select(owners => owners.ToArray()))
        {
            int count = owners[0].Parameter.Count;
            int longest = owners.Any(owner => _groups[owner.Group].Rule.NeedsWholeMatrix) ? count : StretchLength;
            for (int first = 0; first < count; first += longest) _stretches.Add((owners, first, Math.Min(longest, count - first), new double[owners.Length]));
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
        if (Array.Exists(_groups, group => group.ClipNorm is not null)) _pool.Run(_measure, _stretches.Count);
        foreach (var (owners, _, _, squares) in _stretches)
            for (int i = 0; i < owners.Length; i++) _squares[owners[i].Group] += squares[i];
        _pool.Run(_update, _stretches.Count);
    }

    private void Measure(int item)
    {
        var (owners, first, length, squares) = _stretches[item];
        for (int i = 0; i < owners.Length; i++)
            fixed (float* gradient = GradientOf(owners[i], first, length)) squares[i] = _kernels.SumOfSquares(length, gradient);
    }

    private void Update(int item)
    {
        var (owners, first, length, _) = _stretches[item];
        foreach (var owner in owners)
        {
            var group = _groups[owner.Group];
            var gradient = GradientOf(owner, first, length);
            double factor = group.ClipNorm / (Math.Sqrt(_squares[owner.Group]) + 1e-6) ?? 1;
            if (factor < 1)
                fixed (float* scaled = gradient) _kernels.Map(new Scaled((float)factor), length, scaled, scaled);
            group.Rule.Step(_kernels, _step, _rates[owner.Group], new Stretch(owner.Parameter, first, gradient, owner.State));
        }
    }

    private Span<float> GradientOf(Member owner, int first, int length)
    {
        var gradient = _gradients!.Of(owner.Parameter);
        if (gradient.IsEmpty) throw new ArgumentException($"the gradients hold none of '{owner.Parameter.Name}', which a group has");
        return gradient.Slice(first, length);
    }

    private sealed record Member(int Group, Parameter Parameter, Memory<float>[] State);

    /// <summary>Work whose items are stretches.</summary>
    private sealed class PerStretch(Action<int> execute) : IParallelWork
    {
        public void Execute(int item, int worker) => execute(item);
    }
}
