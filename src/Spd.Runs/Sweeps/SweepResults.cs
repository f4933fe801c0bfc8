using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spd.Runs.Plans;
using Spd.Runs.Results;
using static Spd.Runs.Results.JsonNumber;

namespace Spd.Runs.Sweeps;

/// <summary>A number over the seeds of a point of the grid.</summary>
/// <param name="Median">The median; NaN where no run has it.</param>
/// <param name="Smallest">The smallest.</param>
/// <param name="Largest">The largest.</param>
public sealed record Spread(double Median, double Smallest, double Largest)
{
    /// <summary>The spread of the values that are finite.</summary>
    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Where(double.IsFinite).Order()];
        return sorted.Length == 0
            ? new Spread(double.NaN, double.NaN, double.NaN)
            : new Spread((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[0], sorted[^1]);
    }
}

/// <summary>What a sweep measures of a run.</summary>
/// <param name="Key">Its key in <c>sweep.json</c>.</param>
/// <param name="Label">What tables call it.</param>
/// <param name="Format">How it is written.</param>
/// <param name="Of">Its value; NaN where it was not measured.</param>
public sealed record SweepMetric(string Key, string Label, NumberFormat Format, Func<RunSummary, double> Of)
{
    /// <summary>All of them, in the order of tables.</summary>
    public static IReadOnlyList<SweepMetric> All { get; } =
    [
        new("l0", "L0", NumberFormat.Mean, summary => summary.TotalL0 ?? double.NaN),
        new("alive", "alive", NumberFormat.Count, summary => summary.Sites.Count > 0 ? summary.Sites.Values.Sum(site => site.Alive) : double.NaN),
        Error("unmasked"), Stochastic, CiMasked, Error("adversarial"),
        new("total_loss", "total loss", NumberFormat.Error, summary => summary.Losses.GetValueOrDefault("total", double.NaN)),
    ];

    /// <summary>Those that a table of 80 columns has room for.</summary>
    public static IReadOnlyList<SweepMetric> Main { get; } = [.. All.Where(metric => metric.Key is not ("unmasked_error" or "total_loss"))];

    /// <summary>The error with unneeded subcomponents masked at random.</summary>
    public static SweepMetric Stochastic => Error("stochastic");

    /// <summary>The error with masks equal to the causal importances.</summary>
    public static SweepMetric CiMasked => Error("ci_masked");

    /// <summary>A number over seeds as tables write it: the median of two counts may lie between them.</summary>
    public static string Write(double value, NumberFormat format) =>
        format == NumberFormat.Count && double.IsFinite(value) && value != Math.Floor(value) ? value.ToString("F1", CultureInfo.InvariantCulture) : Metric.Write(value, format);

    private static SweepMetric Error(string kind) => new(
        $"{kind}_error", kind == "ci_masked" ? "CI-masked" : kind, NumberFormat.Error,
        summary => summary.Number($"{kind}_mse") ?? summary.Number($"{kind}_kl") ?? double.NaN);
}

/// <summary>What has come out of a sweep so far.</summary>
/// <param name="Plan">The runs.</param>
public sealed record SweepResults(SweepPlan Plan)
{
    /// <summary>The runs of each point of the grid.</summary>
    public IReadOnlyList<(IReadOnlyList<string> Values, IReadOnlyList<SweepRun> Runs)> Points { get; } =
        [.. Plan.Runs.GroupBy(run => run.Values).Select(group => (group.Key, (IReadOnlyList<SweepRun>)[.. group]))];

    /// <summary>What a run that has finished came to, or null.</summary>
    public static RunSummary? Summary(SweepRun run) => run.Run is { State: PlannedRunState.Finished, Stored.Summary: { } summary } ? summary : null;

    /// <summary>A metric over those runs of a point that have finished.</summary>
    public static Spread SpreadOf(IEnumerable<SweepRun> runs, SweepMetric metric) => Spread.Of(runs.Select(Summary).OfType<RunSummary>().Select(metric.Of));

    /// <summary>All of it as JSON; what is not known, or not finite, is null.</summary>
    public string ToJson() => new JsonObject
    {
        ["experiment"] = Plan.Experiment,
        ["grid"] = new JsonArray([.. Plan.Grid.Select(axis => new JsonObject { ["key"] = axis.Key, ["values"] = new JsonArray([.. axis.Values.Select(value => JsonValue.Create(value))]) })]),
        ["seeds"] = new JsonArray([.. Plan.Seeds.Select(seed => JsonValue.Create(seed))]),
        ["runs"] = new JsonArray([.. Plan.Runs.Select(RunToJson)]),
        ["points"] = new JsonArray([.. Points.Select(point => new JsonObject
        {
            ["values"] = ValuesOf(point.Values),
            ["finished"] = point.Runs.Count(run => Summary(run) is not null),
            ["spread"] = new JsonObject(SweepMetric.All.Select(metric => KeyValuePair.Create<string, JsonNode?>(metric.Key, ToJson(SpreadOf(point.Runs, metric))))),
        })]),
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n";

    private JsonObject RunToJson(SweepRun run)
    {
        var summary = Summary(run);
        return new JsonObject
        {
            ["folder"] = run.Run.Plan.Folder.Replace('\\', '/'),
            ["values"] = ValuesOf(run.Values),
            ["seed"] = run.Run.Plan.Experiment!.Seed,
            ["status"] = run.Run.State.ToString().ToLowerInvariant(),
            ["reason"] = run.Run.Reason,
            ["steps"] = run.Run.Plan.Experiment.Steps,
            ["metrics"] = summary is null ? null : new JsonObject(SweepMetric.All.Select(metric => KeyValuePair.Create<string, JsonNode?>(metric.Key, Finite(metric.Of(summary))))),
            ["sites"] = summary is null ? null : new JsonObject(summary.Sites.Select(site => KeyValuePair.Create<string, JsonNode?>(
                site.Key, new JsonObject { ["C"] = site.Value.C, ["l0"] = Finite(site.Value.L0), ["alive"] = site.Value.Alive }))),
        };
    }

    private JsonObject ValuesOf(IReadOnlyList<string> values) => new(Plan.Grid.Zip(values, (axis, value) => KeyValuePair.Create<string, JsonNode?>(axis.Key, value)));

    private static JsonObject ToJson(Spread spread) => new() { ["median"] = Finite(spread.Median), ["smallest"] = Finite(spread.Smallest), ["largest"] = Finite(spread.Largest) };
}
