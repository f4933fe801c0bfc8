using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Losses;

/// <summary>Each loss term against <see cref="NaiveObjective"/>: values, and gradients of every parameter against finite differences in double.</summary>
public sealed class LossGradientTests
{
    private const int Rows = 37;

    private static readonly string[] Names =
    [
        LossNames.Faithfulness, LossNames.Recon, LossNames.StochasticRecon, LossNames.ReconLayerwise, LossNames.StochasticReconLayerwise,
        LossNames.ImportanceMinimality, LossNames.Schatten, LossNames.OutRecon,
    ];

    public static TheoryData<string, int, OutputLoss, double> Terms
    {
        get
        {
            var terms = new TheoryData<string, int, OutputLoss, double>();
            foreach (string name in Names)
            {
                foreach (int k in new[] { 0, 3 })
                {
                    if (name is LossNames.ImportanceMinimality or LossNames.Schatten)
                    {
                        foreach (double p in new[] { 0.9, 1, 2, 2.5 }) terms.Add(name, k, OutputLoss.Mse, p);
                    }
                    else
                    {
                        terms.Add(name, k, OutputLoss.Mse, 1);
                        if (name != LossNames.Faithfulness) terms.Add(name, k, OutputLoss.Kl, 1);
                    }
                }
            }

            return terms;
        }
    }

    // That of an embedding is compared with what the authors' own function gives, by TransformerGoldenTests; what the successor adds, by FunctionGoldenTests.
    [Fact]
    public void EveryLossOfTheMethodIsChecked() => Assert.Equal(
        typeof(LossNames).GetFields().Select(field => (string)field.GetRawConstantValue()!).Order(), Names.Append(LossNames.EmbeddingRecon).Append(LossNames.ImportanceFrequency).Order());

    [Theory]
    [MemberData(nameof(Terms))]
    public void ATermHasTheValueAndTheGradientsOfItsFormula(string name, int k, OutputLoss distance, double p)
    {
        // Two replaced sites of different C, and a third map, after them, that is not decomposed.
        var network = Given.Chain(4, 3, 5, 2);
        foreach (var (_, linear) in network.LinearMaps())
        {
            foreach (ref float weight in linear.Weight.Values) weight *= 2.5f;
        }

        var model = ComponentModel.Create(network, ["linear0", "linear1"], c: 1, k, seed: 8, new Dictionary<string, int> { ["*0"] = 6, ["*1"] = 9 });
        for (int i = 0; i < model.Parameters.Parameters.Count; i++)
        {
            var parameter = model.Parameters.Parameters[i];
            if (parameter.Name.Contains("bias", StringComparison.Ordinal)) Given.Numbers(parameter.Count, 100 + i, -0.3, 0.9).CopyTo(parameter.Values);
        }

        var options = With(name, 0.7) with { NMaskSamples = 2, NCiMlpNeurons = k, BatchSize = Rows, OutputLossType = distance, Pnorm = p, Lr = double.Epsilon };
        float[] batch = Given.Numbers(Rows * 4, seed: 5);
        var uniforms = new Dictionary<(StreamPurpose, int, int), float[]>();
        float[] Uniforms(StreamPurpose purpose, int sample, int site) =>
            uniforms.TryGetValue((purpose, sample, site), out float[]? numbers) ? numbers
                : uniforms[(purpose, sample, site)] = Given.Numbers(Rows * model.Sites[site].C, 1000 * purpose.Number + 10 * sample + site, 0, 1);
        var inputs = new List<(Value Input, float[] Values)>();
        MaskSource Source(StreamPurpose purpose) => Masks.From((graph, site, sample) =>
        {
            var input = graph.Input(site.Site.C);
            inputs.Add((input, Uniforms(purpose, sample, site.Site.Index)));
            return input;
        });

        using var backend = TestBackend.Create();
        var data = new GivenData(4);
        var step = new DecompositionStep(model, data, options, backend, stochasticMasks: Source);
        if (name != LossNames.Faithfulness) inputs.Add((data.Input, batch));
        foreach (var (input, values) in inputs) step.Program.Set(input, values);
        var result = step.Run(0);
        var naive = new NaiveObjective(model, network, batch, Rows);
        double Loss() => naive.Loss(name, options, Uniforms);
        double expected = Loss();
        Assert.Equal([name], result.Losses.Select(loss => loss.Name));
        Assert.InRange(Math.Abs(result.Loss(name) - expected), 0, 1e-5 * expected + 1e-7);
        Assert.Equal(0.7 * result.Loss(name), result.TotalLoss, 1e-12);

        bool any = false;
        foreach (var parameter in model.Parameters.Parameters)
        {
            double[] values = naive.Values[parameter];
            int[] entries = [0, values.Length / 3, values.Length / 2, values.Length - 1];
            double[] differences = [.. entries.Select(entry =>
            {
                const double H = 1e-6;
                double original = values[entry];
                values[entry] = original + H;
                double above = Loss();
                values[entry] = original - H;
                double below = Loss();
                values[entry] = original;
                return 0.7 * (above - below) / (2 * H);
            })];
            float[] gradient = step.Gradients.Of(parameter).ToArray();
            double largest = gradient.Max(value => Math.Abs(value));
            any |= largest > 1e-3;
            for (int i = 0; i < entries.Length; i++)
            {
                if (!(Math.Abs(differences[i] - gradient[entries[i]]) <= 2e-4 * largest + 1e-7))
                    Assert.Fail($"{parameter.Name}[{entries[i]}]: {gradient[entries[i]]:G6}, by differences {differences[i]:G6}");
            }
        }

        Assert.True(any, "all gradients are next to nothing, so that nothing was checked");
    }

