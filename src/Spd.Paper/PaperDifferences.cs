using System.Globalization;
using Spd.Runs.Configuration;
using Spd.Runs.Plans;

namespace Spd.Paper;

/// <summary>What was done otherwise than in the paper: found in the configurations of the runs, and what is so in every run of this program.</summary>
internal static class PaperDifferences
{
    private static readonly string[] Always =
    [
        "Only significant subcomponents of linear1 (norm above 5 % of the largest) can match a column in MMCS and ML2R; "
            + "the values with all subcomponents stand in the evidence as “all subcomponents”.",
        "All seeds of an experiment decompose the same target network, the first whose training learnt every feature; "
            + "they differ in the start, masks and data of the decomposition.",
        "Targets of TMS start with all biases at zero, where the released 5-2 starts them at random and then often leaves features unlearned.",
    ];

    /// <summary>The differences as a list.</summary>
    public static IReadOnlyList<string> List(PaperPlan plan, IReadOnlyList<PlannedRun> runs)
    {
        var items = new List<string>();
        if (plan.IsQuick) items.Add("Every run is shortened and measured on fewer batches (--quick).");
        foreach (string experiment in PaperPlan.ExperimentNames)
        {
            var planned = runs.Where(run => run.Plan.ExperimentName == experiment && run.Coefficient is null && run.Plan.Experiment is not null)
                .Select(run => run.Plan.Experiment!).ToList();
            if (planned.Count == 0) continue;
            var values = FlatConfig.Read(planned[0].ToYaml());
            string[] differing =
            [
                .. from setting in planned[0].Published?.Settings ?? new Dictionary<string, string>()
                   where values.TryGetValue(setting.Key, out string? value) && !IsSame(value, setting.Value)
                   select $"{setting.Key} {values[setting.Key]} (paper: {setting.Value})",
            ];
            if (differing.Length > 0) items.Add($"{experiment}: {string.Join(", ", differing)}.");
            string seeds = string.Join(", ", planned.Select(run => run.Seed).Order());
            items.Add($"{experiment}: {(planned.Count == 1 ? "seed" : "seeds")} {seeds} (released config: 0).");
        }

        items.AddRange(runs.Where(run => run.State is PlannedRunState.Failed or PlannedRunState.Refused or PlannedRunState.Missing)
            .Select(run => $"{run.Plan.Title} is left out: {run.Reason}."));
        items.AddRange(Always);
        return items;
    }

    private static bool IsSame(string value, string other) =>
        double.TryParse(value, CultureInfo.InvariantCulture, out double number) && double.TryParse(other, CultureInfo.InvariantCulture, out double otherNumber)
            ? number == otherNumber
            : string.Equals(value, other, StringComparison.OrdinalIgnoreCase);
}
