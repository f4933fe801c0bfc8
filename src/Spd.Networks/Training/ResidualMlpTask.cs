using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Targets;

namespace Spd.Networks.Training;

/// <summary>What a residual MLP is trained toward; names as in the released configs (<c>label_type</c>).</summary>
public enum LabelType
{
    /// <summary><c>x + act(coeff ∘ x)</c>.</summary>
    ActPlusResid,

    /// <summary><c>|coeff ∘ x|</c>.</summary>
    Abs,
}

/// <summary>Where a residual MLP's error is taken; names as in the released configs (<c>loss_type</c>).</summary>
public enum ResidualLossType
{
    /// <summary>At the output: mean of <c>importance_i (y_i − label_i)²</c>.</summary>
    Readoff,

    /// <summary>In the residual stream behind the last layer: mean over its dimensions of <c>(r − W_Eᵀ label)²</c>.</summary>
    Resid,
}

/// <summary>The task of a residual MLP: labels and loss (METHOD §6).</summary>
public sealed record ResidualMlpTask
{
    /// <summary>The labels.</summary>
    public LabelType LabelType { get; init; }

    /// <summary>Whether the label coefficients are all one, rather than uniform in [1, 2).</summary>
    public bool UseTrivialLabelCoeffs { get; init; } = true;

    /// <summary>Seed of random label coefficients.</summary>
    public ulong LabelFnSeed { get; init; }

    /// <summary>Where the error is taken.</summary>
    public ResidualLossType LossType { get; init; }

    /// <summary>The importance of feature i is this to the power i; 1 weighs all alike. Above 0, at most 1.</summary>
    [Probability]
    public double ImportanceVal { get; init; } = 1;

    /// <summary>The coefficients of the labels, one per feature.</summary>
    public float[] LabelCoefficients(int features)
    {
        float[] coefficients = new float[features];
        Array.Fill(coefficients, 1f);
        if (!UseTrivialLabelCoeffs) new RandomSequence(LabelFnSeed, NetworkStreams.Initialisation.Stream(index: 2)).FillUniform(coefficients, 1, 2);
        return coefficients;
    }

    /// <summary>The label of an input <c>[n_features, lanes]</c>.</summary>
    public Value Label(Graph graph, Value x, ActivationName activation)
    {
        var scaled = UseTrivialLabelCoeffs ? x : graph.RowAffine(x, Vector("label coefficients", LabelCoefficients(x.Rows)), null);
        return LabelType == LabelType.Abs ? graph.Add(new Absolute(scaled)) : graph.Plus(x, graph.Activate(activation, scaled));
    }

    /// <summary>The loss of a network on an input.</summary>
    public Value Loss(ResidualMlp network, Graph graph, Value x)
    {
        var (pass, label) = (new ForwardPass(graph), Label(graph, x, network.Config.ActFnName));
        if (LossType == ResidualLossType.Resid)
            return graph.SquaredError(network.FinalResidual(pass, x), graph.MatMul(network.Embedding, label, transposed: true));
        var output = network.Forward(pass, x);
        if (ImportanceVal == 1) return graph.SquaredError(output, label);
        var roots = Vector("feature importances", [.. Enumerable.Range(0, x.Rows).Select(i => (float)Math.Pow(ImportanceVal, i / 2.0))]);
        return graph.SquaredError(graph.RowAffine(output, roots, null), graph.RowAffine(label, roots, null));
    }

    /// <summary>
    /// The features that a trained network computes: given feature i alone, at 1 and at −1, its output i is at least a tenth closer to the labels
    /// than it would be with silent neurons.
    /// </summary>
    public bool[] LearntFeatures(ResidualMlp network, Backend backend)
    {
        int n = network.Config.NFeatures;
        float[] inputs = new float[2 * n * n];
        for (int i = 0; i < n; i++) (inputs[i * n + i], inputs[(n + i) * n + i]) = (1, -1);
        float[] outputs = NetworkOutputs.Of(network, inputs, 2 * n, backend);
        float[] labels = NetworkOutputs.Of(new LabelModule(this, network.Config.ActFnName), inputs, 2 * n, backend);
        return
        [
            .. Enumerable.Range(0, n).Select(i =>
            {
                double passedOn = 0;
                for (int d = 0; d < network.Config.DEmbed; d++) passedOn += (double)network.Embedding[i, d] * network.Unembedding[d, i];
                int up = i * n + i, down = (n + i) * n + i;
                double error = Math.Abs(outputs[up] - labels[up]) + Math.Abs(outputs[down] - labels[down]);
                return error < 0.9 * (Math.Abs(passedOn - labels[up]) + Math.Abs(-passedOn - labels[down]));
            }),
        ];
    }

    private static Parameter Vector(string name, float[] values)
    {
        var vector = new Parameter(name, values.Length);
        values.CopyTo(vector.Values);
        return vector;
    }

    private sealed class LabelModule(ResidualMlpTask task, ActivationName activation) : Module
    {
        public override Value Forward(ForwardPass pass, Value x) => task.Label(pass.Graph, x, activation);
    }
}
