using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;

namespace Spd.Runs.Targets;

/// <summary>The keys of language models.</summary>
internal static class LanguageModelKeys
{
    private const string OwnText = "the text is the one that target.data says";

    /// <summary>The text.</summary>
    public static KeyTable<TextConfig> Data { get; } = new(
    [
        Keys<TextConfig>.Value("text", FilePath, c => c.Text, (c, v) => c with { Text = v }, required: true),
        Keys<TextConfig>.Optional("column", AnyText, c => c.Column, (c, v) => c with { Column = v }),
        Keys<TextConfig>.Number("held_out_share", c => c.HeldOutShare, (c, v) => c with { HeldOutShare = v }),
    ]);

    /// <summary>The whole target.</summary>
    public static KeyTable<LanguageModelConfig> Target { get; } = new(
    [
        Keys<LanguageModelConfig>.Value("model", FilePath, c => c.Load!, (c, v) => c with { Load = v }, required: true),
        Keys<LanguageModelConfig>.Optional("hub", AnyText, c => c.Hub, (c, v) => c with { Hub = v }),
        Keys<LanguageModelConfig>.Optional("tokenizer", FilePath, c => c.Tokenizer, (c, v) => c with { Tokenizer = v }),
        Keys<LanguageModelConfig>.Optional("files_from", AnyText, c => c.FilesFrom, (c, v) => c with { FilesFrom = v }),
        Keys<LanguageModelConfig>.Nested("data", Data, c => c.Data, (c, v) => c with { Data = v }, required: true),
    ]);

    /// <summary>The task.</summary>
    public static KeyTable<TaskConfig> Task(TargetKind kind) => new(
    [
        TargetKeys.TaskName(kind),
        Keys<TaskConfig>.Number("max_seq_len", c => c.MaxSeqLen, (c, v) => c with { MaxSeqLen = v }),
        Keys<TaskConfig>.Unused("buffer_size"),
        Keys<TaskConfig>.Noted("dataset_name", OwnText),
        Keys<TaskConfig>.Noted("column_name", OwnText),
        Keys<TaskConfig>.Noted("train_data_split", OwnText),
        Keys<TaskConfig>.Noted("eval_data_split", OwnText),
    ]);
}
