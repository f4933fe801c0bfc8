using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Spd.Bench;

/// <summary>Turns the time of one call into what can be compared across machines, with the clock and the peak of this machine.</summary>
public sealed class Speed
{
    private readonly double _secondsPerCycle = Peak.SecondsPerCycle();
    private readonly Dictionary<string, double> _peaks = MatrixBenchmarks.Sets.ToDictionary(set => set, Peak.OperationsPerSecond, StringComparer.Ordinal);

    /// <summary>The measured clock and peaks in words.</summary>
    public override string ToString() => FormattableString.Invariant($"clock {1e-9 / _secondsPerCycle:F2} GHz; multiply-add peak of one core: ") +
        string.Join(", ", _peaks.Select(peak => FormattableString.Invariant($"{peak.Key} {peak.Value * 1e-9:F0} GFLOP/s")));

    /// <summary>The share of the multiply-add peak that a matrix kernel reached.</summary>
    public double ShareOfPeak(MatrixShape shape, string set, double seconds) =>
        2.0 * shape.Rows * shape.Columns * shape.Lanes / seconds / _peaks[set];

    /// <summary>The clock cycles that a gate kernel spent on sixteen GELUs.</summary>
    public double CyclesPerSixteen(GateShape shape, double seconds) =>
        seconds / _secondsPerCycle / ((double)shape.Subcomponents * shape.Width * shape.Lanes / 16);
}

/// <summary>The column <c>Speed</c>: percent of peak for matrices, cycles for gates.</summary>
public sealed class SpeedColumn(Speed speed) : IColumn
{
    public string Id => nameof(SpeedColumn);

    public string ColumnName => "Speed";

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => false;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => "matrices: share of this core's multiply-add peak; gates: clock cycles for 16 GELUs";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        double? nanoseconds = summary[benchmarkCase]?.ResultStatistics?.Mean;
        if (nanoseconds is null) return "?";
        string set = (string)benchmarkCase.Parameters["Set"];
        return benchmarkCase.Parameters["Shape"] switch
        {
            MatrixShape shape => speed.ShareOfPeak(shape, set, nanoseconds.Value * 1e-9).ToString("P0", CultureInfo.InvariantCulture),
            GateShape shape => FormattableString.Invariant($"{speed.CyclesPerSixteen(shape, nanoseconds.Value * 1e-9):F1} cycles"),
            _ => "?",
        };
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public bool IsAvailable(Summary summary) => true;
}
