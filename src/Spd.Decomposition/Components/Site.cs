using Spd.Engine;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>
/// A decomposed matrix: the linear map, and its C rank-one subcomponents. Subcomponent <c>c</c> is the matrix <c>U[c,:]ᵀ V[:,c]ᵀ</c>;
/// both factors are stored a row per subcomponent.
/// </summary>
public sealed class Site : FactoredMatrix
{
    private readonly Gate? _gate;

    internal Site(int index, string name, Linear linear, Parameter v, Parameter u, Gate? gate)
        : base(name, linear, v, u, rank: 1) => (Index, _gate) = (index, gate);

    /// <summary>Its number among the sites; random masks are drawn by it.</summary>
    public int Index { get; }

    /// <summary>The causal importance functions of its subcomponents, where each has one of its own.</summary>
    /// <exception cref="InvalidOperationException">The model's causal importance functions are others; see <see cref="ComponentModel.Importances"/>.</exception>
    public Gate Gate => _gate ?? throw new InvalidOperationException($"'{Name}' has no gates: its causal importances come from another function");
}
