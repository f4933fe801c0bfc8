using Spd.Runs.Pages;
using Spd.Runs.Plans;
using Spd.Runs.Results;
using static Spd.Paper.PaperTable;

namespace Spd.Paper;

/// <summary>The tables of the page: table 1, the residual MLPs, and all the evidence seed by seed.</summary>
internal static class PaperTables
{
    // The models of table 1 with the experiments of both methods. The paper says of APD that it fails on those with an identity.
    private static readonly (string Model, string Spd, string? Apd)[] ToyModels =
    [
        ("TMS 5-2", "tms_5-2", "apd_tms_5-2"), ("TMS 40-10", "tms_40-10", "apd_tms_40-10"), ("TMS 5-2+ID", "tms_5-2-id", null),
        ("TMS 40-10+ID", "tms_40-10-id", null),
    ];

    private static readonly (string Model, string Experiment)[] ResidualModels =
        [("1 layer", "resid_mlp1"), ("2 layers", "resid_mlp2"), ("3 layers", "resid_mlp3")];

    /// <summary>Table 1 of the paper with ours beside it.</summary>
    public static PaperTable Table1(IReadOnlyList<PlannedRun> runs)
    {
        return new PaperTable(
            ["Model", "Method", "Seeds", "MMCS", "MMCS, paper", "ML2R", "ML2R, paper", "One each"],
            [.. ToyModels.SelectMany(model => new[] { Row(model.Model, "SPD", model.Spd), Row(model.Model, "APD", model.Apd) })]);

        TableCell[] Row(string model, string method, string? experiment)
        {
            var seeds = Finished(runs, experiment);
            int own = seeds.Count(seed => seed.Stored!.Summary.IsOneToOne == true);
            return
            [
                new(model, Shortened(seeds)), method, seeds.Count == 0 ? TableCell.None : $"{seeds.Count}", Ours(Metric.Mmcs), Papers(Metric.Mmcs),
                Ours(Metric.Ml2r), Papers(Metric.Ml2r), seeds.Count == 0 ? TableCell.None : $"{own} of {seeds.Count}",
            ];

            string Ours(string metric) =>
                MeanAndDeviation([.. seeds.Select(seed => seed.Stored!.Summary.Number(metric)).OfType<double>()], Metric.Of(metric).Format);

            string Papers(string metric) => experiment is null ? "fails" : Published(runs, experiment, metric);
        }
    }

    /// <summary>What the residual MLPs split into.</summary>
    public static PaperTable ResidualMlps(IReadOnlyList<PlannedRun> runs)
    {
        var rows = new List<TableCell[]>();
        foreach (var (model, experiment) in ResidualModels)
        {
            string features = Published(runs, experiment, Metric.FeaturesInEveryLayer), neurons = Published(runs, experiment, "mlp_out_alive");
            var seeds = Finished(runs, experiment);
            if (seeds.Count == 0) rows.Add([model, TableCell.None, TableCell.None, features, TableCell.None, neurons, TableCell.None, TableCell.None]);
            foreach (var run in seeds)
            {
                var summary = run.Stored!.Summary;
                rows.Add(
                [
                    new(model, Shortened([run])), $"{run.Plan.Experiment!.Seed}", FeaturesWithOne(summary), features,
                    Ours("mlp_out_alive"), neurons, Ours("neuron_contribution_correlation"), Ours(Metric.NeuronSlope),
                ]);

                string Ours(string metric) => Shown(summary.Number(metric), Metric.Of(metric).Format);
            }
        }

        return new PaperTable(
            [
                "Model", "Seed", "Features with exactly one subcomponent in every layer", "paper", "Subcomponents alive in mlp_out (ever above 0.1)", "paper",
                "Neuron contributions, correlation", "slope",
            ], rows);
    }

    /// <summary>What the paper reports, as printed; empty where it reports nothing, or the experiment is not there.</summary>
    private static string Published(IReadOnlyList<PlannedRun> runs, string experiment, string metric) =>
        runs.FirstOrDefault(run => run.Plan.ExperimentName == experiment)?.Plan.Experiment?.Published?.Results.GetValueOrDefault(metric) ?? "";

