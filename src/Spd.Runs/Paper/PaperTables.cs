using System.Text;
using static Spd.Runs.Paper.PaperHtml;

namespace Spd.Runs.Paper;

/// <summary>The tables of the page: table 1, the residual MLPs, and all the evidence seed by seed.</summary>
internal static class PaperTables
{
    /// <summary>Table 1 of the paper with ours beside it.</summary>
    public static string Table1(IReadOnlyList<PaperRun> runs)
    {
        var rows = new List<string[]>();
        foreach (var (model, spd, spdResult, apd, apdResult) in PublishedResults.Table1)
        {
            rows.Add(Row(model, "SPD", spd, spdResult));
            rows.Add(Row(model, "APD", apd, apdResult));
        }

        return Table(
            ["Model", "Method", "Seeds", "MMCS", "MMCS, paper", "ML2R", "ML2R, paper", "One each"], rows)
            + "<p>MMCS is the mean over the target's columns of the cosine similarity with the best subcomponent of linear1, "
            + "ML2R the mean of its length over the column's; 1 is exact. Ours are means ± standard deviations over all finished seeds, none left out. "
            + "In a seed that is not counted under “one each”, two columns share "
            + "a subcomponent: a local optimum.</p>\n";

        string[] Row(string model, string method, string? experiment, PublishedMatch published)
        {
            var seeds = Finished(runs, experiment);
            int own = seeds.Count(seed => seed.Stored!.Truth("metrics", "one_to_one") == true);
            return
            [
                Text(model) + Shortened(seeds), method, seeds.Count == 0 ? None : $"{seeds.Count}",
                MeanAndDeviation(Numbers(seeds, "metrics", "mmcs"), "F4"), published.Mmcs,
                MeanAndDeviation(Numbers(seeds, "metrics", "ml2r"), "F4"), published.Ml2r,
                seeds.Count == 0 ? None : $"{own} of {seeds.Count}",
            ];
        }
    }

    /// <summary>What the residual MLPs split into.</summary>
    public static string ResidualMlps(IReadOnlyList<PaperRun> runs)
    {
        var rows = new List<string[]>();
        foreach (var (model, experiment, features, neurons) in PublishedResults.ResidualMlps)
        {
            var seeds = Finished(runs, experiment);
            if (seeds.Count == 0) rows.Add([model, None, None, $"{features} of {features}", None, $"{neurons}", None, None]);
            foreach (var run in seeds)
            {
                var stored = run.Stored!;
                rows.Add(
                [
                    Text(model) + Shortened([run]), Text($"{run.Planned.Experiment!.Seed}"), FeaturesWithOne(stored), $"{features} of {features}",
                    Shown(stored.Number("metrics", "mlp_out_alive"), "F0"), $"{neurons}",
                    Shown(stored.Number("metrics", "neuron_contribution_correlation"), "F4"),
                    Shown(stored.Number("metrics", "neuron_contribution_slope"), "F4"),
                ]);
            }
        }

        return Table(
            [
                "Model", "Seed", "Features with exactly one subcomponent in every layer", "paper", "Subcomponents alive in mlp_out", "paper",
                "Neuron contributions, correlation", "slope",
            ], rows)
            + "<p>A feature alone should need one subcomponent of each layer's mlp_in, and all mlp_out together as many subcomponents as there are neurons. "
            + "Neuron contributions of the "
            + "decomposition against the target's lie on the diagonal when correlation and slope are 1.</p>\n";
    }

    /// <summary>Features with exactly one subcomponent in every layer; in the runs of older versions, in all layers together.</summary>
    public static double? NumberWithOne(StoredRun run) =>
        run.Number("metrics", "features_with_one_subcomponent_in_every_layer") ?? run.Number("metrics", "features_with_one_subcomponent");

    /// <summary>How many features have exactly one subcomponent: <c>100 of 100</c>.</summary>
    public static string FeaturesWithOne(StoredRun run) =>
        (NumberWithOne(run), run.Number("metrics", "features")) switch
        {
            ({ } one, { } all) => $"{one:F0} of {all:F0}",
            ({ } one, null) => $"{one:F0}",
            _ => None,
        };

    /// <summary>Everything that was measured, one experiment below the other, a column for each seed.</summary>
    public static string Evidence(IReadOnlyList<PaperRun> runs)
    {
        var html = new StringBuilder();
        foreach (string group in Groups(runs))
        {
            var seeds = runs.Where(run => run.Planned.Group == group && run.State == PaperRunState.Finished).ToList();
            if (seeds.Count == 0) continue;
            html.Append($"<h3>{Text(group)}{Shortened(seeds)}</h3>\n");
            var header = seeds.Select(seed => $"seed {seed.Planned.Experiment!.Seed}").Prepend("");
            html.Append(Table([.. seeds.Count > 1 ? header.Append("mean ± sd") : header], Rows(seeds)));
        }

        return html.ToString();
    }

