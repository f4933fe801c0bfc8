using System.CommandLine;
using System.Globalization;
using Spd.Engine.Cpu;
using Spd.Engine.Planning;
using Spd.Formats;
using Spd.Runs;
using Spd.Runs.Configuration;

namespace Spd.Cli;

/// <summary><c>spd plan</c>: what a training step does, and why it takes the time it takes.</summary>
internal static class PlanCommand
{
    private const int MostSteps = 1_000_000, Steps = 200;
    private const double Seconds = 2;

    public static Command Create()
    {
        var experiment = SharedOptions.Experiment("The name of an experiment (see `spd list`), or the path of a config.yaml.");
        var set = SharedOptions.Set("Sets a key of the configuration, and may be given several times: --set batch_size=1024");
        var steps = SharedOptions.WholeNumber("--steps", MostSteps, Steps, $"Steps to time at most, on random weights; no more begins after {Seconds} s.");
        var threads = SharedOptions.Threads();
        var command = new Command(
            "plan", "Show what a training step does: its passes, memory and work, how fast this machine could do it at best, and how fast it does. Nothing is trained or written.")
        {
            experiment, set, steps, threads,
        };
        command.SetAction(parsed => Execute(
            parsed.GetValue(experiment)!, [.. parsed.GetValue(set)!.Select(ConfigOverride.Parse)], parsed.GetValue(steps), parsed.GetValue(threads)));
        return command;
    }

    private static int Execute(string experiment, IReadOnlyList<ConfigOverride> overrides, int steps, int threads)
    {
        var loaded = Catalog.Open().Load(experiment, overrides);
        Catalog.RequireModel(loaded.Config);
        foreach (string note in loaded.Notes) Screen.WriteLine(note);
        using var backend = SharedOptions.Backend(threads);
        using var step = new PlannedStep(loaded.Config, backend);
        string threadCount = threads == 1 ? "1 thread" : Invariant($"{threads} threads");
        Screen.WriteLine($"{loaded.Config.Name}: a step on {threadCount}, {backend.Name} kernels");
        if (step.MissingFile is { } file) Screen.WriteLine($"{Quoted.Path(file)} is not there, so that random rows stand in for the data.");
        foreach (var (name, plan) in step.Plans)
        {
            Screen.WriteLine("");
            if (step.Plans.Count > 1) Screen.WriteLine($"{name}:");
            foreach (string line in plan.ToString().TrimEnd().Split('\n')) Screen.WriteLine(line);
        }

        WriteFloor(step, Peaks.Measure(backend), threads, threadCount, steps);
        return CommandLine.Success;
    }

    private static void WriteFloor(PlannedStep step, Peaks peaks, int threads, string threadCount, int steps)
    {
        var (work, each, floor) = (step.Work, peaks.Nanoseconds, peaks.Floor(step.Work, threads));
        Screen.WriteLine("");
        Row("at this machine's peaks", "work", "ns each", $"ms on {threadCount}");
        Kind("products", work.MultiplyAdds, each.MultiplyAdds, floor.MultiplyAdds);
        Kind("outer products", work.OuterMultiplyAdds, each.OuterMultiplyAdds, floor.OuterMultiplyAdds);
        Kind("GELUs", work.Gelus, each.Gelus, floor.Gelus);
        Kind("GELUs with gradient", work.GeluGradients, each.GeluGradients, floor.GeluGradients);
        Kind("uniform numbers", work.Uniforms, each.Uniforms, floor.Uniforms);
        Kind("entries of all else", work.Entries, each.Entries, floor.Entries);
        Row("the floor", "", "", Milliseconds(floor.Sum));
        Screen.WriteLine("");
        Screen.WriteLine(step.Measure(steps, Seconds) is { } taken
            ? Invariant($"floor {Milliseconds(floor.Sum)} ms, a step takes {Milliseconds(taken)} ms: {Percent(floor.Sum / taken)} %")
            : Invariant($"floor {Milliseconds(floor.Sum)} ms; a run of one step is not timed"));
        Screen.WriteLine("The floor leaves out the optimiser, and what threads add up between them.");

        static void Row(string kind, string amount, string each, string all) => Screen.WriteLine($"{kind,-24}{amount,12}{each,12}{all,18}".TrimEnd());

        static void Kind(string kind, double amount, double each, double all) => Row(kind, Plan.Amount(amount), Invariant($"{each:F4}"), Milliseconds(all));
    }

    // Three digits that count, from microseconds to minutes.
    private static string Milliseconds(double ms) => ms == 0 ? "-" : ms.ToString(ms < 0.1 ? "F4" : ms < 1 ? "F3" : ms < 10 ? "F2" : ms < 100 ? "F1" : "F0", CultureInfo.InvariantCulture);

    private static string Percent(double share) => (100 * share).ToString(share < 0.1 ? "F1" : "F0", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
