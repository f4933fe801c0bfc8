using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>
/// How many subcomponents are needed, by a power: <c>Σ_s Σ_c mean (ĝ + ε)^p</c>, each times <c>1 + β log₂(1 + sum)</c>, mean and sum being over the positions of
/// the batch (VPD §2, recipe A).
/// </summary>
public sealed record ImportanceMinimalityLoss : LossTerm
{
    /// <summary>p at the beginning, above 0.</summary>
    [Positive]
    public double Pnorm { get; init; } = 2;

    /// <summary>ε, above 0.</summary>
    [Positive]
    public double Eps { get; init; } = 1e-12;

    /// <summary>β: the weight of how often a subcomponent is needed; 0 leaves it out.</summary>
    [NotNegative]
    public double Beta { get; init; }

    /// <summary>p at the end of its way; null leaves it as it is.</summary>
    [Positive]
    public double? PAnnealFinalP { get; init; }

    /// <summary>The share of the steps after which p begins to move.</summary>
    [Share]
    public double PAnnealStartFrac { get; init; } = 1;

    /// <summary>The share of the steps after which it has come to its end.</summary>
    [Share]
    public double PAnnealEndFrac { get; init; } = 1;

    protected override string DefaultName => LossNames.ImportanceMinimality;

    public override bool DependsOnSteps => PAnnealFinalP is not null && PAnnealStartFrac < 1;

    /// <summary>p at each step of so many.</summary>
    public Schedule PowerOver(int steps) => PAnnealFinalP is { } final ? new FractionSchedule(steps, PAnnealStartFrac, PAnnealEndFrac, Pnorm, final) : Pnorm;

    internal override void AddTo(LossContext context)
    {
        var graph = context.Graph;
        foreach (var site in context.Target.Sites)
        {
            var mean = Frequencies.MeanOf(graph, graph.Add(new PowerOf(site.PenalisedImportance, graph.Number(PowerOver(context.Settings.Steps)), (float)Eps)));
            var cost = Beta == 0 ? mean : graph.Plus(mean, graph.Scale(graph.Add(new FrequencyCost(mean, context.Batch.Positions)), Beta));
            context.Objective.Add(Name, Frequencies.Total(graph, cost), 1, Coeff);
        }
    }
}

/// <summary>
/// How many subcomponents are needed, by a smooth count: with <c>f = mean ĝ² / (ĝ² + γ²)</c> over the positions of the batch, the activity <c>Σ_s Σ_c f</c> and the
/// frequency <c>Σ_s Σ_c f log₂(1 + a' f)</c>, each with a coefficient (VPD §2, recipes B and C).
/// </summary>
public sealed record SmoothImportanceLoss : LossTerm
{
    /// <summary>Coefficient of the frequency; 0 leaves it out.</summary>
    [NotNegative]
    public double FrequencyCoeff { get; init; }

    /// <summary>a': how many positions a frequency counts, whatever the batch has.</summary>
    [Positive]
    public double ReferenceDatapointCount { get; init; } = 32_768;

    /// <summary>γ at the beginning, above 0.</summary>
    [Positive]
    public double GammaStart { get; init; } = 1;

    /// <summary>γ at the end, above 0.</summary>
    [Positive]
    public double GammaEnd { get; init; } = 0.01;

    /// <summary>The share of the steps after which γ has come to its end.</summary>
    [Share]
    public double GammaEndFrac { get; init; } = 1;

    /// <summary>Whether the count is 1 at 1, and not <c>1 / (1 + γ²)</c>.</summary>
    public bool NormalizeAtOne { get; init; }

    /// <summary>Half-life, in steps, of a moving average that the frequency is taken from; null takes the batch's own.</summary>
    [Positive]
    public double? FrequencyHalflife { get; init; }

    protected override string DefaultName => LossNames.ImportanceMinimality;

    public override bool DependsOnSteps => GammaStart != GammaEnd;

    /// <summary>γ at each step of so many: the end is reached at the last.</summary>
    public Schedule GammaOver(int steps)
    {
        long last = Math.Max(1, (long)Math.Round(GammaEndFrac * (steps - 1)));
        return new Knots((0, GammaStart), (last, GammaEnd));
    }