    /// <summary>The experiments with their variants, in the paper's order.</summary>
    public static IReadOnlyList<string> Groups(IReadOnlyList<PaperRun> runs) =>
    [
        .. PaperPlan.ExperimentNames.SelectMany(name => runs.Where(run => run.Planned.ExperimentName == name)
            .OrderBy(run => run.Planned.Coefficient is { } coefficient ? double.Parse(coefficient) : 0).Select(run => run.Planned.Group)).Distinct(),
    ];

    /// <summary>The finished seeds of an experiment as it is, without variants.</summary>
    public static IReadOnlyList<PaperRun> Finished(IReadOnlyList<PaperRun> runs, string? experiment) =>
        [.. runs.Where(run => run.State == PaperRunState.Finished && run.Planned.Coefficient is null && run.Planned.ExperimentName == experiment)
            .OrderBy(run => run.Planned.Experiment!.Seed)];

    /// <summary>The mark of a result whose steps were shortened.</summary>
    public static string Shortened(IReadOnlyList<PaperRun> runs) => runs.FirstOrDefault(run => run.Planned.FullSteps is not null) is { } run
        ? $" <span class=\"short\">shortened to {run.Planned.Experiment!.Steps} of {run.Planned.FullSteps} steps</span>"
        : "";

    private static IReadOnlyList<double> Numbers(IReadOnlyList<PaperRun> runs, params string[] path) =>
        [.. runs.Select(run => run.Stored!.Number(path)).OfType<double>()];

    private static IEnumerable<IReadOnlyList<string>> Rows(List<PaperRun> seeds)
    {
        var first = seeds[0].Stored!;
        foreach (var metric in first.Entries("metrics"))
        {
            if (metric.Value.ValueKind == System.Text.Json.JsonValueKind.Object)
            {
                foreach (var site in metric.Value.EnumerateObject())
                    yield return Row($"{Spoken(metric.Name)}, {site.Name}", "F0", "metrics", metric.Name, site.Name);
            }
            else if (metric.Value.ValueKind is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False)
            {
                string[] cells = [.. seeds.Select(seed => seed.Stored!.Truth("metrics", metric.Name) switch { true => "yes", false => "no", null => None })];
                string[] count = seeds.Count > 1 ? [$"{cells.Count(cell => cell == "yes")} of {cells.Length}"] : [];
                yield return [Text(Spoken(metric.Name)), .. cells, .. count];
            }
            else
            {
                yield return Row(Spoken(metric.Name), FormatOf(metric.Name), "metrics", metric.Name);
            }
        }

        foreach (var site in first.Entries("sites"))
        {
            yield return Row($"L0, {site.Name}", "F3", "sites", site.Name, "l0");
            yield return Row($"alive of {site.Value.GetProperty("C")}, {site.Name}", "F0", "sites", site.Name, "alive");
        }

        foreach (var loss in first.Entries("losses")) yield return Row($"{Spoken(loss.Name)} loss", "0.00e+0", "losses", loss.Name);
        yield return Row("ms per step, median", "F2", "ms_per_step", "median");
        yield return Row("seconds in all", "F1", "wall_seconds");
        yield return
        [
            "seed of the target", .. seeds.Select(seed => Shown(seed.Stored!.Number("target", "seed"), "F0")),
            .. seeds.Count > 1 ? [""] : Array.Empty<string>(),
        ];

        string[] Row(string name, string format, params string[] path) =>
        [
            Text(name), .. seeds.Select(seed => Shown(seed.Stored!.Number(path), format)),
            .. seeds.Count > 1 ? [MeanAndDeviation(Numbers(seeds, path), format == "F0" ? "F1" : format)] : Array.Empty<string>(),
        ];
    }

    private static string FormatOf(string metric) => metric switch
    {
        _ when metric.EndsWith("_mse", StringComparison.Ordinal) || metric.EndsWith("_kl", StringComparison.Ordinal) => "0.00e+0",
        _ when metric.Contains("mmcs", StringComparison.Ordinal) || metric.Contains("ml2r", StringComparison.Ordinal) => "F5",
        _ => "G5",
    };

    private static string Spoken(string key) => key
        .Replace("mmcs", "MMCS", StringComparison.Ordinal)
        .Replace("ml2r", "ML2R", StringComparison.Ordinal)
        .Replace("ci_masked", "CI-masked", StringComparison.Ordinal)
        .Replace("_mse", " error (MSE)", StringComparison.Ordinal)
        .Replace("_kl", " error (KL)", StringComparison.Ordinal)
        .Replace('_', ' ');
}
