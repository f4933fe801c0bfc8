namespace Spd.Engine.Graphs;

/// <summary>One flat gradient vector, laid out as its <see cref="ParameterSet"/> says.</summary>
public sealed unsafe class ParameterGradients
{
    private readonly ParameterSet _set;
    private readonly float* _flat;

    internal ParameterGradients(ParameterSet set, float* flat)
    {
        _set = set;
        _flat = flat;
    }

    internal float* Flat => _flat;

    /// <summary>The gradient of one parameter, row-major; empty when the parameter does not train.</summary>
    public Span<float> Of(Parameter parameter) => Pointer(parameter) is var pointer && pointer == null ? [] : new Span<float>(pointer, parameter.Count);

    internal float* Pointer(Parameter parameter) => _set.OffsetOf(parameter) is var offset && offset < 0 ? null : _flat + offset;
}
