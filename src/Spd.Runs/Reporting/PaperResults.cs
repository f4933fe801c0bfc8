namespace Spd.Runs.Reporting;

/// <summary>What the paper reports for an experiment (arXiv 2506.20790, table 1 and its text); what it does not report is null or empty.</summary>
public sealed record PaperResults
{
    /// <summary>Mean max cosine similarity.</summary>
    public string Mmcs { get; init; } = "";

    /// <summary>Mean L2 ratio.</summary>
    public string Ml2r { get; init; } = "";

    /// <summary>Subcomponents of non-negligible norm by site.</summary>
    public IReadOnlyDictionary<string, int> Significant { get; init; } = new Dictionary<string, int>();

    /// <summary>Features of a residual MLP with a subcomponent of their own in each <c>mlp_in</c>: all of them.</summary>
    public int? Features { get; init; }

    /// <summary>Subcomponents of <c>mlp_in</c> in use, where the paper tells a number.</summary>
    public int? MlpInAlive { get; init; }

    /// <summary>Subcomponents of <c>mlp_out</c> in use in all layers together: d_mlp.</summary>
    public int? MlpOutAlive { get; init; }

    /// <summary>The paper's results for an experiment of ours, or null where it has none.</summary>
    public static PaperResults? Of(string experiment) => experiment switch
    {
        "tms_5-2" => Tms("0.993 ± 0.002", ("linear1", 5)),
        "tms_5-2-id" => Tms("0.992 ± 0.010", ("linear1", 5), ("hidden_layers.0", 2)),
        "tms_40-10" => Tms("1.010 ± 0.007", ("linear1", 40)),
        "tms_40-10-id" => Tms("1.031 ± 0.001", ("linear1", 40), ("hidden_layers.0", 10)),
        "apd_tms_5-2" => new PaperResults { Mmcs = "0.998 ± 0.000", Ml2r = "0.893 ± 0.004" },
        "apd_tms_40-10" => new PaperResults { Mmcs = "0.996 ± 0.003", Ml2r = "0.935 ± 0.001" },
        "resid_mlp1" => new PaperResults { Features = 100, MlpInAlive = 100, MlpOutAlive = 50 },
        "resid_mlp2" => new PaperResults { Features = 100, MlpOutAlive = 50 },
        "resid_mlp3" => new PaperResults { Features = 102, MlpOutAlive = 51 },
        _ => null,
    };

    private static PaperResults Tms(string ml2r, params (string Site, int Count)[] significant) =>
        new() { Mmcs = "1.000 ± 0.000", Ml2r = ml2r, Significant = significant.ToDictionary(entry => entry.Site, entry => entry.Count) };
}
