using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Unicode;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Spd.Runs.Pages;

/// <summary>Makes pages of the components that lie here and beside what they show.</summary>
internal static class Html
{
    private const char ZeroWidthNonJoiner = '\u200C', ZeroWidthJoiner = '\u200D';

    /// <summary>Renders a component as HTML.</summary>
    /// <typeparam name="T">The component.</typeparam>
    /// <param name="parameters">Its parameters.</param>
    public static string Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] T>(params IEnumerable<(string Name, object? Value)> parameters)
        where T : IComponent
    {
        var services = new ServiceCollection().AddSingleton(HtmlEncoder.Create(UnicodeRanges.All)).BuildServiceProvider();
        using (services)
        {
            var renderer = new HtmlRenderer(services, NullLoggerFactory.Instance);
            var view = ParameterView.FromDictionary(parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value));
            return renderer.Dispatcher.InvokeAsync(async () => (await renderer.RenderComponentAsync<T>(view)).ToHtmlString()).GetAwaiter().GetResult() + "\n";
        }
    }

    /// <summary>Text for a page: no character of it hides, or turns the direction of writing. A component writes it so that nothing in it is markup.</summary>
    public static string Shown(string text) => string.Create(text.Length, text, (shown, from) =>
    {
        for (int i = 0; i < shown.Length; i++) shown[i] = IsShown(from[i]) ? from[i] : '\uFFFD';
    }).ReplaceLineEndings("\n");

    /// <summary>A path from the page to a file beside or below it, as the address of a link.</summary>
    public static string Link(string path) => string.Join('/', path.Replace(Path.DirectorySeparatorChar, '/').Split('/').Select(Uri.EscapeDataString));

    /// <summary>A number or other value, as every page writes it, whatever the machine's language.</summary>
    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static bool IsShown(char letter) => char.GetUnicodeCategory(letter) switch
    {
        UnicodeCategory.Control => letter is '\n' or '\t' or '\r',
        // What joins the letters of some scripts is of this category too, and harmless.
        UnicodeCategory.Format => letter is ZeroWidthNonJoiner or ZeroWidthJoiner,
        _ => true,
    };
}
