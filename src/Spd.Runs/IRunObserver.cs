using Spd.Runs.Log;

namespace Spd.Runs;

/// <summary>Is told what a run does while it does it.</summary>
public interface IRunObserver
{
    /// <summary>Something the user should know, as a sentence without its full stop.</summary>
    void Note(string sentence);

    /// <summary>Something that went wrong and that the user should know even where nothing else is shown, as a sentence without its full stop.</summary>
    void Warn(string sentence) => Note(sentence);

    /// <summary>The target has taken a training step.</summary>
    void TargetStep(int step, int steps, double loss);

    /// <summary>The run stands at a step. Called after every log interval, and in between for a display that moves.</summary>
    void Progress(RunProgress progress);
}

/// <summary>Where a run stands.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="MsPerStep">Median milliseconds of the steps since the last log line.</param>
/// <param name="Latest">The latest log line.</param>
/// <param name="IsLogLine">Whether <paramref name="Latest"/> was written at this step.</param>
public sealed record RunProgress(int Step, int Steps, double MsPerStep, MetricRecord Latest, bool IsLogLine);
