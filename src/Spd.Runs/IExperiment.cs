using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Engine.Optimisation;
using Spd.Formats;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>A resolved configuration of an experiment, whatever the method: all that a run asks of it.</summary>
public interface IExperiment
{
    /// <summary>Its name, which also names the folder of its runs.</summary>
    string Name { get; }

    /// <summary>One line about it.</summary>
    string Description { get; }

    /// <summary>Seed of the decomposition.</summary>
    ulong Seed { get; }

    /// <summary>Optimisation steps, at least 1.</summary>
    int Steps { get; }

    /// <summary>Rows of a batch.</summary>
    int BatchSize { get; }

    /// <summary>Steps between two lines of the log, at least 1.</summary>
    int PrintFreq { get; }

    /// <summary>Steps between two sets of figures, at least 1; null for figures at the end only.</summary>
    int? ImageFreq { get; }

    /// <summary>Whether figures are drawn before the first step too, where <see cref="ImageFreq"/> is set.</summary>
    bool ImageOnFirstStep { get; }

    /// <summary>Steps between two checkpoints, at least 1; null for a tenth of the run.</summary>
    int? SaveFreq { get; }

    /// <summary>Every how many checkpoints one is kept for good; null keeps the last two only.</summary>
    int? KeepEvery { get; }

    /// <summary>Whether the run is written for TensorBoard too.</summary>
    bool TensorBoard { get; }

    /// <summary>The learning rate that the schedule scales.</summary>
    double Lr { get; }

    /// <summary>The learning rate schedule.</summary>
    LearningRateSchedule Schedule { get; }

    /// <summary>Whether what a step computes depends on how many steps there are, so that a run cannot be prolonged as it is.</summary>
    bool DependsOnSteps => Schedule.DependsOnSteps;

    /// <summary>The network that is decomposed.</summary>
    TargetConfig Target { get; }

    /// <summary>What a paper says of it; null where none does.</summary>
    PublishedNumbers? Published { get; }

    /// <summary>What the time of a step grows with: subcomponents of all patterns times rows of a batch, and times the width of wide gates.</summary>
    double Work { get; }

    /// <summary>The same experiment on another target.</summary>
    IExperiment WithTarget(TargetConfig target);

    /// <summary>Splits a trained target; nothing is trained yet.</summary>
    /// <param name="target">The target.</param>
    /// <param name="backend">What computes.</param>
    IDecomposition Decompose(TrainedTarget target, Backend backend);

    /// <summary>The configuration with every key, which runs again as it is.</summary>
    string ToYaml();
}

/// <summary>A decomposition that trains, whatever the method.</summary>
public interface IDecomposition : IDisposable
{
    /// <summary>The matrices that are decomposed.</summary>
    IReadOnlyList<FactoredMatrix> Matrices { get; }

    /// <summary>What trains it: its steps, its plans, its state.</summary>
    Training Training { get; }

    /// <summary>How outputs are compared.</summary>
    OutputLoss OutputLoss { get; }

    /// <summary>Measures one batch that training does not draw.</summary>
    Evaluation Glance();

    /// <summary>Measures as many batches as the experiment says, and all that is measured at all.</summary>
    Evaluation Measure();

    /// <summary>What is measured of this kind of network beside the evaluation, by the keys of <see cref="Metric"/>: its known answers, and what it is for.</summary>
    /// <param name="evaluation">The evaluation; null where nothing could be evaluated, and only what the weights say is measured.</param>
    IEnumerable<(string Metric, MetricValue Value)> Evidence(Evaluation? evaluation);

    /// <summary>The rows of a file that it is trained and measured on; null where inputs are drawn.</summary>
    LabelledRows? Rows { get; }

    /// <summary>Draws the figures.</summary>
    /// <param name="evaluation">The latest evaluation.</param>
    /// <param name="metrics">The log so far; may be empty.</param>
    IReadOnlyList<RunFigure> Draw(Evaluation evaluation, IReadOnlyList<MetricRecord> metrics);

    /// <summary>Writes the pages besides the report, where there are any; what they take is seconds.</summary>
    IReadOnlyList<RunPage> WritePages();

    /// <summary>Writes what was trained as a safetensors file, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    void Save(string path);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="FileContentException">The file is damaged, or not of this experiment; nothing is changed.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    void Load(string path);
}
