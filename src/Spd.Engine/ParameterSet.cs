namespace Spd.Engine;

/// <summary>
/// Parameters in a fixed order, each with a place in one flat vector: the layout of gradients, and of whatever is one day exchanged
/// between processes.
/// </summary>
public sealed class ParameterSet
{
    private const int Alignment = 16;
    private readonly Dictionary<Parameter, int> _offsets = [];
    private readonly List<Parameter> _parameters = [];

    /// <summary>The set of the given parameters, in their order.</summary>
    public ParameterSet(IEnumerable<Parameter> parameters)
    {
        foreach (var parameter in parameters)
        {
            if (!_offsets.TryAdd(parameter, FlatLength)) continue;
            _parameters.Add(parameter);
            FlatLength = checked(FlatLength + (parameter.Count + Alignment - 1) / Alignment * Alignment);
        }
    }

    /// <summary>The parameters in order.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Floats in a flat vector over all parameters, padding included.</summary>
    public int FlatLength { get; }

    /// <summary>Where the parameter starts in a flat vector, or −1 when it is not in the set.</summary>
    public int OffsetOf(Parameter parameter) => _offsets.GetValueOrDefault(parameter, -1);
}
