using System.CommandLine;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Results;
using Spd.Runs.Sweeps;

namespace Spd.Cli;

/// <summary><c>spd sweep</c>.</summary>
internal static class SweepCommand
{
    private const int MostSeeds = 1000;

    public static Command Create()
    {
        var experiment = SharedOptions.Experiment("The name of an experiment (see `spd list`), or the path of a config.yaml.");
        var grid = new Option<string[]>("--grid")
        {
            Description = "A key and the values that it takes, as --set has them: --grid importance_minimality_coeff=1e-3,3e-3. May be given several times; every combination is run.",
            HelpName = "key=a,b,c",
            Required = true,
        };
        var seeds = SharedOptions.WholeNumber("--seeds", MostSeeds, 1, "Seeds of each combination: the experiment's own and those that follow it.");
        var steps = new Option<string?>("--steps") { Description = "Optimisation steps; instead of the configuration's.", HelpName = "N" };
        var set = SharedOptions.Set("Sets a key of the configuration in all runs, and may be given several times: --set C=40");
        var threads = SharedOptions.Threads("--threads-per-run", "Threads of a run; where processors are left, several runs go on at once. By default all of them, one run at a time.");
        var output = new Option<string?>("--out")
        {
            Description = "Folder of the sweep and its runs; what is finished there is not run again. By default runs/sweep/<experiment>.",
            HelpName = "DIR",
        };
        var quiet = SharedOptions.Quiet();
        var command = new Command(
            "sweep", "Run an experiment with every combination of some values and seeds, and show what each comes to. The same command goes on with a sweep that was stopped.")
        {
            experiment, grid, seeds, steps, set, threads, output, quiet,
        };
        command.SetAction(parsed =>
        {
            var catalog = Catalog.Open();
            var plan = SweepPlan.Create(
                catalog, parsed.GetValue(experiment)!,
                [
                    .. parsed.GetValue(set)!.Select(ConfigOverride.Parse),
                    .. parsed.GetValue(steps) is { } text ? [ConfigOverride.Option("--steps", "steps", text)] : Array.Empty<ConfigOverride>(),
                ],
                [.. parsed.GetValue(grid)!.Select(GridAxis.Parse)], parsed.GetValue(seeds));
            Catalog.RequireModel(plan.Runs[0].Run.Plan.Experiment!);
            return Execute(
                plan, catalog, parsed.GetValue(threads), parsed.GetValue(output) ?? Path.Combine(RunCommand.RunsFolder, "sweep", plan.Experiment), parsed.GetValue(quiet));
        });
        return command;
    }

    private static int Execute(SweepPlan plan, ExperimentCatalog catalog, int threads, string output, bool quiet)
    {
        using var folder = SweepPlan.Open(output);
        using var interruption = new Interruption { IsAtWork = true };
        var display = PlanDisplay.Create(quiet);
        var execution = plan.Prepare(folder, catalog, RunCommand.Cache(), display);
        display.Show(() => execution.Execute(() => SharedOptions.Backend(threads), Environment.ProcessorCount / threads, interruption.Token));

        var runs = execution.Standing.Runs;
        PlanDisplay.Complain(runs);
        WriteRuns(plan);
        if (plan.Seeds.Count > 1) WriteSpread(new SweepResults(plan));
        PlanDisplay.WriteFinished(runs);
        Screen.WriteLine($"Page:    {RunCommand.Shown(folder.PageFile)}");
        Screen.WriteLine($"Results: {RunCommand.Shown(SweepPlan.JsonFile(folder))}");
        return execution.IsComplete ? CommandLine.Success : interruption.Token.IsCancellationRequested ? Interruption.ExitCode : CommandLine.Failure;
    }

    private static void WriteRuns(SweepPlan plan)
    {
        Screen.WriteLine($"Values are of {plan.Keys}; L0 and alive of all sites together.");
        var table = TableOf("values", "seed", [.. SweepMetric.Main.Select(metric => metric.Label)]);
        foreach (var run in plan.Runs)
        {
            var summary = SweepResults.Summary(run);
            string[] cells =
            [
                string.Join(", ", run.Values), $"{run.Run.Plan.Experiment!.Seed}",
                .. SweepMetric.Main.Select(metric => summary is null ? "–" : Metric.Write(metric.Of(summary), metric.Format)),
            ];
            table.Add(cells);
        }

        Screen.Write(table);
    }

    private static void WriteSpread(SweepResults results)
    {
        var table = TableOf("values", "of seeds", [.. SweepMetric.Main.Select(metric => metric.Label)]);
        foreach (var (values, runs) in results.Points)
        {
            var spreads = SweepMetric.Main.Select(metric => (metric.Format, Spread: SweepResults.SpreadOf(runs, metric))).ToList();
            Add(string.Join(", ", values), "median", spread => spread.Median);
            Add("", "smallest", spread => spread.Smallest);
            Add("", "largest", spread => spread.Largest);

            void Add(string point, string what, Func<Spread, double> number)
            {
                string[] cells = [point, what, .. spreads.Select(entry => SweepMetric.Write(number(entry.Spread), entry.Format))];
                table.Add(cells);
            }
        }

        Screen.Write(table);
    }

    private static Sheet TableOf(string values, string number, string[] metrics) =>
        new([new(values) { Wraps = true }, new(number, IsNumber: true), .. metrics.Select(metric => new Column(metric, IsNumber: true))]);
}
