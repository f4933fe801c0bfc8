using System.Diagnostics.CodeAnalysis;
using Spd.Engine.Optimisation;
using Spd.Networks.Data;
using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;
using Spd.Networks;

namespace Spd.Runs.Targets;

/// <summary>Keys and ranges that kinds of targets have in common.</summary>
internal static class TargetKeys
{
    public const string NoAccount = "runs are kept in their folder, not in an account";

    /// <summary>The task of a network whose data come from files.</summary>
    public static KeyTable<TaskConfig> FileTask(TargetKind kind) => new([TaskName(kind)]);

    /// <summary>The task of a network with synthetic data.</summary>
    public static KeyTable<TaskConfig> SparseTask(TargetKind kind) => new(
    [
        TaskName(kind),
        Keys<TaskConfig>.Number("feature_probability", c => c.FeatureProbability, (c, v) => c with { FeatureProbability = v }),
        Keys<TaskConfig>.Value("data_generation_type", Choice<DataGenerationType>(),
            c => c.DataGenerationType, (c, v) => c with { DataGenerationType = v }),
        Keys<TaskConfig>.Unused("init_scale"),
    ]);

    /// <summary>What is wrong with a target's schedule; null where nothing is.</summary>
    public static ConfigFault? ScheduleFault(TrainedTargetConfig target) => target.LrSchedule == ScheduleShape.Exponential
        ? new ConfigFault("lr_schedule", "a target's lr_schedule cannot be exponential: use constant, linear or cosine")
        : null;

    /// <summary>The key <c>target</c> of a kind.</summary>
    public static ConfigKey<TargetConfig> Target<TTarget>(KeyTable<TTarget> keys)
        where TTarget : TargetConfig => Keys<TargetConfig>.Nested("target", keys, c => (TTarget)c, (_, v) => v);

    /// <summary>How a target is trained, or was: one that is loaded has the same shape and data.</summary>
    public static KeyTable<TTarget> Trained<[DynamicallyAccessedMembers(OptionRanges.Needed)] TTarget>(KeyTable<TTarget> training)
        where TTarget : TrainedTargetConfig => new(
        [
            Keys<TTarget>.Optional("load", FilePath, c => c.Load, (c, v) => c with { Load = v }),
            Keys<TTarget>.Nested("train", training, c => c, (c, v) => v with { Load = c.Load }, required: true),
        ]);

    public static ValueKind<IReadOnlyList<IReadOnlyList<int>>?> SyncedGroups =>
        OrNone(List(List(WholeNumber(new AtLeastAttribute(0)), "a list of features"), "a list of groups of features, such as [[0, 1], [2, 3]],"));

    /// <summary>The name of the task, which has chosen the kind already.</summary>
    public static ConfigKey<TaskConfig> TaskName(TargetKind kind) => new(
        "task_name",
        (task, node, _) => node is ConfigScalar { IsNull: false } name && name.Text == kind.TaskName
            ? task
            : throw node.Mistyped("task_name", $"one of {string.Join(", ", TargetKind.All.Select(each => each.TaskName))}"),
        _ => Plain(kind.TaskName))
    {
        Required = true,
    };
}