    /// <summary>How many features have exactly one subcomponent: <c>100 of 100</c>.</summary>
    public static string FeaturesWithOne(RunSummary summary) => summary.FeaturesWithOne is not { } one
        ? TableCell.None
        : Metric.Write(one, NumberFormat.Count) + (summary.Number("features") is { } all ? $" of {Metric.Write(all, NumberFormat.Count)}" : "");

    /// <summary>Everything that was measured, one experiment below the other, a column for each seed.</summary>
    public static IEnumerable<(string Group, string? Note, PaperTable Table)> Evidence(IReadOnlyList<PlannedRun> runs)
    {
        foreach (string group in Groups(runs))
        {
            var seeds = runs.Where(run => run.Plan.Group == group && run.State == PlannedRunState.Finished).ToList();
            if (seeds.Count == 0) continue;
            var header = seeds.Select(seed => $"seed {seed.Plan.Experiment!.Seed}").Prepend("");
            yield return (group, Shortened(seeds), new PaperTable([.. seeds.Count > 1 ? header.Append("mean ± sd") : header], [.. Rows(seeds)]));
        }
    }

    /// <summary>The experiments with their variants, in the paper's order.</summary>
    public static IReadOnlyList<string> Groups(IReadOnlyList<PlannedRun> runs) =>
    [
        .. PaperPlan.ExperimentNames.SelectMany(name => runs.Where(run => run.Plan.ExperimentName == name)
            .OrderBy(run => run.Coefficient is { } coefficient ? double.Parse(coefficient) : 0).Select(run => run.Plan.Group)).Distinct(),
    ];

    /// <summary>The finished seeds of an experiment as it is, without variants.</summary>
    public static IReadOnlyList<PlannedRun> Finished(IReadOnlyList<PlannedRun> runs, string? experiment) =>
        [.. runs.Where(run => run.State == PlannedRunState.Finished && run.Coefficient is null && run.Plan.ExperimentName == experiment)
            .OrderBy(run => run.Plan.Experiment!.Seed)];

    /// <summary>The mark of a result whose steps were shortened; null where none were.</summary>
    public static string? Shortened(IReadOnlyList<PlannedRun> runs) => runs.FirstOrDefault(run => run.Plan.FullSteps is not null) is { } run
        ? $"shortened to {run.Plan.Experiment!.Steps} of {run.Plan.FullSteps} steps"
        : null;

    private static IEnumerable<IReadOnlyList<TableCell>> Rows(List<PlannedRun> seeds)
    {
        var tables = seeds.Select(seed => ResultTable.AllRows(seed.Stored!.Summary)).ToList();
        foreach (string key in tables.SelectMany(table => table.Select(row => row.Key)).Distinct())
        {
            var rows = tables.Select(table => table.FirstOrDefault(row => row.Key == key)).ToList();
            var first = rows.First(row => row is not null)!;
            yield return [first.Quantity, .. rows.Select(row => (TableCell)(row?.Value ?? TableCell.None)), .. OfAll([.. rows.OfType<ResultRow>()], first.Format)];
        }

        yield return Row("seconds in all", summary => summary.WallSeconds, NumberFormat.Seconds);
        yield return
        [
            "seed of the target", .. seeds.Select(seed => (TableCell)(seed.Stored!.Summary.Target.Seed is { } number ? $"{number}" : TableCell.None)),
            .. seeds.Count > 1 ? [""] : Array.Empty<TableCell>(),
        ];

        TableCell[] OfAll(IReadOnlyList<ResultRow> rows, NumberFormat format)
        {
            if (seeds.Count == 1) return [];
            return format == NumberFormat.YesNo
                ? [$"{rows.Count(row => row.Number == 1)} of {seeds.Count}"]
                : [MeanAndDeviation([.. rows.Select(row => row.Number).Where(double.IsFinite)], format)];
        }

        TableCell[] Row(string name, Func<RunSummary, double> value, NumberFormat format)
        {
            double[] values = [.. seeds.Select(seed => value(seed.Stored!.Summary))];
            return [name, .. values.Select(number => (TableCell)Metric.Write(number, format)), .. seeds.Count > 1 ? [MeanAndDeviation([.. values.Where(double.IsFinite)], format)] : Array.Empty<TableCell>()];
        }
    }
}
