using Spd.Networks.Data;
using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;

namespace Spd.Runs.Targets;

/// <summary>Keys and ranges that kinds of targets have in common.</summary>
internal static class TargetKeys
{
    public const int MostFeatures = 10_000;
    public const int MostRows = 1 << 24;
    public const string NoAccount = "runs are kept in their folder, not in an account";

    /// <summary>The task of a network whose data come from files.</summary>
    public static KeyTable<TaskConfig> FileTaskKeys { get; } = new(
    [
        Keys<TaskConfig>.Value("task_name", Choice<TaskName>(), c => c.TaskName, (c, v) => c with { TaskName = v }, required: true),
    ]);

    /// <summary>The task of a network with synthetic data.</summary>
    public static KeyTable<TaskConfig> TaskKeys { get; } = new(
    [
        Keys<TaskConfig>.Value("task_name", Choice<TaskName>(), c => c.TaskName, (c, v) => c with { TaskName = v }, required: true),
        Keys<TaskConfig>.Value("feature_probability", Probability, c => c.FeatureProbability, (c, v) => c with { FeatureProbability = v }),
        Keys<TaskConfig>.Value("data_generation_type", Choice<DataGenerationType>(),
            c => c.DataGenerationType, (c, v) => c with { DataGenerationType = v }),
        Keys<TaskConfig>.Unused("init_scale"),
    ]);

    /// <summary>How a target is trained, or was: one that is loaded has the same shape and data.</summary>
    public static KeyTable<TTarget> Trained<TTarget>(KeyTable<TTarget> training)
        where TTarget : TrainedTargetConfig => new(
        [
            Keys<TTarget>.Optional("load", Text, c => c.Load, (c, v) => c with { Load = v }),
            Keys<TTarget>.Nested("train", training, c => c, (c, v) => v with { Load = c.Load }, required: true),
        ]);

    public static ValueKind<IReadOnlyList<IReadOnlyList<int>>?> SyncedGroups =>
        OrNone(List(List(WholeNumber(0), "a list of features"), "a list of groups of features, such as [[0, 1], [2, 3]],"));
}
