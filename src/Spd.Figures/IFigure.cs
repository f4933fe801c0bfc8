namespace Spd.Figures;

/// <summary>A figure: what it shows, as data, and how to draw it.</summary>
public interface IFigure
{
    /// <summary>Its title.</summary>
    string Title { get; }

    /// <summary>Draws it.</summary>
    /// <returns>A self-contained SVG document, 800 units wide.</returns>
    /// <exception cref="ArgumentException">What it shows does not fit together: a list is empty, or counts differ.</exception>
    string ToSvg();
}
