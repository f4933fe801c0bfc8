using Spd.Engine;
using Spd.Networks.Targets;

namespace Spd.Decomposition;

/// <summary>
/// How much each neuron of a residual MLP contributes to computing each feature from itself (METHOD §8): in the target
/// <c>(W_U[i,:] W_out) ∘ (W_in W_E[:,i])</c>; in the decomposition the same of one subcomponent of <c>mlp_in</c>, with W_out replaced by the sum of the
/// subcomponents of <c>mlp_out</c>. As in the authors' code a layer and feature take the subcomponent with the largest product in any one neuron.
/// </summary>
/// <param name="Layers">The layers in order.</param>
public sealed record NeuronContributions(IReadOnlyList<LayerContributions> Layers)
{
    /// <summary>Pearson's correlation of the decomposition's contributions with the target's, over all layers, features and neurons.</summary>
    public double Correlation
    {
        get
        {
            var pairs = Pairs().ToList();
            double meanTarget = pairs.Average(pair => pair.Target), meanDecomposed = pairs.Average(pair => pair.Decomposed);
            double both = pairs.Sum(pair => (pair.Target - meanTarget) * (pair.Decomposed - meanDecomposed));
            double target = pairs.Sum(pair => (pair.Target - meanTarget) * (pair.Target - meanTarget));
            double decomposed = pairs.Sum(pair => (pair.Decomposed - meanDecomposed) * (pair.Decomposed - meanDecomposed));
            return both / Math.Sqrt(target * decomposed);
        }
    }

    /// <summary>
    /// The slope of the line through the origin that predicts the decomposition's contributions from the target's with the least squares,
    /// <c>Σ t d / Σ t²</c>: 1 where they are equal, ½ where subcomponents carry half of what a neuron does.
    /// </summary>
    public double Slope => Pairs().Sum(pair => pair.Target * pair.Decomposed) / Pairs().Sum(pair => pair.Target * pair.Target);

    /// <summary>The contributions in a decomposed residual MLP, or null when the model is none or not all of its matrices are decomposed.</summary>
    public static NeuronContributions? Of(ComponentModel model)
    {
        if (model.Network is not ResidualMlp network) return null;
        var layers = new List<LayerContributions>();
        for (int layer = 0; layer < network.Config.NLayers; layer++)
        {
            var mlpIn = model.Sites.FirstOrDefault(site => site.Name == $"layers.{layer}.mlp_in");
            var mlpOut = model.Sites.FirstOrDefault(site => site.Name == $"layers.{layer}.mlp_out");
            if (mlpIn is null || mlpOut is null) return null;
            layers.Add(LayerContributions.Of(network, mlpIn, mlpOut));
        }

        return new NeuronContributions(layers);
    }

    private IEnumerable<(double Target, double Decomposed)> Pairs() =>
        Layers.SelectMany(layer => layer.Target.Cast<double>().Zip(layer.Decomposed.Cast<double>()));
}

/// <summary>The contributions of one layer's neurons.</summary>
/// <param name="Target">The target's <c>[n_features, d_mlp]</c>.</param>
/// <param name="Decomposed">The chosen subcomponents' <c>[n_features, d_mlp]</c>.</param>
/// <param name="Subcomponents">For each feature the chosen subcomponent of <c>mlp_in</c>.</param>
public sealed record LayerContributions(double[,] Target, double[,] Decomposed, IReadOnlyList<int> Subcomponents)
{
    internal static LayerContributions Of(ResidualMlp network, Site mlpIn, Site mlpOut)
    {
        int features = network.Config.NFeatures, neurons = mlpIn.U.Columns;
        Matrix embedding = new(network.Embedding), unembedding = new Matrix(network.Unembedding).Transposed;
        double[,] read = embedding.Times(new Matrix(mlpIn.Target).Transposed);                  // W_in W_E
        double[,] written = unembedding.Times(new Matrix(mlpOut.Target));                       // W_U W_out
        double[,] inner = embedding.Times(new Matrix(mlpIn.V).Transposed);                      // V W_E
        double[,] perSubcomponent = unembedding.Times(new Matrix(mlpOut.U).Transposed);         // W_U U of mlp_out
        double[,] target = new double[features, neurons], decomposed = new double[features, neurons];
        int[] chosen = new int[features];
        for (int i = 0; i < features; i++)
        {
            double[] writtenBySum = new double[neurons];
            for (int j = 0; j < neurons; j++)
            {
                for (int c = 0; c < mlpOut.C; c++) writtenBySum[j] += perSubcomponent[i, c] * mlpOut.V[c, j];
                target[i, j] = written[i, j] * read[i, j];
            }

            chosen[i] = Enumerable.Range(0, mlpIn.C).MaxBy(c => Enumerable.Range(0, neurons).Max(j => Contribution(c, j)));
            for (int j = 0; j < neurons; j++) decomposed[i, j] = Contribution(chosen[i], j);

            double Contribution(int c, int j) => writtenBySum[j] * inner[i, c] * mlpIn.U[c, j];
        }

        return new LayerContributions(target, decomposed, chosen);
    }
}
