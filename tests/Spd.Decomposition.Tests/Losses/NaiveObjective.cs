using Spd.Engine;
using Spd.Engine.Operations;
using Spd.Networks;

namespace Spd.Decomposition.Tests.Losses;

/// <summary>
/// Every loss of METHOD §4 for a chain of linear maps with activations between them, in plain double loops that share nothing with the library but the
/// formulas. Parameters are copies, so that they can be varied one by one.
/// </summary>
internal sealed class NaiveObjective
{
    private readonly ComponentModel _model;
    private readonly List<(Linear? Linear, int Activation)> _stages = [];
    private readonly double[][] _batch;

    public NaiveObjective(ComponentModel model, Sequential network, float[] batch, int rows)
    {
        _model = model;
        foreach (var (_, module) in network.NamedModules())
        {
            _stages.Add(module switch
            {
                Linear linear => (linear, 0),
                Activation { Name: ActivationName.Relu } => (null, 1),
                Activation { Name: ActivationName.Gelu } => (null, 2),
                _ => throw new NotSupportedException(module.GetType().Name),
            });
        }

        _batch = [.. batch.Chunk(batch.Length / rows).Select(row => row.Select(value => (double)value).ToArray())];
        Values = model.Parameters.Parameters.ToDictionary(
            parameter => parameter, parameter => parameter.Values.ToArray().Select(value => (double)value).ToArray());
    }

    /// <summary>The parameters, to be varied.</summary>
    public Dictionary<Parameter, double[]> Values { get; }

    /// <summary>One loss by its name, with the given random numbers for the stochastic ones: r of purpose, sample and site, <c>[rows, C]</c>.</summary>
    public double Loss(string name, DecompositionOptions options, Func<StreamPurpose, int, int, float[]> uniforms)
    {
        double sum = 0;
        for (int row = 0; row < _batch.Length; row++)
        {
            int at = row;
            var (target, h) = Target(_batch[row]);
            double[][] gates = [.. _model.Sites.Select(site => Gates(site, h[site.Index]))];
            double[][] g = [.. gates.Select(values => values.Select(x => x > 1 ? 1 : x > 0 ? x : 0.01 * x).ToArray())];
            double Distance(Dictionary<int, double[]> masks) => DistanceBetween(Forward(_batch[at], masks), target, options.OutputLossType);
            double[] Stochastic(StreamPurpose purpose, int sample, int site) =>
                [.. g[site].Select((value, c) => value + (1 - value) * uniforms(purpose, sample, site)[at * g[site].Length + c])];
            double Penalty(Site site, Func<int, double> weight) =>
                gates[site.Index].Select((x, c) => weight(c) * Math.Pow(x > 1 ? 1 + 0.01 * (x - 1) : Math.Max(x, 0), options.Pnorm)).Sum();
            int[] sites = [.. Enumerable.Range(0, g.Length)];
            int[] samples = [.. Enumerable.Range(0, options.NMaskSamples)];
            sum += name switch
            {
                LossNames.Recon => Distance(sites.ToDictionary(site => site, site => g[site])),
                LossNames.ReconLayerwise => sites.Average(site => Distance(new() { [site] = g[site] })),
                LossNames.OutRecon => Distance(sites.ToDictionary(site => site, site => g[site].Select(_ => 1.0).ToArray())),
                LossNames.StochasticRecon => samples.Average(s => Distance(sites.ToDictionary(site => site, site => Stochastic(DecompositionStreams.Masks, s, site)))),
                LossNames.StochasticReconLayerwise => samples.Average(s =>
                    sites.Average(site => Distance(new() { [site] = Stochastic(DecompositionStreams.LayerwiseMasks, s, site) }))),
                LossNames.ImportanceMinimality => _model.Sites.Sum(site => Penalty(site, _ => 1)),
                LossNames.Schatten => _model.Sites.Sum(site => Penalty(site, c => SquaredNorm(site.V, c) + SquaredNorm(site.U, c))),
                LossNames.Faithfulness => Faithfulness(),
                _ => throw new NotSupportedException(name),
            };
        }

        return sum / _batch.Length;
    }

