using Spd.Decomposition;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>
/// What the numbers of a run cannot mean, though they stand there: each remark is a sentence without its full stop that says what is seen, what follows from it,
/// and what to do.
/// </summary>
internal static class Remarks
{
    // In the runs of docs/results.md that are good, the worst masks leave up to 11 times the error of random and importance masks.
    private const double FarAbove = 20;
    // The error with all subcomponents against that with masks, and what the parts miss of a matrix, as a share of its norm.
    private const double NotSmall = 0.5, MuchMissing = 0.1;
    // Images have a border that never varies: that of MNIST's is a fifth of them.
    private const double MuchOfAnImage = 0.5;
    // Importances of a site of which so many are nearly 1 call nothing unneeded.
    private const double NearlyAll = 0.95, NearlyOne = 0.9;
    private const double Negligible = 1e-3;
    private const long MostWork = 300_000_000;
    private const int MostNames = 8;
    private const string LookAtNetwork = "look at input_scale, weight_layout, activation, the order of the layers";

    /// <summary>The remarks.</summary>
    /// <param name="summary">What was measured.</param>
    /// <param name="matrices">The matrices that are decomposed.</param>
    /// <param name="evaluation">The evaluation; null where nothing could be evaluated.</param>
    /// <param name="rows">The rows of a file that the decomposition is trained and measured on; null where inputs are drawn.</param>
    public static IReadOnlyList<string> Of(RunSummary summary, IReadOnlyList<FactoredMatrix> matrices, Evaluation? evaluation, LabelledRows? rows) =>
    [
        .. rows is null ? [] : OfData(summary, rows),
        .. OfRanks(matrices),
        .. evaluation is null ? [] : OfImportances(matrices, evaluation),
        .. evaluation is null ? [] : OfErrors(matrices, evaluation),
        .. OfColumns(summary),
    ];

    private static IEnumerable<string> OfData(RunSummary summary, LabelledRows rows)
    {
        if (rows.Labels is { } labels)
        {
            int[] trained = [.. rows.Training.Labels!.Distinct().Order()], measured = [.. rows.HeldOut.Labels!.Distinct().Order()];
            int[] unseen = [.. measured.Except(trained)];
            bool isSorted = Enumerable.Range(1, labels.Length - 1).All(i => labels[i - 1] <= labels[i]);
            const string Shuffle = "shuffle the rows of inputs and labels together, and run again";
            if (labels.All(label => label == labels[0]))
            {
                yield return $"all labels are {labels[0]}, so accuracies say nothing: look at target.data.labels";
            }
            else if (unseen.Length > 0)
            {
                int count = rows.HeldOut.Labels!.Count(unseen.Contains);
                yield return
                    $"{count} of the {rows.HeldOut.Count} held-out rows are of classes that no training row has ({Listed(unseen)})"
                    + $"{(isSorted ? ", because the labels are sorted" : "")}: what is measured on them is not what was trained; {Shuffle}";
            }
            else if (measured.Length == 1)
            {
                yield return $"all {rows.HeldOut.Count} held-out rows are of class {measured[0]}{(isSorted ? ", because the labels are sorted" : "")}, "
                    + $"so that nothing is measured on the others; {Shuffle}";
            }

            double commonest = (double)rows.HeldOut.Labels!.GroupBy(label => label).Max(group => group.Count()) / rows.HeldOut.Count;
            if (measured.Length > 1 && summary.Number("accuracy_target") is { } accuracy && accuracy <= commonest)
            {
                yield return $"the network itself classifies {Metric.Write(accuracy, NumberFormat.Share)} of the inputs correctly, no more than the share of the commonest "
                    + $"class ({Metric.Write(commonest, NumberFormat.Share)}): it seems to have learnt nothing, or its data are other ones; "
                    + $"{LookAtNetwork}, and the labels";
            }
        }

        if (rows.HeldOut.Targets is { } targets && summary.Number("task_mse_target") is { } error && ErrorOfMeans(targets, rows.HeldOut.Count) is var least && error >= least)
        {
            yield return $"the network itself has an error of {Written(error)} against the targets, no less than their means would have ({Written(least)}): "
                + $"it seems to have learnt nothing, or its data are other ones; {LookAtNetwork}, and the targets";
        }

        int[] constant = ConstantColumns(rows.Training);
        int all = rows.Inputs.Length / rows.Count;
        if (constant.Length > (rows.Shape.Count > 1 ? MuchOfAnImage * all : 0))
        {
            yield return $"{constant.Length} of {all} inputs never vary in the training rows ({Listed(constant)}), "
                + "so that nothing is learnt of what the network does with them: look at target.data.inputs if they should";
        }
    }

