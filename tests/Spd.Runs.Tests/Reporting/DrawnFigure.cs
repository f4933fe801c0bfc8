using Spd.Figures;

namespace Spd.Runs.Tests.Reporting;

/// <summary>A figure whose drawing is given.</summary>
internal sealed record DrawnFigure(string Svg) : IFigure
{
    public string Title => "drawn";

    public string ToSvg() => Svg;
}
