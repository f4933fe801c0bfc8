using Spd.Decomposition;
using Spd.Networks.Targets;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>The known answer of a Toy Model of Superposition: each column of <c>linear1</c> is a mechanism (METHOD §8).</summary>
internal static class TmsEvidence
{
    /// <summary>How the subcomponents match the columns; nothing where <c>linear1</c> is not decomposed.</summary>
    /// <param name="matrices">The matrices that are decomposed.</param>
    /// <param name="network">The network.</param>
    public static IEnumerable<(string Metric, MetricValue Value)> Of(IReadOnlyList<FactoredMatrix> matrices, Tms network)
    {
        if (matrices.FirstOrDefault(matrix => matrix.Linear == network.Linear1) is not { } linear1) return [];
        var match = ColumnMatch.Of(linear1);
        var ofAll = ColumnMatch.Of(linear1, [.. Enumerable.Range(0, linear1.C)]);
        return
        [
            (Metric.Mmcs, new(match.Mmcs)), (Metric.Ml2r, new(match.Ml2r)), (Metric.OneToOne, new(match.IsOneToOne)),
            ("mmcs_all_subcomponents", new(ofAll.Mmcs)), ("ml2r_all_subcomponents", new(ofAll.Ml2r)),
        ];
    }
}
