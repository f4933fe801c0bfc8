using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Networks.Data;

namespace Spd.Networks.Training;

/// <summary>How a target is trained.</summary>
public sealed record TrainingOptions
{
    /// <summary>Seed of the initial weights and the data.</summary>
    public ulong Seed { get; init; }

    /// <summary>Steps, at least 1.</summary>
    [AtLeast(1)]
    public int Steps { get; init; } = 10_000;

    /// <summary>Examples of a batch: rows, or sequences.</summary>
    [BatchRows]
    public int BatchSize { get; init; } = 1024;

    /// <summary>Full learning rate.</summary>
    [Positive]
    public double LearningRate { get; init; } = 5e-3;

    /// <summary>How the learning rate changes.</summary>
    public LearningRateSchedule Schedule { get; init; } = new(ScheduleShape.Constant);

    /// <summary>AdamW's weight decay.</summary>
    [NotNegative]
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Whether weights of norms and biases decay as matrices do.</summary>
    public bool DecaysVectors { get; init; } = true;

    /// <summary>AdamW's decay of the first moment.</summary>
    [Share]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>That of the second.</summary>
    [Share]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>The largest norm of the gradient of all parameters together, to which longer ones are cut; null for any.</summary>
    [Positive]
    public double? ClipNorm { get; init; }
}

/// <summary>Trains a network toward labels that are a function of its input.</summary>
public static class SupervisedTraining
{
    // Decomposing with the seed that the target was trained with should not draw the target's batches again.
    private const ulong SeedOffset = 0x9E3779B97F4A7C15;

    /// <summary>Minimises the mean square of <c>label(x) − f(x)</c> with AdamW.</summary>
    /// <param name="network">The network, trained in place from the weights it has.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="label">Builds the label of an input.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="onStep">Told the step and its loss after each step, before the store keeps where the training stands.</param>
    /// <param name="store">Keeps where the training stands, and says where it stood; null for a training that always begins anew.</param>
    /// <param name="cancellation">Stops the training between two steps.</param>
    /// <returns>The mean loss over the last steps, a hundred of them or as many as were taken here; NaN where all had been taken before.</returns>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="TrainingException">The loss became infinite or not a number; the network is that of the step before.</exception>
    /// <exception cref="OperationCanceledException">The training was stopped; the network is left half-trained.</exception>
    public static double TrainOnLabels(
        Module network, DataSource data, Func<Graph, Value, Value> label, TrainingOptions options, Backend backend,
        Action<int, double>? onStep = null, ITrainingStore? store = null, CancellationToken cancellation = default) =>
        Train(
            network, data, (graph, x) => graph.SquaredError(network.Forward(new ForwardPass(graph), x), label(graph, x)), options, backend,
            onStep, store, cancellation);

    /// <summary>Minimises any loss of an input with AdamW.</summary>
    /// <param name="network">The network, trained in place from the weights it has.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="loss">Builds the loss of an input.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="onStep">Told the step and its loss after each step, before the store keeps where the training stands.</param>
    /// <param name="store">Keeps where the training stands, and says where it stood; null for a training that always begins anew.</param>
    /// <param name="cancellation">Stops the training between two steps.</param>
    /// <returns>The mean loss over the last steps, a hundred of them or as many as were taken here; NaN where all had been taken before.</returns>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="TrainingException">The loss became infinite or not a number; the network is that of the step before.</exception>
    /// <exception cref="OperationCanceledException">The training was stopped; the network is left half-trained.</exception>
    public static double Train(
        Module network, DataSource data, Func<Graph, Value, Value> loss, TrainingOptions options, Backend backend,
        Action<int, double>? onStep = null, ITrainingStore? store = null, CancellationToken cancellation = default)
    {
        OptionRanges.Check(options, options.GetType());
        var parameters = new ParameterSet(network.TrainableParameters());
        var graph = new Graph();
        var x = data.Build(graph);
        var objective = new Objective(graph);
        objective.Add("loss", loss(graph, x));
        var program = backend.Compile(objective, data.BatchOf(options.BatchSize), parameters);
        var rule = new AdamW(options.WeightDecay, options.Beta1, options.Beta2, DecaysVectors: options.DecaysVectors);
        var optimiser = new Optimiser([new ParameterGroup("network", parameters, rule, LearningRate, options.ClipNorm)], backend);
        int first = store?.Load(optimiser) ?? 0, taken = first;
        int averaged = Math.Min(100, options.Steps - first);
        int interval = Math.Max(1, (options.Steps + 9) / 10);
        double sum = 0;
        try
        {
            for (int step = first; step < options.Steps; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                program.Run(options.Seed + SeedOffset, step);
                double current = program.TotalLoss;
                if (!double.IsFinite(current))
                {
                    throw new TrainingException(
                        $"the target's loss became {current} at step {step} of its training, which stopped there: a smaller lr usually helps");
                }

                optimiser.Step(step, program.Gradients);
                taken = step + 1;
                if (step >= options.Steps - averaged) sum += current;
                onStep?.Invoke(step, current);
                if (taken % interval == 0 && taken < options.Steps) store?.Save(optimiser, taken);
            }
        }
        catch (OperationCanceledException)
        {
            if (taken > first) store?.Save(optimiser, taken);
            throw;
        }

        return sum / averaged;

        double LearningRate(long step) => options.LearningRate * options.Schedule.Factor(step, options.Steps);
    }
}
