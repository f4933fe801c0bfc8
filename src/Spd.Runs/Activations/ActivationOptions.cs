using Spd.Runs.Targets;

namespace Spd.Runs.Activations;

/// <summary>How much is looked at to see what subcomponents do.</summary>
public sealed record ActivationOptions
{
    /// <summary>Sequences, of held-out text at most as many as there are, or inputs; null for 64 sequences of text, 1024 others, or 4096 inputs.</summary>
    public int? Sequences { get; init; }

    /// <summary>Contexts that are shown of a subcomponent.</summary>
    public int Top { get; init; } = 20;

    /// <summary>Subcomponents of a site that are shown, those that are needed most often.</summary>
    public int Shown { get; init; } = 200;

    /// <summary>Subcomponents of a site that are ablated, the first of those that are shown.</summary>
    public int Ablated { get; init; } = int.MaxValue;

    /// <summary>How many examples are looked at where nobody says how many.</summary>
    internal static int StandardOf(TargetData data)
    {
        const int OfText = 64, OfSymbols = 1024, Inputs = 4096;
        return data.Evaluation.Length == 1 ? Inputs : data.Text is null ? OfSymbols : OfText;
    }

    /// <summary>What takes seconds for any network: the work is bounded by how large it is.</summary>
    /// <param name="weights">Weights of the network.</param>
    /// <param name="length">Tokens of a sequence; 1 of other inputs.</param>
    /// <param name="sites">Sites.</param>
    /// <param name="standard">Examples that are looked at where that is little work.</param>
    internal static ActivationOptions Quick(double weights, int length, int sites, int standard)
    {
        // Multiply-adds of passes forward: for the importances, and for all ablations.
        const double MostForImportances = 1e11, MostForAblations = 2e11;
        const int Contexts = 8;
        double sequence = weights * length;
        return new ActivationOptions
        {
            Sequences = (int)Math.Clamp(MostForImportances / sequence, 1, standard),
            Top = Contexts,
            Shown = 100,
            Ablated = (int)Math.Min(MostForAblations / (2 * sequence * Contexts * sites), 100),
        };
    }
}
