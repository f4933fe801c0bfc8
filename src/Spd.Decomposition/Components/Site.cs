using Spd.Engine;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>
/// A decomposed matrix: the linear map, its C rank-one subcomponents and their gates. Subcomponent <c>c</c> is the matrix <c>U[c,:]ᵀ V[:,c]ᵀ</c>;
/// both factors are stored a row per subcomponent.
/// </summary>
public sealed class Site : FactoredMatrix
{
    internal Site(int index, string name, Linear linear, Parameter v, Parameter u, Gate gate)
        : base(name, linear, v, u, rank: 1) => (Index, Gate) = (index, gate);

    /// <summary>Its number among the sites; random masks are drawn by it.</summary>
    public int Index { get; }

    /// <summary>The causal importance functions.</summary>
    public Gate Gate { get; }
}
