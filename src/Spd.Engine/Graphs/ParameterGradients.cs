using Spd.Engine.Execution;

namespace Spd.Engine.Graphs;

/// <summary>One flat gradient vector, laid out as its <see cref="ParameterSet"/> says.</summary>
public sealed unsafe class ParameterGradients
{
    private readonly ParameterSet _set;
    private readonly AlignedBuffer _flat;

    internal ParameterGradients(ParameterSet set)
    {
        _set = set;
        _flat = new AlignedBuffer(set.FlatLength);
    }

    internal float* Flat => _flat.Pointer;

    /// <summary>The gradient of one parameter, row-major; empty when the parameter does not train.</summary>
    public Span<float> Of(Parameter parameter) =>
        _set.OffsetOf(parameter) is var offset && offset < 0 ? [] : _flat.Span.Slice(offset, parameter.Count);

    internal float* Pointer(Parameter parameter) => _set.OffsetOf(parameter) is var offset && offset < 0 ? null : Flat + offset;

    internal void Clear() => _flat.Span.Clear();
}
