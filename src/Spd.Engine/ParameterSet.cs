namespace Spd.Engine;

/// <summary>Parameters in a fixed order, each once.</summary>
public sealed class ParameterSet(IEnumerable<Parameter> parameters)
{
    /// <summary>The parameters in order.</summary>
    public IReadOnlyList<Parameter> Parameters { get; } = [.. parameters.Distinct()];
}
