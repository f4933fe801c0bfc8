using Spd.Figures;
using Spd.Runs.Reporting;

namespace Spd.Runs.Targets;

/// <summary>The figures of a network with induction heads: what its heads attend to, and what is left of that without some of its subcomponents.</summary>
internal static class InductionFigures
{
    private static readonly string[] Behaviours = ["to S", "to answer", "right"];

    /// <summary>Attention of the network and its decompositions, attention without the subcomponents of a site, and the behaviours without each subcomponent.</summary>
    public static IEnumerable<RunFigure> Draw(InductionReport report)
    {
        yield return Attention(
            report, "induction_attention", "Attention in one sequence", report.Maps.Where(map => report.Kinds.ContainsKey(map.Name)), Spaced,
            "Each row is a position that reads, each column one that is read. In the first block the answer, and what comes behind it, reads the first S; in the last block "
            + "the last row, at the second S, reads the answer. Only what that row gives is compared: elsewhere a decomposition may attend as it likes.");
        yield return Attention(
            report, "induction_attention_without", "Attention without the subcomponents of a matrix", report.Maps.Where(map => !report.Kinds.ContainsKey(map.Name)),
            site => $"without {site}",
            "The CI-masked network, where the subcomponents of one matrix that any sequence needs are taken out.");
        yield return Ablations(report);
    }

    private static RunFigure Attention(InductionReport report, string name, string title, IEnumerable<InductionMap> maps, Func<string, string> called, string howToRead)
    {
        var panels = maps.SelectMany(map => new[]
        {
            new HeatmapPanel($"{called(map.Name)}: first block", Grid.From(map.First), "reads", "is read"),
            new HeatmapPanel($"{called(map.Name)}: last block", Grid.From(map.Last), "reads", "is read"),
        });
        int first = report.Tokens.ToList().IndexOf(report.Tokens[^1]);
        return new RunFigure(
            name, title,
            new HeatmapFigure(
                title, [.. panels], HeatmapScale.UnitInterval, "attention", $"S stands at {first} and {report.Tokens.Count - 1}, the answer at {first + 1}", PanelsPerRow: 2),
            howToRead);
    }

    private static RunFigure Ablations(InductionReport report)
    {
        const string Title = "What is left without a subcomponent";
        var panels = report.Sites.Select(site => new HeatmapPanel(
            site.Site, Table([.. site.Subcomponents.Select(each => each.Without), site.Without]), "without", "attention, and share of sequences",
            [.. site.Subcomponents.Select(each => $"{each.C}"), "all of these"], Behaviours, site.Site));
        var whole = new HeatmapPanel("all", Table([.. report.Kinds.Values]), "network", "attention, and share of sequences", [.. report.Kinds.Keys.Select(Spaced)], Behaviours);
        return new RunFigure(
            "induction_ablations", Title,
            new HeatmapFigure(Title, [whole, .. panels], HeatmapScale.UnitInterval, "what is left", "subcomponents that sequences need, those of most uses first", PanelsPerRow: 2),
            "Each row is the CI-masked network without one subcomponent: the first block's attention from the answer to the S before it, the last block's from the end to the answer, and "
            + "the share of sequences that it answers. A pale cell is a behaviour that the subcomponent carries.");
    }

    private static Grid Table(IReadOnlyList<InductionBehaviour> rows)
    {
        double[,] table = new double[rows.Count, Behaviours.Length];
        foreach (var (i, row) in rows.Index()) (table[i, 0], table[i, 1], table[i, 2]) = (row.PreviousToken, row.Induction, row.Accuracy);
        return Grid.From(table);
    }

    private static string Spaced(string name) => name == "target" ? "network" : name.Replace("ci_", "CI-", StringComparison.Ordinal).Replace('_', ' ');
}
