using System.Diagnostics;
using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Networks.Training;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>A trained target and where it came from.</summary>
/// <param name="Network">The network.</param>
/// <param name="Config">The configuration it was trained with; its seed is the one that was used.</param>
/// <param name="SeedsTried">Target seeds tried, this one included; 0 where it was loaded from a file.</param>
/// <param name="FromCache">Whether it was found in the cache rather than trained.</param>
public sealed record TrainedTarget(Module Network, TargetConfig Config, int SeedsTried, bool FromCache)
{
    /// <summary>Seconds that its training took, and that of seeds before it; null where it was not trained just now.</summary>
    public double? Seconds { get; init; }

    /// <summary>Where it came from, as a summary tells it.</summary>
    public TargetOrigin Origin => Config is TrainedTargetConfig { Load: null } trained
        ? new TargetOrigin { Seed = trained.Seed, SeedsTried = SeedsTried, FromCache = FromCache, Seconds = Seconds is { } seconds ? Math.Round(seconds, 3) : null }
        : new TargetOrigin { LoadedFrom = Config.Load };
}

/// <summary>
/// Finds a trained target in the cache, or trains it. Training a Toy Model of Superposition is fickle: a seed whose network has not learnt what it should
/// (<see cref="TrainedTargetKind.Examine"/>) is passed over for the next, up to ten.
/// </summary>
public sealed class TargetProvider(TargetCache cache, Backend backend, IRunObserver observer)
{
    /// <summary>Seeds that are tried before giving up.</summary>
    public const int MostSeeds = 10;

    /// <summary>The target of a configuration.</summary>
    /// <exception cref="TargetException">None of the seeds learnt what it should, or a network that was loaded falls short of what is said of it.</exception>
    /// <exception cref="IOException">A weight file is missing, damaged, or of another network.</exception>
    /// <exception cref="TrainingException">A loss became infinite or not a number; nothing is kept.</exception>
    /// <exception cref="OperationCanceledException">Stopped while training; the next call goes on from there.</exception>
    public TrainedTarget Provide(TargetConfig config, CancellationToken cancellation) =>
        config is TrainedTargetConfig { Load: null } trained ? Train(trained, cancellation) : Load(config);

    private TrainedTarget Load(TargetConfig config)
    {
        if (config.Kind.WhyNone(config.Load!) is { } reason)
            throw config.Missing(config.Kind.LoadKey, config.Load!, reason);
        var network = config.Build();
        foreach (string note in config.Kind.Load(config, network)) observer.Note(note);
        observer.Note($"loaded the target from '{config.Load}': {config.Kind.Verify(config, network, backend)}");
        return new TrainedTarget(network, config, SeedsTried: 0, FromCache: false);
    }

    private TrainedTarget Train(TrainedTargetConfig config, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        for (int attempt = 0; attempt < MostSeeds; attempt++)
        {
            var candidate = config with { Seed = config.Seed + (ulong)attempt };
            var network = candidate.Build();
            long begun = Stopwatch.GetTimestamp();
            bool cached = LoadOrTrain(network, candidate, cancellation);
            double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            var lesson = candidate.Kind.Examine(candidate, network, backend);
            string origin = cached
                ? $"found the trained target with seed {candidate.Seed} in the cache"
                : $"trained the target with seed {candidate.Seed} for {candidate.Steps} steps in {Metric.Write(seconds, NumberFormat.Seconds)} s";
            if (lesson.IsLearnt)
            {
                observer.Note($"{origin}: {lesson.Clause}");
                return new TrainedTarget(network, candidate, attempt + 1, cached) { Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds };
            }

            observer.Note($"{origin}: {lesson.Clause}, so the next seed is tried");
        }

        throw new TargetException(
            $"none of the target seeds {config.Seed} to {config.Seed + MostSeeds - 1} {config.Kind.Goal}; "
            + $"train longer with --set target.train.steps={config.Steps * 2L}, "
            + $"or start elsewhere with --set target.train.seed={config.Seed + MostSeeds}");
    }

    private bool LoadOrTrain(Module network, TrainedTargetConfig config, CancellationToken cancellation)
    {
        // Other kernels round otherwise, and so train other bits.
        string canonical = $"# trained on {backend.Name} kernels\n{config.ToYaml()}";
        bool cached = cache.TryLoad(canonical, network, out string? note);
        if (note is not null) observer.Note(note);
        if (cached) return true;
        network.Initialise(config.Seed);
        using var own = TargetCheckpoints.Hold(cache.TrainingFolder(canonical));
        var checkpoints = new TargetCheckpoints(cache.TrainingFolder(canonical), canonical, backend.Name, observer);
        config.Kind.Train(config, network, backend, (step, loss) => observer.TargetStep(step + 1, config.Steps, loss), checkpoints, cancellation);
        if (cache.Store(canonical, network) is { } failure) observer.Note(failure);
        else
        {
            own?.Dispose();
            checkpoints.Discard();
        }

        return false;
    }
}
