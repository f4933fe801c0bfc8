using Microsoft.AspNetCore.Components;

namespace Spd.Runs.Pages;

/// <summary>A figure with its caption.</summary>
public sealed partial class FigureView
{
    /// <summary>The drawing, an SVG document.</summary>
    [Parameter, EditorRequired]
    public required string Svg { get; set; }

    /// <summary>How to read it.</summary>
    [Parameter]
    public string Caption { get; set; } = "";

    /// <summary>Its id in the page; null for none.</summary>
    [Parameter]
    public string? Id { get; set; }

    /// <summary>Where its own file lies, from the page; null where it has none.</summary>
    [Parameter]
    public string? File { get; set; }
}
