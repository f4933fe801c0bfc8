using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>
/// The directions of subcomponents of a transformer as tokens see them: of what is linear between a direction and the tokens. The division of a norm by the size
/// of the whole stream, its bias and the blocks between are left out.
/// </summary>
/// <param name="network">The transformer.</param>
public sealed class TokenDirections(Transformer network)
{
    private readonly float[] _unembedding = network.Head.EffectiveWeight();

    /// <summary>Whether a site's outputs are added to the residual stream, or are logits.</summary>
    public bool Writes(Site site) => site.Linear == network.Head || network.StreamWriters.Contains(site.Linear);

    /// <summary>Whether a site's inputs are the residual stream, or tokens.</summary>
    public bool Reads(Site site) => site.Linear == network.Embedding || network.StreamReaders.Any(reader => reader.Linear == site.Linear);

    /// <summary>
    /// What the output direction adds to each logit, for an inner activation of 1: <c>W_U (w ∘ U[c])</c> with w the weight of the final norm and U[c] centred where
    /// that norm centres; U[c] itself for the head.
    /// </summary>
    /// <returns>A number for each token; null where the site does not write to the residual stream.</returns>
    public double[]? Promoted(Site site, int c)
    {
        double[] direction = Numbers(site.U.Row(c));
        if (site.Linear == network.Head) return direction;
        if (!Writes(site)) return null;
        if (network.FinalNorm is LayerNorm) Centre(direction);
        Weigh(direction, network.FinalNorm);
        return Products(_unembedding, direction);
    }

    /// <summary>
    /// What the input direction reads of the vector of each token: <c>V[c] · (w ∘ E_t)</c> with w the weight of the norm in front of the site and E_t centred where
    /// that norm centres; V[c] itself for the embedding.
    /// </summary>
    /// <returns>A number for each token; null where the site reads something else than the residual stream.</returns>
    public double[]? Read(Site site, int c)
    {
        double[] direction = Numbers(site.V.Row(c));
        if (site.Linear == network.Embedding) return direction;
        if (!Reads(site)) return null;
        var norm = network.StreamReaders.First(reader => reader.Linear == site.Linear).Norm;
        Weigh(direction, norm);
        // The projection that centres is symmetric, so the direction may be centred in place of every vector.
        if (norm is LayerNorm) Centre(direction);
        return Products(network.Embedding.Weight.Values, direction);
    }

    private static double[] Numbers(ReadOnlySpan<float> values)
    {
        double[] numbers = new double[values.Length];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = values[i];
        return numbers;
    }

    private static void Centre(double[] direction)
    {
        double mean = direction.Average();
        for (int i = 0; i < direction.Length; i++) direction[i] -= mean;
    }

    private static void Weigh(double[] direction, Module? norm)
    {
        if ((norm is LayerNorm layer ? layer.Weight : (norm as RmsNorm)?.Weight) is not { } weight) return;
        for (int i = 0; i < direction.Length; i++) direction[i] *= weight.Values[i];
    }

    private static double[] Products(ReadOnlySpan<float> rows, double[] direction)
    {
        double[] products = new double[rows.Length / direction.Length];
        for (int row = 0; row < products.Length; row++)
        {
            var values = rows.Slice(row * direction.Length, direction.Length);
            double sum = 0;
            for (int i = 0; i < direction.Length; i++) sum += values[i] * direction[i];
            products[row] = sum;
        }

        return products;
    }
}
