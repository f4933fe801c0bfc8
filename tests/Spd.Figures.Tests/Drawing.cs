using System.Globalization;
using System.Xml.Linq;

namespace Spd.Figures.Tests;

/// <summary>A parsed SVG with the look-ups the tests need; parsing fails on invalid XML.</summary>
internal sealed class Drawing(string svg)
{
    public XElement Root { get; } = XDocument.Parse(svg).Root!;

    public string AllText => string.Join('\n', Elements("text").Select(element => element.Value));

    public double Height => double.Parse(Root.Attribute("height")!.Value, CultureInfo.InvariantCulture);

    public IEnumerable<XElement> Elements(string name) => Root.Descendants().Where(element => element.Name.LocalName == name);

    public IReadOnlyList<XElement> Class(string name) => [.. Root.Descendants().Where(element => element.Attribute("class")?.Value == name)];

    public static double Get(XElement element, string attribute) => double.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);

    public static string Fill(XElement element) => element.Attribute("fill")!.Value;

    /// <summary>The numbers of a path or point list, in order.</summary>
    public static double[] Numbers(string text) =>
        [.. text.Split(['M', 'L', 'z', ' ', ','], StringSplitOptions.RemoveEmptyEntries).Select(part => double.Parse(part, CultureInfo.InvariantCulture))];
}