    internal override void AddTo(LossContext context)
    {
        var graph = context.Graph;
        var gamma = graph.Number(GammaOver(context.Settings.Steps));
        foreach (var site in context.Target.Sites)
        {
            var frequency = Frequencies.MeanOf(graph, graph.Add(new SmoothCount(site.PenalisedImportance, gamma, NormalizeAtOne)));
            context.Objective.Add(Name, Frequencies.Total(graph, frequency), 1, Coeff);
            if (FrequencyCoeff == 0) continue;
            var counted = frequency;
            if (FrequencyHalflife is { } halflife)
            {
                var average = new MovingFrequencies(site.Site, halflife);
                context.Averages.Add(average);
                counted = average.Build(graph, frequency);
            }

            context.Objective.Add(LossNames.ImportanceFrequency, Frequencies.Total(graph, graph.Add(new FrequencyCost(counted, ReferenceDatapointCount))), 1, FrequencyCoeff);
        }
    }
}

/// <summary>How often each subcomponent of a site is needed, as a moving average over steps: <c>e ← 2^(−1/h) e + (1 − 2^(−1/h)) f</c>, made unbiased.</summary>
internal sealed class MovingFrequencies(Site site, double halflife)
{
    private readonly double _toward = -double.ExpM1(-Math.Log(2) / halflife);

    /// <summary>e before the step <c>[C]</c>.</summary>
    public Parameter Average { get; } = new($"{site.Name}.mean_frequency", site.C);

    /// <summary>f of the batch.</summary>
    public Value Batch { get; private set; } = null!;

    /// <summary>The unbiased average with the batch's own in it, whose derivative by f is taken as 1.</summary>
    public Value Build(Graph graph, Value batch)
    {
        Batch = batch;
        var own = graph.Scale(batch, graph.Number(new Unbiased(halflife, _toward, IsInverse: false)));
        return graph.Plus(
            graph.Scale(graph.Weight(Average), graph.Number(new Unbiased(halflife, 1 - _toward, IsInverse: false))),
            graph.Add(new ScaledGradient(own, graph.Number(new Unbiased(halflife, _toward, IsInverse: true)))));
    }

    /// <summary>Takes in the frequencies of a batch.</summary>
    public void Add(ReadOnlySpan<float> frequencies)
    {
        for (int c = 0; c < frequencies.Length; c++) Average.Values[c] += (float)(_toward * (frequencies[c] - (double)Average.Values[c]));
    }

    /// <summary><c>times / (1 − 2^(−(n+1)/h))</c> after n steps, or one by that.</summary>
    private sealed record Unbiased(double Halflife, double Times, bool IsInverse) : Schedule
    {
        public override double At(long step)
        {
            double factor = Times / -double.ExpM1(-Math.Log(2) * (step + 1) / Halflife);
            return IsInverse ? 1 / factor : factor;
        }
    }
}

/// <summary>A straight way from one number to another over a part of the steps, by <c>step / steps</c>.</summary>
/// <param name="Steps">All steps.</param>
/// <param name="StartFrac">The share of them at which it begins; from 1 on it never does.</param>
/// <param name="EndFrac">The share at which it ends, not below the other.</param>
/// <param name="Start">The number before.</param>
/// <param name="End">The number behind.</param>
public sealed record FractionSchedule(int Steps, double StartFrac, double EndFrac, double Start, double End) : Schedule
{
    public override double At(long step)
    {
        double fraction = (double)step / Steps;
        return fraction < StartFrac || StartFrac >= 1 ? Start : fraction >= EndFrac ? End : Start + (End - Start) * (fraction - StartFrac) / (EndFrac - StartFrac);
    }
}

/// <summary>Means over the batch, and sums of what follows from them.</summary>
internal static class Frequencies
{
    public static Value MeanOf(Graph graph, Value panel) => graph.Add(new Scale(graph.Add(new RowSum(panel)), null, IsMean: true));

    public static Value Total(Graph graph, Value vector)
    {
        var ones = new Parameter("ones", vector.Rows);
        ones.Values.Fill(1);
        return graph.Add(new InnerProduct(vector, graph.Weight(ones)));
    }
}
