namespace Spd.Runs.Activations;

/// <summary>How much is looked at to see what subcomponents do.</summary>
public sealed record ActivationOptions
{
    /// <summary>Sequences of held-out text, at most as many as there are, or inputs; null for 64 sequences, or 4096 inputs.</summary>
    public int? Sequences { get; init; }

    /// <summary>Contexts that are shown of a subcomponent.</summary>
    public int Top { get; init; } = 20;

    /// <summary>Subcomponents of a site that are shown, those that are needed most often.</summary>
    public int Shown { get; init; } = 200;

    /// <summary>Subcomponents of a site that are ablated, the first of those that are shown.</summary>
    public int Ablated { get; init; } = int.MaxValue;

    /// <summary>Sequences of text, and inputs of other networks, that are looked at where nobody says how many.</summary>
    internal const int StandardSequences = 64, StandardInputs = 4096;

    /// <summary>What takes seconds for any network: the work is bounded by how large it is.</summary>
    /// <param name="weights">Weights of the network.</param>
    /// <param name="length">Tokens of a sequence; 1 of other inputs.</param>
    /// <param name="sites">Sites.</param>
    internal static ActivationOptions Quick(double weights, int length, int sites)
    {
        // Multiply-adds of passes forward: for the importances, and for all ablations.
        const double MostForImportances = 1e11, MostForAblations = 2e11;
        const int Contexts = 8;
        double sequence = weights * length;
        return new ActivationOptions
        {
            Sequences = (int)Math.Clamp(MostForImportances / sequence, 1, length == 1 ? StandardInputs : StandardSequences),
            Top = Contexts,
            Shown = 100,
            Ablated = (int)Math.Min(MostForAblations / (2 * sequence * Contexts * sites), 100),
        };
    }
}
