using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>What a network gives otherwise where a subcomponent is taken away, a mean over inputs.</summary>
/// <param name="Inputs">How many inputs.</param>
/// <param name="Error">The error of the outputs without it against those with it, as the decomposition compares outputs: a mean square, or a divergence in nats.</param>
/// <param name="Change">For each output its change, without minus with.</param>
public sealed record OutputEffect(int Inputs, double Error, IReadOnlyList<double> Change);

/// <summary>
/// Ablates subcomponents of one site of any network whose inputs are rows: its matrix is the sum of all of them but one against the sum of all, and the rest of
/// the network is the target's. So the effect is the subcomponent's, and not what the sum lacks of the matrix.
/// </summary>
public sealed class OutputAblation
{
    private readonly int _c, _inputs, _features;
    private readonly OutputLoss _loss;
    private readonly Value _x, _mask, _all, _without;
    private readonly Program _program;

    /// <summary>Plans the passes with and without a subcomponent.</summary>
    /// <param name="model">The components.</param>
    /// <param name="site">The site.</param>
    /// <param name="features">Features of an input.</param>
    /// <param name="inputs">How many inputs are looked at together.</param>
    /// <param name="loss">How outputs are compared.</param>
    /// <param name="backend">What computes.</param>
    public OutputAblation(ComponentModel model, Site site, int features, int inputs, OutputLoss loss, Backend backend)
    {
        (_c, _features, _inputs, _loss) = (site.C, features, inputs, loss);
        var graph = new Graph();
        (_x, _mask) = (graph.Input(features), graph.Add(new Input(new Shape(Domain.Weights, _c))));
        _all = model.Network.Forward(model.MaskedPass(graph, [site], _ => null), _x);
        _without = model.Network.Forward(model.MaskedPass(graph, [site], _ => graph.Add(new Broadcast(_mask))), _x);
        _program = backend.Compile(new Objective(graph), inputs, keep: [_all, _without]);
    }

    /// <summary>Ablates one subcomponent.</summary>
    /// <param name="c">The subcomponent.</param>
    /// <param name="inputs">Row-major <c>[count, features]</c>, with 1 row to as many as were planned.</param>
    /// <exception cref="ArgumentException">There is no row, or are too many.</exception>
    public OutputEffect Of(int c, float[] inputs)
    {
        int count = inputs.Length / _features;
        if (count < 1 || count > _inputs) throw new ArgumentException($"{count} inputs were given, but 1 to {_inputs} are planned");
        float[] mask = new float[_c], rows = new float[_inputs * _features];
        Array.Fill(mask, 1);
        mask[c] = 0;
        inputs.CopyTo(rows, 0);
        _program.Set(_mask, mask);
        _program.Set(_x, rows);
        _program.Run(seed: 0, step: 0);
        var (all, without) = (_program.Read(_all), _program.Read(_without));
        int outputs = all.Length / _inputs;
        double error = 0;
        double[] change = new double[outputs];
        for (int row = 0; row < count; row++)
        {
            ReadOnlySpan<float> with = all.AsSpan(row * outputs, outputs), other = without.AsSpan(row * outputs, outputs);
            for (int i = 0; i < outputs; i++) change[i] += ((double)other[i] - with[i]) / count;
            error += Error(with, other) / count;
        }

        return new OutputEffect(count, error, change);
    }

    private double Error(ReadOnlySpan<float> with, ReadOnlySpan<float> without)
    {
        double error = 0;
        if (_loss == OutputLoss.Mse)
        {
            for (int i = 0; i < with.Length; i++) error += ((double)without[i] - with[i]) * ((double)without[i] - with[i]) / with.Length;
            return error;
        }

        double[] p = Ablation.LogProbabilities(with), q = Ablation.LogProbabilities(without);
        for (int i = 0; i < p.Length; i++) error += Math.Exp(p[i]) * (p[i] - q[i]);
        return error;
    }
}
