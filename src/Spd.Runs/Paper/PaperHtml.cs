using System.Net;
using System.Text;

namespace Spd.Runs.Paper;

/// <summary>Pieces of the page.</summary>
internal static class PaperHtml
{
    public const string None = "–";

    public static string Text(string text) => WebUtility.HtmlEncode(text);

    /// <summary>A table; cells are HTML, and those that begin with a digit or a sign are aligned as numbers.</summary>
    public static string Table(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        var html = new StringBuilder("<div class=\"wide\"><table>\n<tr>");
        foreach (string cell in header) html.Append($"<th>{cell}</th>");
        html.Append("</tr>\n");
        foreach (var row in rows)
        {
            html.Append("<tr>");
            foreach (string cell in row) html.Append(IsNumber(cell) ? $"<td class=\"number\">{cell}</td>" : $"<td>{cell}</td>");
            html.Append("</tr>\n");
        }

        return html.Append("</table></div>\n").ToString();

        static bool IsNumber(string cell) => cell == None || (cell.Length > 0 && (char.IsAsciiDigit(cell[0]) || cell[0] == '-'));
    }

    /// <summary>The mean with the standard deviation over seeds (of the sample, n − 1), the deviation left out for a single seed.</summary>
    public static string MeanAndDeviation(IReadOnlyList<double> values, string format)
    {
        if (values.Count == 0) return None;
        double mean = values.Average();
        if (values.Count == 1) return mean.ToString(format);
        double deviation = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
        return $"{mean.ToString(format)} ± {deviation.ToString(format)}";
    }

    public static string Shown(double? value, string format) => value?.ToString(format) ?? None;

    public static string Duration(double seconds) => seconds < 100
        ? $"{seconds:F0} s"
        : TimeSpan.FromSeconds(seconds) is { TotalHours: >= 1 } hours ? $"{(int)hours.TotalHours} h {hours.Minutes} min" : $"{seconds / 60:F0} min";
}