    public static double Gelu(double x)
    {
        double term = x, sum = x;
        for (int i = 1; Math.Abs(term) > 1e-17 && i < 500; i++)
        {
            term *= x * x / (2 * i + 1);
            sum += term;
        }

        return x * (0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
    }

    private double Faithfulness()
    {
        double sum = 0;
        int entries = 0;
        foreach (var site in _model.Sites)
        {
            double[] v = Values[site.V], u = Values[site.U];
            int inputs = site.Linear.Inputs, outputs = site.Linear.Outputs;
            entries += inputs * outputs;
            for (int o = 0; o < outputs; o++)
            {
                for (int i = 0; i < inputs; i++)
                {
                    double difference = site.Linear.Weight[o, i];
                    for (int c = 0; c < site.C; c++) difference -= u[c * outputs + o] * v[c * inputs + i];
                    sum += difference * difference;
                }
            }
        }

        return sum / entries;
    }

    private (double[] Output, double[][] Inner) Target(double[] x)
    {
        double[][] inner = new double[_model.Sites.Count][];
        foreach (var (linear, activation) in _stages)
        {
            if (linear is null)
            {
                x = Activate(x, activation);
                continue;
            }

            if (_model.Sites.FirstOrDefault(site => site.Linear == linear) is { } site) inner[site.Index] = Times(Values[site.V], x);
            x = Apply(linear, x);
        }

        return (x, inner);
    }

    private double[] Forward(double[] x, Dictionary<int, double[]> masks)
    {
        foreach (var (linear, activation) in _stages)
        {
            var site = _model.Sites.FirstOrDefault(candidate => candidate.Linear == linear);
            if (linear is null) x = Activate(x, activation);
            else if (site is null || !masks.TryGetValue(site.Index, out double[]? mask)) x = Apply(linear, x);
            else
            {
                double[] inner = Times(Values[site.V], x), u = Values[site.U];
                int outputs = linear.Outputs;
                x =
                [
                    .. Enumerable.Range(0, outputs).Select(o =>
                        (linear.Bias?.Values[o] ?? 0) + inner.Select((h, c) => h * mask[c] * u[c * outputs + o]).Sum()),
                ];
            }
        }

        return x;
    }

    private double[] Gates(Site site, double[] h)
    {
        var gate = site.Gate;
        if (gate.Width == 0) return [.. h.Select((value, c) => value * Values[gate.Weight!][c] + Values[gate.Bias!][c])];
        double[] wIn = Values[gate.MlpIn!], bIn = Values[gate.InBias!], wOut = Values[gate.MlpOut!], bOut = Values[gate.OutBias!];
        return [.. h.Select((value, c) => bOut[c] + Enumerable.Range(c * gate.Width, gate.Width).Sum(ck => wOut[ck] * Gelu(wIn[ck] * value + bIn[ck])))];
    }

    private double SquaredNorm(Parameter parameter, int row) =>
        Values[parameter].Skip(row * parameter.Columns).Take(parameter.Columns).Sum(value => value * value);

    private static double DistanceBetween(double[] output, double[] target, OutputLoss kind)
    {
        if (kind == OutputLoss.Mse) return output.Zip(target, (a, b) => (a - b) * (a - b)).Average();
        double normaliserQ = output.Sum(Math.Exp), normaliserP = target.Sum(Math.Exp);
        return output.Zip(target, (q, p) => Math.Exp(p) / normaliserP * (p - Math.Log(normaliserP) - q + Math.Log(normaliserQ))).Sum();
    }

    private static double[] Times(double[] matrix, double[] x) => [.. matrix.Chunk(x.Length).Select(row => row.Zip(x, (a, b) => a * b).Sum())];

    private static double[] Apply(Linear linear, double[] x) =>
        [.. Enumerable.Range(0, linear.Outputs).Select(o => (linear.Bias?.Values[o] ?? 0) + x.Select((value, i) => value * linear.Weight[o, i]).Sum())];

    private static double[] Activate(double[] x, int activation) => [.. x.Select(value => activation == 1 ? Math.Max(value, 0) : Gelu(value))];
}
