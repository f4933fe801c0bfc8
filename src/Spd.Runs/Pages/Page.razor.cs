using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Components;

namespace Spd.Runs.Pages;

/// <summary>A page with its look, its contents and what makes its tables sort and its figures tell values: one file that asks for no other, and runs no script but this.</summary>
public sealed partial class Page
{
    private static readonly string Style = Asset("page.css"), Script = Asset("page.js");

    // Whatever gets into a page from a file is neither run nor fetched.
    private static readonly string Policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-"
        + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Script))) + "'";

    /// <summary>The title of the window.</summary>
    [Parameter, EditorRequired]
    public required string Title { get; set; }

    /// <summary>Its sections: the id that each has, and what the contents call it.</summary>
    [Parameter]
    public IReadOnlyList<(string Id, string Title)> Contents { get; set; } = [];

    /// <summary>What a program that finds the page knows it by; null for nothing.</summary>
    [Parameter]
    public string? Generator { get; set; }

    /// <summary>What stands in it.</summary>
    [Parameter]
    public RenderFragment? ChildContent { get; set; }

    private static string Asset(string name)
    {
        using var reader = new StreamReader(typeof(Page).Assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n").TrimEnd('\n');
    }
}
