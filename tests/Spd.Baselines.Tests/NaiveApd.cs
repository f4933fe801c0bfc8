using Spd.Engine;

namespace Spd.Baselines.Tests;

/// <summary>METHOD §10 as it is written, in double, a row and a component at a time; derivatives of the output by central differences.</summary>
internal sealed class NaiveApd(ApdModel model, float[] batch, int rows)
{
    private readonly Dictionary<Parameter, double[]> _values = model.Parameters.Parameters.ToDictionary(
        parameter => parameter, parameter => parameter.Values.ToArray().Select(value => (double)value).ToArray());

    /// <summary>The values of every parameter; may be changed.</summary>
    public IReadOnlyDictionary<Parameter, double[]> Values => _values;

    public double Attribution(AttributionModel of, int row, int c)
    {
        double[][,] weights = of == AttributionModel.Target ? [Target(0), Target(1)] : [Sum(0, All), Sum(1, All)];
        double[] x1 = Row(row), x2 = Times(weights[0], x1);
        double[] z1 = x2, z2 = Times(weights[1], x2);
        double[][] parts = [Times(Component(0, c), x1), Times(Component(1, c), x2)];
        double sum = 0;
        for (int o = 0; o < z2.Length; o++)
        {
            double through = 0;
            for (int i = 0; i < z1.Length; i++) through += parts[0][i] * Slope(h => Output(Times(weights[1], Moved(z1, i, h)))[o]);
            for (int i = 0; i < z2.Length; i++) through += parts[1][i] * Slope(h => Output(Moved(z2, i, h))[o]);
            sum += through * through;
        }

        return sum;
    }

    public double ParamMatch()
    {
        double sum = 0;
        for (int l = 0; l < 2; l++)
        {
            var (target, all) = (Target(l), Sum(l, All));
            for (int o = 0; o < target.GetLength(0); o++)
                for (int i = 0; i < target.GetLength(1); i++)
                    sum += Math.Pow(target[o, i] - all[o, i], 2);
        }

        return sum / model.TargetEntries;
    }

    public double TopkRecon(bool[] active)
    {
        double sum = 0;
        int outputs = model.Network.Config.NFeatures;
        for (int row = 0; row < rows; row++)
        {
            int first = row * model.C;
            double[] masked = Output(Times(Sum(1, c => active[first + c]), Times(Sum(0, c => active[first + c]), Row(row))));
            double[] target = Output(Times(Target(1), Times(Target(0), Row(row))));
            sum += masked.Zip(target, (a, b) => (a - b) * (a - b)).Sum();
        }

        return sum / (rows * outputs);
    }

    public double Schatten(bool[] active, double p)
    {
        double sum = 0;
        foreach (var matrix in model.Matrices)
        {
            for (int row = 0; row < rows; row++)
            {
                for (int i = 0; i < matrix.V.Rows; i++)
                {
                    double mask = active[row * model.C + i / matrix.Rank] ? 1 : 0;
                    sum += Math.Pow(mask * Square(matrix.V, i) * Square(matrix.U, i) + 1e-16, p / 2);
                }
            }
        }

        return sum / (model.TargetEntries * (double)rows);
    }

    private static bool All(int c) => true;

    private double[] Row(int row) => [.. batch.Skip(row * model.Network.Config.NFeatures).Take(model.Network.Config.NFeatures).Select(value => (double)value)];

    private double[] Output(double[] z2) => [.. z2.Select((value, o) => Math.Max(value + model.Network.Linear2.Bias!.Values[o], 0))];

    private double[,] Target(int l)
    {
        var matrix = model.Matrices[l];
        double[,] weight = new double[matrix.Outputs, matrix.Inputs];
        for (int o = 0; o < matrix.Outputs; o++)
            for (int i = 0; i < matrix.Inputs; i++)
                weight[o, i] = matrix.Target[o, i];
        return weight;
    }

    private double[,] Component(int l, int c) => Sum(l, other => other == c);

    private double[,] Sum(int l, Func<int, bool> isIn)
    {
        var matrix = model.Matrices[l];
        double[,] sum = new double[matrix.Outputs, matrix.Inputs];
        for (int row = 0; row < matrix.V.Rows; row++)
        {
            if (!isIn(row / matrix.Rank)) continue;
            for (int o = 0; o < matrix.Outputs; o++)
                for (int i = 0; i < matrix.Inputs; i++)
                    sum[o, i] += _values[matrix.U][row * matrix.Outputs + o] * _values[matrix.V][row * matrix.Inputs + i];
        }

        return sum;
    }

    private double Square(Parameter factor, int row) => _values[factor].Skip(row * factor.Columns).Take(factor.Columns).Sum(value => value * value);

    private static double Slope(Func<double, double> f) => (f(1e-6) - f(-1e-6)) / 2e-6;

    private static double[] Moved(double[] x, int at, double by) => [.. x.Select((value, i) => i == at ? value + by : value)];

    private static double[] Times(double[,] matrix, double[] x) =>
        [.. Enumerable.Range(0, matrix.GetLength(0)).Select(o => x.Select((value, i) => matrix[o, i] * value).Sum())];
}
