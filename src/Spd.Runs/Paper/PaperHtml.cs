using System.Text;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Paper;

/// <summary>Pieces of the page.</summary>
internal static class PaperHtml
{
    public const string None = "–";

    public static string Escaped(string text) => HtmlText.Encode(text);

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
    public static string MeanAndDeviation(IReadOnlyList<double> values, NumberFormat format)
    {
        if (values.Count == 0) return None;
        double mean = values.Average();
        if (values.Count == 1) return Metric.Write(mean, format);
        // Counts have means between them.
        var finer = format == NumberFormat.Count ? NumberFormat.Mean : format;
        double deviation = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
        return $"{Metric.Write(mean, finer)} ± {Metric.Write(deviation, finer)}";
    }

    public static string Shown(double? value, NumberFormat format) => value is { } number ? Metric.Write(number, format) : None;

    public static string Duration(double seconds) => !(seconds is >= 100 and < 1e9)
        ? $"{Metric.Write(seconds, NumberFormat.Count)} s"
        : TimeSpan.FromSeconds(seconds) is { TotalHours: >= 1 } hours ? $"{(int)hours.TotalHours} h {hours.Minutes} min" : $"{seconds / 60:F0} min";
}