    private static IEnumerable<string> OfRanks(IReadOnlyList<FactoredMatrix> matrices)
    {
        foreach (var matrix in matrices.Where(matrix => !matrix.Linear.IsTied))
        {
            if (!IsBelowRank(matrix, out int rank, out bool isAll)) continue;
            yield return $"C is {matrix.C} for {matrix.Name}, whose matrix has rank {rank}{(isAll ? "" : " or more")}: its parts cannot sum to it, whatever their number of "
                + $"steps; set C to {(int)Math.Ceiling((double)rank / matrix.Rank)} or more";
        }
    }

    /// <summary>Whether there are too few parts to sum to a matrix.</summary>
    private static bool IsBelowRank(FactoredMatrix matrix, out int rank, out bool isAll)
    {
        int parts = matrix.C * matrix.Rank;
        (rank, isAll) = parts < Math.Min(matrix.Inputs, matrix.Outputs) ? Rank(matrix, parts) : (0, true);
        return rank > parts;
    }

    private static IEnumerable<string> OfImportances(IReadOnlyList<FactoredMatrix> matrices, Evaluation evaluation)
    {
        var sites = evaluation.Sites;
        string[] unused = [.. sites.Where(site => site.Alive == 0).Select(site => site.Name)];
        string input = evaluation.InputName;
        const string TooStrong = "a lower importance_minimality_coeff, or more steps, may help";
        if (unused.Length == sites.Count)
            yield return $"nothing is in use: no subcomponent has an importance above {Evaluator.AliveThreshold} on any {input}, so that there is nothing to interpret; {TooStrong}";
        else if (unused.Length > 0)
            yield return $"nothing is in use in {Listed(unused)}: no importance there is above {Evaluator.AliveThreshold} on any {input}; {TooStrong}";

        string[] needed =
        [
            .. from site in sites
               let matrix = matrices.FirstOrDefault(matrix => matrix.Name == site.Name)
               where matrix is not null && site.C > Math.Min(matrix.Inputs, matrix.Outputs) && ShareOfNeeded(site) > NearlyAll
               select site.Name,
        ];
        if (needed.Length > 0)
        {
            yield return $"nearly all importances in {Listed(needed)} are 1, though there are more subcomponents than the matrix needs: none is called unneeded; "
                + "a higher importance_minimality_coeff, or more steps, may help";
        }

        string[] crowded =
        [
            .. from site in sites
               let matrix = matrices.FirstOrDefault(matrix => matrix.Name == site.Name)
               where matrix is { Rank: 1 } && !needed.Contains(site.Name)
               let most = Math.Min(matrix.Inputs, matrix.Outputs)
               where site.L0 > most
               select $"{Metric.Write(site.L0, NumberFormat.Mean)} in {site.Name}, whose rank is {most} at most",
        ];
        if (crowded.Length > 0)
        {
            yield return $"more subcomponents are in use on an average {input} than would make up the whole matrix ({string.Join("; ", crowded)}): "
                + "that is no simpler than the matrix itself; more steps, or a higher importance_minimality_coeff, may help";
        }

        if (unused.Length < sites.Count && sites.All(site => site.Varying == 0))
        {
            yield return $"importances are the same on all {input}s, so that they tell no {input} from another: "
                + "look at the inputs, or try more steps, a larger C or another importance_minimality_coeff";
        }
    }

    private static IEnumerable<string> OfErrors(IReadOnlyList<FactoredMatrix> matrices, Evaluation evaluation)
    {
        double random = Math.Max(evaluation.StochasticRecon, evaluation.ImportanceMaskedRecon);
        if (evaluation.AdversarialRecon > FarAbove * random)
        {
            yield return $"the worst masks that were found leave an error of {Written(evaluation.AdversarialRecon)}, "
                + $"{Metric.Write(evaluation.AdversarialRecon / random, NumberFormat.Count)} times that of random and importance masks ({Written(random)}): "
                + "subcomponents that are called unneeded are needed together, so importances are not to be trusted; "
                + "more steps, or a lower importance_minimality_coeff, may help";
        }

        if (!(evaluation.UnmaskedRecon > NotSmall * random)) yield break;
        string[] missing =
        [
            .. from matrix in matrices
               where !matrix.Linear.IsTied
               let share = ShareMissing(matrix)
               where share > MuchMissing && !IsBelowRank(matrix, out _, out _)
               select $"{Metric.Write(share, NumberFormat.Share)} of {matrix.Name}",
        ];
        if (missing.Length > 0)
        {
            yield return $"the error with all subcomponents ({Written(evaluation.UnmaskedRecon)}) is not small against that with masks ({Written(random)}), "
                + $"and in weights they miss {Listed(missing)}: the parts do not sum to the network; more steps, or a higher faithfulness_coeff, may help";
        }
    }

