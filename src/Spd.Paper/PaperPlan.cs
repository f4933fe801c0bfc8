using Spd.Formats;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Plans;

namespace Spd.Paper;

/// <summary>All runs of the paper, those that are short first.</summary>
public sealed class PaperPlan
{
    /// <summary>The experiment whose β₃ is varied, and the values; the experiment's own is one of them.</summary>
    public const string VariedExperiment = "resid_mlp1";

    private const int QuickEvaluationBatches = 5;

    // Guesses of a step's time before one has been measured.
    private const double TmsNanoseconds = 6, ApdNanoseconds = 30;

    // Quick, each takes some seconds on two cores. All of resid_mlp3 would take more than half a day; its learning rate is constant, so that what an
    // hour computes is the beginning of the whole.
    private static readonly (string Experiment, PaperParts Part, bool IsSeeded, int QuickSteps, int? MostSteps)[] Experiments =
    [
        ("tms_5-2", PaperParts.Tms, true, 2000, null),
        ("tms_5-2-id", PaperParts.Tms, true, 2000, null),
        ("tms_40-10", PaperParts.Tms, true, 500, null),
        ("tms_40-10-id", PaperParts.Tms, true, 300, null),
        ("resid_mlp1", PaperParts.Resid, true, 800, null),
        ("resid_mlp2", PaperParts.Resid, false, 100, null),
        ("resid_mlp3", PaperParts.Resid, false, 10, 14_000),
        ("apd_tms_5-2", PaperParts.Apd, true, 1000, null),
        ("apd_tms_40-10", PaperParts.Apd, true, 100, null),
    ];

    private PaperPlan(ExperimentCatalog catalog, IReadOnlyList<PaperRunPlan> runs, int seeds, bool isQuick) =>
        (Catalog, Runs, Seeds, IsQuick) = (catalog, runs, seeds, isQuick);

    /// <summary>The values of β₃ of figure 8, rising.</summary>
    public static IReadOnlyList<string> Coefficients { get; } = ["1e-6", "3e-6", "1e-5", "3e-5", "1e-4"];

    /// <summary>The experiments, in the order in which the paper tells of them.</summary>
    public static IReadOnlyList<string> ExperimentNames { get; } = [.. Experiments.Select(entry => entry.Experiment)];

    /// <summary>The shipped experiments, from which the runs are planned.</summary>
    internal ExperimentCatalog Catalog { get; }

    /// <summary>The runs, in the order in which they are run.</summary>
    public IReadOnlyList<PaperRunPlan> Runs { get; }

    /// <summary>Seeds of each experiment that is repeated.</summary>
    public int Seeds { get; }

    /// <summary>Whether the runs are shortened.</summary>
    public bool IsQuick { get; }

    /// <summary>Makes the plan. What cannot be loaded stands in it with the reason.</summary>
    /// <param name="catalog">The shipped experiments.</param>
    /// <param name="seeds">Seeds of each experiment that is repeated, at least 1: the experiment's own and those that follow it.</param>
    /// <param name="isQuick">Whether steps are shortened, for a look at the whole in a few minutes.</param>
    public static PaperPlan Create(ExperimentCatalog catalog, int seeds, bool isQuick)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(seeds, 1);
        var runs = new List<PaperRunPlan>();
        foreach (var (name, part, isSeeded, quickSteps, mostSteps) in Experiments)
        {
            for (int offset = 0; offset < (isSeeded ? seeds : 1); offset++)
            {
                var run = Plan(catalog, name, part, offset, null, isQuick ? quickSteps : mostSteps, isQuick);
                bool isVaried = name == VariedExperiment && offset == 0;
                runs.Add(isVaried ? run with { Parts = part | PaperParts.Fig8 } : run);
                // One entry tells that an experiment is not there.
                if (run.Experiment is null) break;
                if (isVaried) runs.AddRange(Varied(catalog, run, isQuick ? quickSteps : mostSteps, isQuick));
            }
        }

        return new PaperPlan(catalog, [.. runs.OrderBy(run => run.GuessedMsPerStep * (run.Experiment?.Steps ?? 0))], seeds, isQuick);
    }

    /// <summary>Takes the folder of a reproduction, for this program alone until it is disposed.</summary>
    /// <exception cref="RunFolderException">It cannot be made or written to, another program works in it, its page is somebody else's, or it is the folder of a run.</exception>
    public static PlanFolder Open(string path) => PlanFolder.Open(path, "paper.html", PaperPage.Generator);

    /// <summary>Prepares the runs; nothing is run yet.</summary>
    /// <param name="parts">Those that are asked for; the page shows what is there of the others too.</param>
    /// <param name="folder">Where they lie.</param>
    /// <param name="cache">Where trained targets are kept.</param>
    /// <param name="observer">Is told how they go on.</param>
    /// <param name="threads">Threads of a run, which the page tells.</param>
    public PlanExecution Prepare(PaperParts parts, PlanFolder folder, TargetCache cache, IPlanObserver observer, int threads)
    {
        List<PlannedRun> runs = [.. Runs.Select(run => new PlannedRun(run, (run.Parts & parts) != PaperParts.None))];
        return new PlanExecution(
            runs, folder, Catalog, cache, observer, () => AtomicFile.WriteText(folder.PageFile, PaperPage.Of(this, runs, folder.Root, threads)));
    }

    private static IEnumerable<PaperRunPlan> Varied(ExperimentCatalog catalog, PaperRunPlan own, int? mostSteps, bool isQuick) =>
        from coefficient in Coefficients
        let run = Plan(catalog, own.ExperimentName, PaperParts.Fig8, 0, coefficient, mostSteps, isQuick)
        where run.Experiment?.ToYaml() != own.Experiment!.ToYaml()
        select run;

    private static PaperRunPlan Plan(ExperimentCatalog catalog, string name, PaperParts part, int seedOffset, string? coefficient, int? mostSteps, bool isQuick)
    {
        try
        {
            var own = Load(catalog, name, []);
            bool isShortened = mostSteps < own.Steps;
            var overrides = new List<ConfigOverride>();
            if (seedOffset > 0) overrides.Add(ConfigOverride.Option("--seeds", "seed", $"{own.Seed + (ulong)seedOffset}"));
            if (coefficient is not null) overrides.Add(new ConfigOverride("importance_minimality_coeff", coefficient, "figure 8"));
            if (isShortened) overrides.Add(new ConfigOverride("steps", $"{mostSteps}", "spd paper"));
            if (isShortened && isQuick)
            {
                overrides.Add(new ConfigOverride("print_freq", $"{Math.Max(1, mostSteps!.Value / 10)}", "--quick"));
                overrides.Add(new ConfigOverride("n_eval_steps", $"{QuickEvaluationBatches}", "--quick"));
            }

            var experiment = Load(catalog, name, overrides);
            return new PaperRunPlan(part, name, coefficient, experiment)
            {
                FullSteps = isShortened ? own.Steps : null,
                GuessedNanoseconds = part switch { PaperParts.Tms => TmsNanoseconds, PaperParts.Apd => ApdNanoseconds, _ => RunPlan.UsualNanoseconds },
            };
        }
        catch (ConfigException exception)
        {
            return new PaperRunPlan(part, name, coefficient, null, exception.Message);
        }
    }

    private static IExperiment Load(ExperimentCatalog catalog, string name, IReadOnlyList<ConfigOverride> overrides) =>
        catalog.Entries.Any(entry => entry.Name == name) ? catalog.Load(name, overrides).Config : throw new ConfigException($"experiment '{name}' is not there");
}
