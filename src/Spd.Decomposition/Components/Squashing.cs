using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>How outputs of causal importance functions become causal importances: one function for masks, <c>g</c>, and one for the minimality loss, <c>ĝ</c>.</summary>
public enum Squashing
{
    /// <summary>Hard sigmoids as the SPD paper has them: for masks <c>0.01 x</c> below 0, for minimality <c>1 + 0.01 (x − 1)</c> above 1 (METHOD §2).</summary>
    Paper,

    /// <summary>Hard sigmoids that leak for masks in the derivative alone, and for minimality above 1 (VPD §2).</summary>
    LeakyHard,

    /// <summary>The logistic function.</summary>
    Normal,

    /// <summary>x within [0, 1].</summary>
    Hard,

    /// <summary><see cref="LeakyHard"/>'s function for minimality, for both.</summary>
    UpperLeakyHard,

    /// <summary>A smooth hard sigmoid made of swishes.</summary>
    SwishHard,
}

/// <summary>The functions of a <see cref="Squashing"/>.</summary>
internal static class Squashings
{
    private const float Leak = 0.01f;

    /// <summary>g: what masks are made of.</summary>
    public static Value ForMasks(this Squashing squashing, Graph graph, Value x) => graph.Add(squashing switch
    {
        Squashing.Paper => new LowerLeakyHardSigmoid(x),
        Squashing.LeakyHard => new LeakyHardSigmoid(x),
        _ => squashing.Both(x),
    });

    /// <summary>ĝ: what the minimality loss sees.</summary>
    public static Value ForMinimality(this Squashing squashing, Graph graph, Value x) => graph.Add(squashing switch
    {
        Squashing.Paper => new UpperLeakyHardSigmoid(x),
        Squashing.LeakyHard => new HardSigmoid(x, Leak),
        _ => squashing.Both(x),
    });

    private static Map Both(this Squashing squashing, Value x) => squashing switch
    {
        Squashing.Normal => new Sigmoid(x),
        Squashing.Hard => new HardSigmoid(x),
        Squashing.UpperLeakyHard => new HardSigmoid(x, Leak),
        Squashing.SwishHard => new SwishHardSigmoid(x),
        _ => throw new ArgumentOutOfRangeException(nameof(squashing), squashing, "no such squashing"),
    };
}
