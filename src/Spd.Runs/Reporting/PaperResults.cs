namespace Spd.Runs.Reporting;

/// <summary>What the paper reports for an experiment (arXiv 2506.20790, table 1 and its text).</summary>
/// <param name="Mmcs">Mean max cosine similarity.</param>
/// <param name="Ml2r">Mean L2 ratio.</param>
/// <param name="Significant">Subcomponents of non-negligible norm by site.</param>
public sealed record PaperResults(string Mmcs, string Ml2r, IReadOnlyDictionary<string, int> Significant)
{
    /// <summary>The paper's results for an experiment of ours, or null where it has none.</summary>
    public static PaperResults? Of(string experiment) => experiment switch
    {
        "tms_5-2" => new PaperResults("1.000 ± 0.000", "0.993 ± 0.002", new Dictionary<string, int> { ["linear1"] = 5 }),
        "tms_5-2-id" => new PaperResults("1.000 ± 0.000", "0.992 ± 0.010", new Dictionary<string, int> { ["linear1"] = 5, ["hidden_layers.0"] = 2 }),
        _ => null,
    };
}
