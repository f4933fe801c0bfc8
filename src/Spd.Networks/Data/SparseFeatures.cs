using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks.Data;

/// <summary>How the active features of an example are chosen; names as in the released configs (<c>data_generation_type</c>).</summary>
public enum DataGenerationType
{
    /// <summary>Each feature on its own, with the feature probability.</summary>
    AtLeastZeroActive = 0,

    /// <summary>One feature.</summary>
    ExactlyOneActive = 1,

    /// <summary>Two features.</summary>
    ExactlyTwoActive = 2,

    /// <summary>Three features.</summary>
    ExactlyThreeActive = 3,

    /// <summary>Four features.</summary>
    ExactlyFourActive = 4,

    /// <summary>Five features.</summary>
    ExactlyFiveActive = 5,
}

/// <summary>Sparse synthetic examples (METHOD §6): few features are active, each with a value uniform in a range; the others are zero.</summary>
public sealed class SparseFeatures : DataSource
{
    private readonly float _probability;
    private readonly DataGenerationType _type;
    private readonly float _low, _high;
    private readonly int[][] _syncedGroups;

    /// <summary>A source of sparse examples.</summary>
    /// <param name="features">Number of features.</param>
    /// <param name="probability">Chance that a feature is active, in (0, 1]; not used by the exactly-n types.</param>
    /// <param name="type">How the active features are chosen.</param>
    /// <param name="low">Lower end of the values.</param>
    /// <param name="high">Upper end of the values.</param>
    /// <param name="syncedGroups">Disjoint groups of features; when one of a group is active, all are. Only with independent features.</param>
    /// <exception cref="ArgumentException">An argument is out of range, or the groups overlap.</exception>
    public SparseFeatures(
        int features, double probability, DataGenerationType type = DataGenerationType.AtLeastZeroActive, double low = 0, double high = 1,
        IReadOnlyList<IReadOnlyList<int>>? syncedGroups = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        if (!(low <= high)) throw new ArgumentException($"the values of features cannot range from {low} to {high}: the lower end comes first");
        if (probability is not (> 0 and <= 1))
            throw new ArgumentException($"feature_probability is {probability}, but a probability above 0 and at most 1 is needed");
        if ((int)type > features)
            throw new ArgumentException($"data_generation_type asks for exactly {(int)type} active features, but there are only {features}");
        _syncedGroups = [.. (syncedGroups ?? []).Select(group => group.ToArray())];
        var members = _syncedGroups.SelectMany(group => group).ToList();
        if (members.Count > 0 && type != DataGenerationType.AtLeastZeroActive)
            throw new ArgumentException("synced_inputs goes with data_generation_type at_least_zero_active only");
        if (members.Exists(member => member < 0 || member >= features))
        {
            throw new ArgumentException(
                $"synced_inputs names feature {members.First(member => member < 0 || member >= features)}, "
                + $"but features are 0 to {features - 1}");
        }

        if (members.Distinct().Count() < members.Count) throw new ArgumentException("synced_inputs has a feature in two groups; groups must not overlap");
        Features = features;
        (_probability, _type, _low, _high) = ((float)probability, type, (float)low, (float)high);
    }

    public override int Features { get; }

    public override Value Build(Graph graph)
    {
        // A feature is active where its activity number lies below the threshold; groups share their smallest number, and
        // exactly-n examples give the n smallest a number below it.
        var activity = graph.Uniform(Features, NetworkStreams.ActiveFeatures);
        var values = graph.Uniform(Features, NetworkStreams.FeatureValues);
        if (_syncedGroups.Length > 0) activity = graph.Add(new GroupMinimum(activity, _syncedGroups));
        if (_type != DataGenerationType.AtLeastZeroActive) activity = graph.Add(new Smallest(activity, (int)_type));
        return graph.Add(new AffineBelow(activity, values, _type == DataGenerationType.AtLeastZeroActive ? _probability : 1, _high - _low, _low));
    }
}
