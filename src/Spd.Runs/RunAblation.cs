using System.Text.Json;
using System.Text.Json.Nodes;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks;
using Spd.Runs.Results;
using Spd.Runs.Targets;
using static Spd.Runs.Results.JsonNumber;

namespace Spd.Runs;

/// <summary>What a network is for, before and after.</summary>
/// <param name="Key">What is measured: <c>accuracy</c>, <c>task_mse</c> against the targets of a file, or <c>ce</c>, the cross-entropy in nats a token.</param>
/// <param name="Label">What tables call it.</param>
/// <param name="Format">How it is written.</param>
/// <param name="Before">Of the network itself.</param>
/// <param name="After">With the subcomponents scaled.</param>
public sealed record TaskChange(string Key, string Label, NumberFormat Format, double Before, double After);

/// <summary>How an output changes: its value, or its probability where outputs are compared by divergence.</summary>
/// <param name="Output">The number of the output.</param>
/// <param name="Name">The class or token that it stands for; null where it has no name.</param>
/// <param name="Mean">The mean change over inputs.</param>
/// <param name="MeanSize">The mean of its absolute value.</param>
public sealed record OutputChange(int Output, string? Name, double Mean, double MeanSize);

/// <summary>
/// What a network does otherwise with some subcomponents off, or scaled: their share of the site's own matrix, <c>W − Σ_c (1 − scale) U[c,:]ᵀ V[:,c]ᵀ</c>, with all
/// else kept, also what the subcomponents together lack of W (<see cref="ComponentModel.ScaledPass"/>).
/// </summary>
/// <param name="Scaled">The sites by name, with their subcomponents.</param>
/// <param name="Scale">What these are multiplied by: 0 for off.</param>
/// <param name="Inputs">On how many inputs it is measured: the rows that were held out, or as many batches as the run is measured on.</param>
/// <param name="InputName">What these are: <c>input</c>, <c>token</c> where inputs are sequences, or <c>sequence</c> where only its last token is asked.</param>
/// <param name="Loss">How outputs are compared.</param>
/// <param name="Error">How far the outputs are from the network's own.</param>
/// <param name="Task">What becomes of what it is for; null where its inputs have neither labels nor tokens that follow.</param>
/// <param name="Outputs">Its outputs, those that change most first.</param>
public sealed record RunAblation(
    IReadOnlyList<(string Site, IReadOnlyList<int> Subcomponents)> Scaled, double Scale, long Inputs, string InputName, OutputLoss Loss, double Error, TaskChange? Task,
    IReadOnlyList<OutputChange> Outputs)
{
    private const string Before = "before", After = "after";

    /// <summary>All of it as JSON; a number that is not finite is null.</summary>
    /// <param name="outputs">How many outputs at most.</param>
    public string ToJson(int outputs) => new JsonObject
    {
        ["scaled"] = new JsonArray([.. Scaled.Select(entry => new JsonObject
        {
            ["site"] = entry.Site,
            ["subcomponents"] = new JsonArray([.. entry.Subcomponents.Select(c => JsonValue.Create(c))]),
        })]),
        ["scale"] = Finite(Scale),
        ["inputs"] = Inputs,
        ["input_name"] = InputName,
        ["error"] = Finite(Error),
        ["error_is"] = Loss.ToString().ToLowerInvariant(),
        ["task"] = Task is null ? null : new JsonObject { ["metric"] = Task.Key, [Before] = Finite(Task.Before), [After] = Finite(Task.After) },
        ["outputs"] = new JsonArray([.. Outputs.Take(outputs).Select(output => new JsonObject
        {
            ["output"] = output.Output,
            ["name"] = output.Name,
            ["mean_change"] = Finite(output.Mean),
            ["mean_absolute_change"] = Finite(output.MeanSize),
        })]),
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n";

    /// <summary>Measures.</summary>
    /// <param name="decomposer">The decomposition.</param>
    /// <param name="data">Its inputs.</param>
    /// <param name="scaled">The subcomponents, all with one scale.</param>
    /// <param name="batches">Batches to measure on, where inputs are drawn.</param>
    /// <param name="backend">What computes.</param>
    internal static RunAblation Of(Decomposer decomposer, TargetData data, IReadOnlyList<ScaledSubcomponents> scaled, int batches, Backend backend)
    {
        var (model, options, rows) = (decomposer.Components, decomposer.Options, data.Measured);
        var graph = new Graph();
        var x = rows is null ? data.Evaluation.Build(graph) : graph.Input(rows.Inputs.Length / rows.Count);
        var (own, changed) = (model.Network.Forward(new ForwardPass(graph), x), model.Network.Forward(model.ScaledPass(graph, scaled), x));
        var objective = new Objective(graph);
        // The error, and what the outputs or their probabilities change by.
        var difference = graph.ResultsOf(options.OutputLossType == OutputLoss.Mse ? new SquaredError(changed, own) : new Divergence(changed, own));
        objective.Add("error", difference[0]);
        if (data.Text is not null)
        {
            objective.Add(Before, graph.CrossEntropy(own, x, isUnembeddingFixed: true));
            objective.Add(After, graph.CrossEntropy(changed, x, isUnembeddingFixed: true));
        }

        var answers = data.Answers is { } of ? graph.Add(new Examples(of, Features: 1)) : null;
        bool areOutputsRead = rows?.Labels is not null || rows?.Targets is not null || answers is not null;
        var sums = (Of: graph.Add(new RowSum(difference[1])), OfSizes: graph.Add(new RowSum(graph.Add(new Absolute(difference[1])))));
        var batch = rows is null ? data.Evaluation.BatchOf(options.BatchSize) : new Batch(rows.Count, 1);
        var program = backend.Compile(objective, batch, keep: [sums.Of, sums.OfSizes, .. areOutputsRead ? [own, changed] : Array.Empty<Value>(), .. answers is null ? [] : new[] { answers }]);
        if (rows is not null && program.Plan.Find(x) is not null) program.Set(x, rows.Inputs);

        int runs = rows is null ? batches : 1;
        long first = decomposer.State.EvaluatedBatches;
        double error = 0;
        double[] task = new double[2], means = new double[own.Rows], sizes = new double[own.Rows];
        for (int run = 0; run < runs; run++)
        {
            program.Run(decomposer.EvaluationSeed, first + run);
            error += program.Loss("error") / runs;
            Add(means, program.Read(sums.Of));
            Add(sizes, program.Read(sums.OfSizes));
            if (data.Text is not null) AddTask(program.Loss(Before), program.Loss(After));
            else if (areOutputsRead) AddTask(Measure(program.Read(own)), Measure(program.Read(changed)));
        }

        // With one answer for a whole sequence, outputs are those of its last position, the same at all of them.
        var (inputs, name) = batch.Length == 1 ? (batch.Sequences, "input") : answers is null ? (batch.Positions, "token") : (batch.Sequences, "sequence");
        return new RunAblation(
            [.. scaled.Select(entry => (entry.Site.Name, entry.Subcomponents))], scaled[0].Scale, (long)runs * inputs, name,
            options.OutputLossType, error, TaskOf(data, task[0], task[1]),
            [
                .. Enumerable.Range(0, own.Rows).Select(output => new OutputChange(output, NameOf(data, output), means[output], sizes[output]))
                    .OrderByDescending(output => output.MeanSize),
            ]);

        void Add(double[] total, float[] some)
        {
            for (int i = 0; i < total.Length; i++) total[i] += some[i] / ((double)runs * batch.Positions);
        }

        void AddTask(double before, double after) => (task[0], task[1]) = (task[0] + (before / runs), task[1] + (after / runs));

        double Measure(float[] outputs) => rows?.Targets is { } targets && rows.Labels is null
            ? TaskEvidence.MeanSquaredError(outputs, targets)
            : Accuracy.Of(outputs, rows?.Labels ?? [.. program.Read(answers!).Select(answer => (int)answer)]);
    }

    private static TaskChange? TaskOf(TargetData data, double before, double after) => data switch
    {
        { Text: not null } => new TaskChange("ce", "cross-entropy, nats a token", NumberFormat.Ratio, before, after),
        { Measured.Labels: not null } or { Answers: not null } => new TaskChange("accuracy", "accuracy", NumberFormat.Share, before, after),
        { Measured.Targets: not null } => new TaskChange("task_mse", "MSE against the targets", NumberFormat.Error, before, after),
        _ => null,
    };

    private static string? NameOf(TargetData data, int output) => data.Text is { } text ? text.TextOf(output) : data.Measured?.ClassNames?[output];
}