    private static IEnumerable<string> OfColumns(RunSummary summary)
    {
        bool isShared = summary is { Status: RunStatus.Finished, IsOneToOne: false } && summary.Number(Metric.OneToOne) == 0;
        return isShared
            ? ["some columns share a subcomponent: the run was too short, or this seed ended in a local optimum; more steps, or another --seed, may help"]
            : [];
    }

    /// <summary>The share of importances that are nearly 1.</summary>
    private static double ShareOfNeeded(SiteEvaluation site)
    {
        long all = site.Importances.Sum();
        return all == 0 ? 0 : (double)site.Importances.Skip((int)(NearlyOne * site.Importances.Count)).Sum() / all;
    }

    private static int[] ConstantColumns(LabelledRows rows)
    {
        int width = rows.Inputs.Length / rows.Count;
        return [.. Enumerable.Range(0, rows.Count < 2 ? 0 : width).Where(column =>
        {
            for (int row = 1; row < rows.Count; row++)
                if (rows.Inputs[row * width + column] != rows.Inputs[column]) return false;
            return true;
        })];
    }

    /// <summary>
    /// The number of directions that a matrix is made of, those that are negligible beside the largest left out: Gram-Schmidt, the longest column first.
    /// It ends early where the matrix is large, and then says that there may be more.
    /// </summary>
    private static (int Rank, bool IsAll) Rank(FactoredMatrix matrix, int parts)
    {
        int inputs = matrix.Inputs, outputs = matrix.Outputs, most = Math.Min(inputs, outputs);
        double[][] columns = [.. Enumerable.Range(0, inputs).Select(i => Enumerable.Range(0, outputs).Select(o => (double)matrix.Target[o, i]).ToArray())];
        int limit = (int)Math.Clamp(MostWork / ((long)inputs * outputs), parts + 1, most);
        double first = 0;
        for (int rank = 0; rank < limit; rank++)
        {
            double[] longest = columns.MaxBy(column => column.Sum(value => value * value))!;
            double length = Math.Sqrt(longest.Sum(value => value * value));
            if (rank == 0) first = length;
            if (length <= Negligible * first) return (rank, true);
            double[] direction = [.. longest.Select(value => value / length)];
            foreach (double[] column in columns)
            {
                double along = 0;
                for (int o = 0; o < outputs; o++) along += column[o] * direction[o];
                for (int o = 0; o < outputs; o++) column[o] -= along * direction[o];
            }
        }

        return (limit, limit == most);
    }

    /// <summary>The norm of what the parts miss of a matrix, over that of the matrix.</summary>
    private static double ShareMissing(FactoredMatrix matrix)
    {
        double missing = 0, all = 0;
        foreach (var (part, whole) in matrix.Sum().Cast<float>().Zip(matrix.Target.Values.ToArray()))
        {
            missing += ((double)whole - part) * ((double)whole - part);
            all += (double)whole * whole;
        }

        return Math.Sqrt(missing / all);
    }

    /// <summary>The error of always giving the means of the targets.</summary>
    private static double ErrorOfMeans(float[] targets, int count)
    {
        int width = targets.Length / count;
        return Enumerable.Range(0, width).Average(output =>
        {
            double[] values = [.. Enumerable.Range(0, count).Select(row => (double)targets[row * width + output])];
            double mean = values.Average();
            return values.Average(value => (value - mean) * (value - mean));
        });
    }

    private static string Written(double error) => Metric.Write(error, NumberFormat.Error);

    private static string Listed<T>(IReadOnlyList<T> names) =>
        string.Join(", ", names.Take(MostNames)) + (names.Count > MostNames ? $" and {names.Count - MostNames} more" : "");
}
