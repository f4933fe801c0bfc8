using Spd.Engine.Graphs;

namespace Spd.Decomposition;

/// <summary>
/// What a site is multiplied by in a masked pass, lane by lane: <c>y = Uᵀ (m ∘ V x) + m_Δ Δ x + b</c> where the lane is routed to it, with Δ what the
/// subcomponents lack of the matrix, <c>Δ = W − (V U)ᵀ</c>; where it is not, <c>y = W x + b</c> (VPD §1, §2).
/// </summary>
/// <param name="Components">m <c>[C, lanes]</c>; null for ones.</param>
/// <param name="Delta">m_Δ, one row; null for zeros: Δ is left out.</param>
/// <param name="Route">1 in the lanes that are routed to the site and 0 in the others, one row; null for all.</param>
public sealed record SiteMask(Value? Components, Value? Delta = null, Value? Route = null)
{
    /// <summary>The mask of the subcomponents alone.</summary>
    public static implicit operator SiteMask(Value components) => new(components);
}
