namespace Spd.Engine.Execution;

/// <summary>The gradients of a run, by parameter.</summary>
public sealed unsafe class ParameterGradients
{
    private readonly Dictionary<Parameter, int> _offsets;
    private readonly AlignedBuffer _flat;

    internal ParameterGradients(AlignedBuffer flat, Dictionary<Parameter, int> offsets) => (_flat, _offsets) = (flat, offsets);

    /// <summary>The gradient of one parameter, row-major; empty when the parameter does not train.</summary>
    public Span<float> Of(Parameter parameter) => _offsets.TryGetValue(parameter, out int offset) ? _flat.Span.Slice(offset, parameter.Count) : [];

    internal float* Pointer(Parameter parameter) => _offsets.TryGetValue(parameter, out int offset) ? _flat.Pointer + offset : null;
}
