using System.CommandLine;
using System.CommandLine.Completions;
using Spd.Engine.Cpu;

namespace Spd.Cli;

/// <summary>Options that several commands have.</summary>
internal static class SharedOptions
{
    /// <summary>An experiment by name or path, which a shell completes.</summary>
    public static Argument<string> Experiment(string description)
    {
        var experiment = new Argument<string>("experiment") { Description = description, HelpName = "experiment" };
        experiment.CompletionSources.Add(_ => Catalog.Open().Entries.Select(entry => new CompletionItem(entry.Name)));
        return experiment;
    }

    private const int MostThreads = 1024;
    private const string KernelVariable = "SPD_KERNELS";

    /// <summary><c>--quiet</c>.</summary>
    public static Option<bool> Quiet() => new("--quiet", "-q") { Description = "Show nothing but the results." };

    /// <summary><c>--set</c>, of a command that reads a run: a file of data that has moved is named so.</summary>
    public static Option<string[]> SetOfRun() =>
        Set("Sets a key of the run's configuration, such as where a file lies now: --set target.data.inputs=PATH, target.data.text, target.model. May be given several times.");

    /// <summary><c>--set</c>.</summary>
    public static Option<string[]> Set(string description) => new("--set")
    {
        Description = description,
        HelpName = "key=value",
        DefaultValueFactory = _ => [],
    };

    /// <summary><c>--threads</c>; without it, one for each processor.</summary>
    public static Option<int> Threads() => Threads("--threads", "Threads; the numbers of a run do not depend on it. By default one for each processor.");

    /// <summary>An option with a number of threads; without it, one for each processor.</summary>
    public static Option<int> Threads(string name, string description) => WholeNumber(name, MostThreads, Environment.ProcessorCount, description);

    /// <summary>What a command computes with: so many threads, and the kernels that the environment variable SPD_KERNELS names, or the widest.</summary>
    public static CpuBackend Backend(int threads) => new(threads, Environment.GetEnvironmentVariable(KernelVariable));

    /// <summary>An option with a whole number from 1 on; a standard of 0 is none, of which the description tells.</summary>
    public static Option<int> WholeNumber(string name, int most, int standard, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = standard > 0 ? _ => standard : null,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, out int count) && count >= 1 && count <= most) return count;
            result.AddError($"{name} is '{result.Tokens[0].Value}', but a whole number from 1 to {most} is needed");
            return 0;
        },
    };
}
