using System.CommandLine;
using System.Globalization;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Results;

namespace Spd.Cli;

/// <summary><c>spd ablate</c>: a saved run's network with some subcomponents off.</summary>
internal static class AblateCommand
{
    private const int MostShown = 100_000, DefaultShown = 8, MostSubcomponents = 1 << 20;

    public static Command Create()
    {
        var run = new Argument<string>("run") { Description = "The folder of a run." };
        var off = new Option<string[]>("--off")
        {
            Description = "The subcomponents of a site: --off linear1:3,17 or, a range, --off linear1:0-9. May be given several times, for several sites.",
            HelpName = "SITE:c,c…",
            Required = true,
        };
        var scale = new Option<double>("--scale")
        {
            Description = "Multiply them by this in place of 0, which is off.",
            HelpName = "X",
            CustomParser = result =>
            {
                if (double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double factor) && double.IsFinite(factor)) return factor;
                result.AddError($"--scale is '{result.Tokens[0].Value}', but a number is needed, such as 0.5");
                return 0;
            },
        };
        var top = SharedOptions.WholeNumber("--top", MostShown, DefaultShown, "How many of the outputs that change most.");
        var json = new Option<bool>("--json") { Description = "Print all of it as JSON." };
        var set = SharedOptions.SetOfRun();
        var threads = SharedOptions.Threads();
        var command = new Command(
            "ablate",
            "Switch subcomponents of a saved run off: what the network does without them, all else being its own, the rest of the matrix too. Nothing is written.")
        {
            run, off, scale, top, set, json, threads,
        };
        command.SetAction(parsed =>
        {
            var sites = parsed.GetValue(off)!.Select(Parse).ToList();
            var saved = SavedRun.Open(parsed.GetValue(run)!, Catalog.Open(), parsed.GetValue(set)!.Select(ConfigOverride.Parse));
            using var backend = SharedOptions.Backend(parsed.GetValue(threads));
            var ablation = saved.Ablate(sites, parsed.GetValue(scale), backend);
            if (parsed.GetValue(json)) Console.Write(ablation.ToJson(parsed.GetValue(top)));
            else Write(ablation, parsed.GetValue(top));
            return CommandLine.Success;
        });
        return command;
    }

    /// <summary>Reads a site and numbers of its subcomponents: <c>linear1:3,17,20-29</c>.</summary>
    private static (string Site, IReadOnlyList<int> Subcomponents) Parse(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon <= 0) throw Wrong();
        var subcomponents = new List<int>();
        foreach (string part in text[(colon + 1)..].Split(','))
        {
            string[] ends = part.Split('-');
            long first = 0, last = 0;
            bool areNumbers = ends.Length is 1 or 2 && long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out first)
                && long.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out last);
            if (!areNumbers) throw Wrong();
            if (last < first) throw new ConfigException($"--off is '{text}', but the range {part} ends below its beginning: give the smaller number first");
            if (last >= MostSubcomponents) throw new ConfigException($"--off is '{text}', but no site has a subcomponent {last}");
            subcomponents.AddRange(Enumerable.Range((int)first, (int)(last - first) + 1));
        }

        return (text[..colon], subcomponents);

        ConfigException Wrong() => new($"--off is '{text}', but a site and numbers of its subcomponents are needed, such as linear1:3,17 or linear1:0-9");
    }

    private static void Write(RunAblation ablation, int top)
    {
        foreach (var (site, subcomponents) in ablation.Scaled)
        {
            string scaled = ablation.Scale == 0 ? "off" : string.Create(CultureInfo.InvariantCulture, $"times {ablation.Scale}");
            Screen.WriteLine($"{site}: {(subcomponents.Count == 1 ? "subcomponent" : "subcomponents")} {Ranges(subcomponents)} {scaled}");
        }

        Screen.WriteLine($"All else is the network's own, also what no subcomponent has of its matrices. Measured on {ablation.Inputs} {ablation.InputName}s.");
        bool isMse = ablation.Loss == Decomposition.OutputLoss.Mse;
        var table = new Sheet(new("") { Wraps = true }, new("before", IsNumber: true), new("after", IsNumber: true));
        table.Add($"error ({(isMse ? "MSE" : "KL")}) against the network itself", "0", Metric.Write(ablation.Error, NumberFormat.Error));
        if (ablation.Task is { } task) table.Add(task.Label, Metric.Write(task.Before, task.Format), Metric.Write(task.After, task.Format));
        Screen.Write(table);
        if (!double.IsFinite(ablation.Error)) Screen.WriteLine("The outputs are too large for an error to be computed: take a smaller --scale.");

        var outputs = ablation.Outputs.Take(top).ToList();
        bool areNamed = outputs.Exists(output => output.Name is not null);
        var changes = new Sheet(
        [
            new(isMse ? "output" : "probability of", IsNumber: true), .. areNamed ? [new("")] : Array.Empty<Column>(), new("mean change", IsNumber: true),
            new("mean size of it", IsNumber: true),
        ]);
        foreach (var output in outputs)
        {
            string name = output.Name is { } known ? $"'{known.ReplaceLineEndings("↵")}'" : "";
            string number = output.Output.ToString(CultureInfo.InvariantCulture), mean = Metric.Write(output.Mean, NumberFormat.Error), size = Metric.Write(output.MeanSize, NumberFormat.Error);
            changes.Add(areNamed ? [number, name, mean, size] : [number, mean, size]);
        }

        Screen.Write(changes);
        if (ablation.Outputs.Count > outputs.Count) Screen.WriteLine($"Of {ablation.Outputs.Count} outputs those that change most; --top N shows others.");
    }

    /// <summary>Rising numbers, those that follow each other as a range: <c>3, 5-9</c>.</summary>
    private static string Ranges(IReadOnlyList<int> numbers) => string.Join(", ", numbers.Index().GroupBy(entry => entry.Item - entry.Index)
        .Select(run => run.Count() == 1 ? $"{run.First().Item}" : $"{run.First().Item}-{run.Last().Item}"));
}
