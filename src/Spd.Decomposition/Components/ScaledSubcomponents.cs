namespace Spd.Decomposition;

/// <summary>Subcomponents of a site that are multiplied by a number; see <see cref="ComponentModel.ScaledPass"/>.</summary>
/// <param name="Site">The site.</param>
/// <param name="Subcomponents">The subcomponents, each once.</param>
/// <param name="Scale">The number: 0 switches them off, 1 leaves them as they are.</param>
public sealed record ScaledSubcomponents(Site Site, IReadOnlyList<int> Subcomponents, double Scale = 0);