    [Fact]
    public void TheTotalIsTheWeightedSumAndItsGradientTheSumOfTheTerms()
    {
        var coefficients = Names.Select((name, i) => (name, 0.1 + 0.3 * i)).ToList();
        var all = coefficients.Aggregate(Empty, (options, entry) => Set(options, entry.name, entry.Item2));
        var (total, gradient) = Run(all);
        double expected = 0;
        double[] sum = new double[gradient.Length];
        foreach (var (name, coefficient) in coefficients)
        {
            var (loss, part) = Run(Set(Empty, name, coefficient));
            expected += loss;
            for (int i = 0; i < sum.Length; i++) sum[i] += part[i];
        }

        Assert.Equal(expected, total, 1e-9);
        for (int i = 0; i < sum.Length; i++) Assert.Equal(sum[i], gradient[i], 1e-5);
        var (zero, none) = Run(coefficients.Aggregate(Empty, (options, entry) => Set(options, entry.name, 0)));
        Assert.Equal(0, zero);
        Assert.All(none, value => Assert.Equal(0, value));

        (double Total, double[] Gradient) Run(DecompositionOptions options)
        {
            var model = ComponentModel.Create(Given.Chain(4, 3, 2), ["linear*"], c: 6, k: 2, seed: 8);
            using var backend = TestBackend.Create(1);
            var data = new GivenData(4);
            var step = new DecompositionStep(
                model, data, options with { C = 6, NCiMlpNeurons = 2, BatchSize = 100, Lr = double.Epsilon }, backend);
            if (step.Program.Plan.Find(data.Input) is not null) step.Program.Set(data.Input, Given.Numbers(400, seed: 1));
            return (
                step.Run(3).TotalLoss,
                [.. model.Parameters.Parameters.SelectMany(parameter => step.Gradients.Of(parameter).ToArray().Select(value => (double)value))]);
        }
    }

    private static readonly DecompositionOptions Empty = new()
    {
        FaithfulnessCoeff = null,
        StochasticReconCoeff = null,
        StochasticReconLayerwiseCoeff = null,
        ImportanceMinimalityCoeff = null,
        TargetModulePatterns = ["*"],
    };

    private static DecompositionOptions With(string name, double coefficient) => Set(Empty, name, coefficient);

    private static DecompositionOptions Set(DecompositionOptions options, string name, double coefficient) => name switch
    {
        LossNames.Faithfulness => options with { FaithfulnessCoeff = coefficient },
        LossNames.Recon => options with { ReconCoeff = coefficient },
        LossNames.StochasticRecon => options with { StochasticReconCoeff = coefficient },
        LossNames.ReconLayerwise => options with { ReconLayerwiseCoeff = coefficient },
        LossNames.StochasticReconLayerwise => options with { StochasticReconLayerwiseCoeff = coefficient },
        LossNames.ImportanceMinimality => options with { ImportanceMinimalityCoeff = coefficient },
        LossNames.Schatten => options with { SchattenCoeff = coefficient },
        LossNames.OutRecon => options with { OutReconCoeff = coefficient },
        _ => throw new NotSupportedException(name),
    };
}
