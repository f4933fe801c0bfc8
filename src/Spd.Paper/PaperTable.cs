using Spd.Runs.Pages;
using Spd.Runs.Results;

namespace Spd.Paper;

/// <summary>A table of the page.</summary>
/// <param name="Header">The titles of its columns.</param>
/// <param name="Rows">Its rows.</param>
internal sealed record PaperTable(IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<TableCell>> Rows)
{
    /// <summary>The mean with the standard deviation over seeds (of the sample, n − 1), the deviation left out for a single seed.</summary>
    public static string MeanAndDeviation(IReadOnlyList<double> values, NumberFormat format)
    {
        if (values.Count == 0) return TableCell.None;
        double mean = values.Average();
        if (values.Count == 1) return Metric.Write(mean, format);
        // Counts have means between them.
        var finer = format == NumberFormat.Count ? NumberFormat.Mean : format;
        double deviation = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
        return $"{Metric.Write(mean, finer)} ± {Metric.Write(deviation, finer)}";
    }

    public static string Shown(double? value, NumberFormat format) => value is { } number ? Metric.Write(number, format) : TableCell.None;

    public static string Duration(double seconds) => !(seconds is >= 100 and < 1e9)
        ? $"{Metric.Write(seconds, NumberFormat.Count)} s"
        : TimeSpan.FromSeconds(seconds) is { TotalHours: >= 1 } hours ? $"{(int)hours.TotalHours} h {hours.Minutes} min" : $"{seconds / 60:F0} min";
}
