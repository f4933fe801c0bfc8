using System.Text.Json;
using System.Text.Json.Nodes;
using Spd.Decomposition;
using Spd.Runs.Results;
using static Spd.Runs.Results.JsonNumber;

namespace Spd.Runs;

/// <summary>What was measured of several runs.</summary>
/// <param name="Key">What it is: <c>sites.linear1.l0</c>.</param>
/// <param name="Rows">Its row in the table of each run; null where that has none.</param>
public sealed record ComparedMetric(string Key, IReadOnlyList<ResultRow?> Rows)
{
    /// <summary>What tables call it.</summary>
    public string Label => Rows.First(row => row is not null)!.Quantity;
}

/// <summary>The subcomponents of one matrix in two runs, matched one to one.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="IsByUse">
/// Whether those were matched that are alive, as both summaries say; otherwise those that are significant (<see cref="Significance"/>).
/// </param>
/// <param name="OfFirst">How many the first run has of them.</param>
/// <param name="OfOther">How many the other has.</param>
/// <param name="Pairs">The pairs, as many as the fewer of the two.</param>
public sealed record MatrixMatch(string Matrix, bool IsByUse, int OfFirst, int OfOther, IReadOnlyList<SubcomponentMatch> Pairs)
{
    /// <summary>The mean of their absolute cosines; NaN where there are none.</summary>
    public double MeanCosine => Pairs.Select(pair => pair.Cosine).DefaultIfEmpty(double.NaN).Average();

    /// <summary>How many pairs are the same direction: above <see cref="SubcomponentMatch.SameAbove"/>.</summary>
    public int Same => Pairs.Count(pair => pair.Cosine > SubcomponentMatch.SameAbove);
}

/// <summary>Runs side by side: what was measured, how alike their subcomponents are, where their configurations differ.</summary>
/// <param name="Runs">What the runs are called.</param>
/// <param name="Metrics">What was measured of any of them.</param>
/// <param name="Matches">For each run but the first, its matrices matched with the first one's of the same name and shape.</param>
/// <param name="Configuration">Keys in which their configurations differ; a value is null where a run has no such key.</param>
public sealed record ComparedRuns(
    IReadOnlyList<string> Runs, IReadOnlyList<ComparedMetric> Metrics, IReadOnlyList<IReadOnlyList<MatrixMatch>> Matches,
    IReadOnlyList<(string Key, IReadOnlyList<string?> Values)> Configuration)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Compares runs.</summary>
    /// <param name="runs">The runs, with what they are called.</param>
    /// <exception cref="RunFolderException">A model, target or data are not those that a run ended with.</exception>
    public static ComparedRuns Of(IReadOnlyList<(string Name, SavedRun Run)> runs)
    {
        var summaries = runs.Select(run => run.Run.Summary).ToList();
        var first = runs[0].Run.Components();
        return new ComparedRuns(
            [.. runs.Select(run => run.Name)], MetricsOf(summaries),
            [.. runs.Skip(1).Select(run => MatchesOf(first, summaries[0], run.Run.Components(), run.Run.Summary))],
            RunComparison.Differences([.. runs.Select(run => run.Run.Experiment.ToYaml())]));
    }

    /// <summary>Matches the subcomponents of the matrices that two runs have in common.</summary>
    /// <param name="first">The matrices of a run.</param>
    /// <param name="firstSummary">What it came to, with the subcomponents that are alive where they are known.</param>
    /// <param name="other">The matrices of another.</param>
    /// <param name="otherSummary">What that came to.</param>
    public static IReadOnlyList<MatrixMatch> MatchesOf(
        IReadOnlyList<FactoredMatrix> first, RunSummary firstSummary, IReadOnlyList<FactoredMatrix> other, RunSummary otherSummary) =>
    [
        .. from matrix in first
           let same = other.FirstOrDefault(candidate => candidate.Name == matrix.Name)
           where same is not null && (same.Inputs, same.Outputs) == (matrix.Inputs, matrix.Outputs)
           let alive = (First: Alive(matrix, firstSummary), Other: Alive(same, otherSummary))
           let isByUse = alive.First is not null && alive.Other is not null
           let these = isByUse ? alive.First! : Significance.Of(matrix)
           let those = isByUse ? alive.Other! : Significance.Of(same)
           select new MatrixMatch(matrix.Name, isByUse, these.Count, those.Count, SubcomponentMatch.Of(matrix, these, same, those)),
    ];

    /// <summary>All of it as JSON; what is not known, or not finite, is null.</summary>
    public string ToJson() => new JsonObject
    {
        ["runs"] = Array(Runs, run => run),
        ["metrics"] = Array(Metrics, metric => new JsonObject
        {
            ["key"] = metric.Key,
            ["label"] = metric.Label,
            ["values"] = Array(metric.Rows, row => row is null ? null : row.Format == NumberFormat.YesNo ? row.Number != 0 : Finite(row.Number)),
            ["wholes"] = metric.Rows.Any(row => row?.Whole is not null) ? Array(metric.Rows, row => row?.Whole is { } whole ? Finite(whole) : null) : null,
        }),
        ["matches"] = Array(Matches.Index().SelectMany(entry => entry.Item.Select(match => (Run: Runs[entry.Index + 1], Match: match))), entry => new JsonObject
        {
            ["run"] = entry.Run,
            ["with"] = Runs[0],
            ["matrix"] = entry.Match.Matrix,
            ["matched"] = entry.Match.IsByUse ? "alive" : "significant",
            ["subcomponents"] = entry.Match.OfOther,
            ["subcomponents_with"] = entry.Match.OfFirst,
            ["mean_cosine"] = Finite(entry.Match.MeanCosine),
            ["pairs_above_0_9"] = entry.Match.Same,
            ["pairs"] = Array(entry.Match.Pairs, pair => new JsonObject { ["c"] = pair.Other, ["with"] = pair.First, ["cosine"] = Finite(pair.Cosine) }),
        }),
        ["configuration"] = Array(Configuration, entry => new JsonObject { ["key"] = entry.Key, ["values"] = Array(entry.Values, value => value) }),
    }.ToJsonString(Indented) + "\n";

    private static IReadOnlyList<int>? Alive(FactoredMatrix matrix, RunSummary summary) =>
        summary.Sites.GetValueOrDefault(matrix.Name)?.AliveSubcomponents is { } alive && alive.All(c => c >= 0 && c < matrix.C) ? [.. alive.Distinct()] : null;

    /// <summary>The rows of all tables; one that the first has not comes behind that which it follows in its own.</summary>
    private static List<ComparedMetric> MetricsOf(List<RunSummary> summaries)
    {
        var tables = summaries.Select(summary => ResultTable.AllRows(summary).Prepend(new ResultRow("steps", "steps", summary.Steps, NumberFormat.Count, "")).ToList()).ToList();
        var keys = new List<string>();
        foreach (var table in tables)
        {
            int next = 0;
            foreach (var row in table)
            {
                int place = keys.IndexOf(row.Key);
                if (place < 0) keys.Insert(place = next, row.Key);
                next = place + 1;
            }
        }

        return [.. keys.Select(key => new ComparedMetric(key, [.. tables.Select(table => table.Find(row => row.Key == key))]))];
    }

    private static JsonArray Array<T>(IEnumerable<T> items, Func<T, JsonNode?> toJson) => new([.. items.Select(toJson)]);
}
