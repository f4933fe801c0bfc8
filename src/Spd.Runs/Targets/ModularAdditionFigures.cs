using Spd.Figures;
using Spd.Runs.Reporting;

namespace Spd.Runs.Targets;

/// <summary>The figures of a network that adds modulo a number: the frequencies of its subcomponents.</summary>
internal static class ModularAdditionFigures
{
    /// <summary>A figure for what is read, and one for what is written.</summary>
    public static IEnumerable<RunFigure> Draw(ModularAdditionReport report)
    {
        yield return Spectra(
            report, "fourier_read", "Frequencies that subcomponents read", each => each.Read,
            "Each row is the inner activation of a subcomponent as a function: of the first residue up to the neurons, of the sum behind them. "
            + "One dark cell is a subcomponent that reads a sine or cosine of one frequency; a row without any reads the same from every residue.");
        yield return Spectra(
            report, "fourier_write", "Frequencies that subcomponents write", each => each.Write,
            "Behind the neurons each row is what a subcomponent writes to the logits, as a function of the answer; before them, "
            + "how its effect on the neurons is shared among their own frequencies, with attention taken for linear. Queries and keys meet in products, and are left out.");
    }

    private static RunFigure Spectra(ModularAdditionReport report, string name, string title, Func<FourierSubcomponent, Spectrum?> side, string howToRead)
    {
        string[] columns = [.. Enumerable.Range(1, report.Embedding.Shares.Count).Select(k => $"{k}")];
        int[] neurons = [.. columns.Select((_, i) => report.Neurons.Count(neuron => neuron.LargestShare > 0 && neuron.Largest == i + 1))];
        var own = new HeatmapPanel(
            "the network itself", Grid.From(Table([report.Embedding.Shares, [.. neurons.Select(count => (double)count / report.Neurons.Count)]])),
            "of", "frequency", ["power of W_E", "neurons"], columns);
        var panels = report.Sites.Select(site =>
        {
            var rows = site.Subcomponents.Select(each => (each.C, Spectrum: side(each))).Where(row => row.Spectrum is not null)
                .OrderBy(row => row.Spectrum!.Largest).ThenByDescending(row => row.Spectrum!.LargestShare).ToList();
            return rows.Count == 0 ? null : new HeatmapPanel(
                $"{site.Site}: {rows.Count(row => row.Spectrum!.IsPure)} of {rows.Count} in use are of one frequency", Grid.From(Table([.. rows.Select(row => row.Spectrum!.Shares)])),
                "subcomponent", "frequency", [.. rows.Select(row => $"{row.C}")], columns, site.Site);
        });
        string keys = report.KeyFrequencies.Count == 0 ? "no frequency" : string.Join(", ", report.KeyFrequencies);
        return new RunFigure(
            name, title,
            new HeatmapFigure(
                title, [own, .. panels.OfType<HeatmapPanel>()], HeatmapScale.UnitInterval, "share of the power",
                $"subcomponents in use, by their largest share; the network's neurons have {keys}", PanelsPerRow: 1),
            howToRead);
    }

    private static float[,] Table(IReadOnlyList<IReadOnlyList<double>> rows)
    {
        float[,] table = new float[rows.Count, rows[0].Count];
        for (int row = 0; row < rows.Count; row++)
            for (int column = 0; column < rows[row].Count; column++) table[row, column] = (float)rows[row][column];
        return table;
    }
}
