using System.Diagnostics;
using System.Runtime.InteropServices;
using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Planning;
using Spd.Formats;
using Spd.Networks.Data;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>
/// A step of an experiment as it would be run: its plans, the floor below which it cannot come here, and the time it takes. No target is trained or read: random
/// weights of the same shape are the same work. So are random rows, where the files of data are not at hand.
/// </summary>
public sealed class PlannedStep : IDisposable
{
    private const double Deviation = 0.03;

    private readonly IExperiment _config;
    private readonly Backend _backend;
    private readonly IDecomposition _decomposition;

    /// <summary>Plans a step.</summary>
    /// <param name="config">The experiment.</param>
    /// <param name="backend">What would compute it.</param>
    /// <exception cref="ConfigException">The configuration does not fit the files of data.</exception>
    public PlannedStep(IExperiment config, Backend backend)
    {
        (_config, _backend) = (config, backend);
        var network = config.Target.Build();
        var random = new RandomSequence(1, stream: 0);
        foreach (var (_, parameter) in network.NamedParameters()) random.FillNormal(parameter.Values, Deviation);
        var target = new TrainedTarget(network, config.Target, SeedsTried: 0, FromCache: false);
        MissingFile = config.Target.Files.Values.FirstOrDefault(file => !File.Exists(ArrayFile.FileOf(file)));
        _decomposition = config is ExperimentConfig spd && MissingFile is not null
            ? new SpdDecomposition(spd, target, backend, RandomData(random))
            : config.Decompose(target, backend);
    }

    /// <summary>The first of the files of data that is not there, so that random rows are in the place of all; null where none is missing.</summary>
    public string? MissingFile { get; }

    /// <summary>What the step runs, in turn, each with its name.</summary>
    public IReadOnlyList<(string Name, Plan Plan)> Plans => _decomposition.Training.Plans;

    /// <summary>The work of the step, but for the optimiser and what threads add up between them.</summary>
    public Work Work => Plans.Select(entry => entry.Plan.Work).Aggregate((sum, work) => sum + work);

    /// <summary>Takes steps, as many as the experiment has at most.</summary>
    /// <param name="most">Steps to take.</param>
    /// <param name="seconds">Seconds after which no further step begins.</param>
    /// <returns>Median milliseconds of those but the first, which compiles; null where there was but one.</returns>
    public double? Measure(int most, double seconds)
    {
        var times = new List<double>();
        long begin = Stopwatch.GetTimestamp();
        while (_decomposition.Training.StepsTaken < Math.Min((long)most + 1, _config.Steps) && (times.Count < 2 || Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds))
        {
            long start = Stopwatch.GetTimestamp();
            _decomposition.Training.Step();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        times = [.. times.Skip(1).Order()];
        return times.Count == 0 ? null : times[times.Count / 2];
    }

    public void Dispose() => _decomposition.Dispose();

    private TargetData RandomData(RandomSequence random)
    {
        float[,] rows = new float[_config.BatchSize, _config.Target.Features];
        random.FillNormal(MemoryMarshal.CreateSpan(ref rows[0, 0], rows.Length));
        var data = new TableData(rows);
        return new TargetData(data, data);
    }
}
