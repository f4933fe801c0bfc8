using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Spd.Fuzz;

var minutes = new Option<double>("--minutes") { Description = "Minutes in all.", DefaultValueFactory = _ => 1 };
var seed = new Option<ulong>("--seed") { Description = "Seed of the mutants.", DefaultValueFactory = _ => 1 };
var only = new Option<string>("--only")
{
    Description = "Kinds of files, separated by commas.",
    DefaultValueFactory = _ => string.Join(',', FuzzKind.All.Keys),
};
var threads = new Option<int>("--threads") { Description = "Kinds that are tried at the same time.", DefaultValueFactory = _ => 1 };
var replay = new Option<string?>("--replay") { Description = "One mutant: SEED:KIND:NUMBER, or the file of a finding." };
var output = new Option<string>("--out") { Description = "The folder of the findings.", DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "spd-fuzz") };
var child = new Option<bool>("--child") { Hidden = true };
var root = new RootCommand("Reads mutants of files of every kind that the program reads, and tells what is neither read nor refused with a sentence.")
{
    minutes, seed, only, threads, replay, output, child,
};
root.SetAction(arguments =>
{
    string folder = arguments.GetValue(output)!;
    string[] kinds = arguments.GetValue(only)!.Split(',');
    if (arguments.GetValue(replay) is { } mutant) return Replay(mutant, folder);
    if (kinds.FirstOrDefault(kind => !FuzzKind.All.ContainsKey(kind)) is { } unknown)
    {
        Console.Error.WriteLine($"there is no kind '{unknown}'; there are {string.Join(", ", FuzzKind.All.Keys)}");
        return 2;
    }

    var time = TimeSpan.FromMinutes(arguments.GetValue(minutes));
    var run = new FuzzRun(arguments.GetValue(seed), folder);
    if (arguments.GetValue(child))
    {
        run.ReadMutants(kinds[0], time);
        return 0;
    }

    return Run(run, folder, kinds, time, arguments.GetValue(threads));
});
return root.Parse(args).Invoke();

static int Run(FuzzRun run, string folder, string[] kinds, TimeSpan time, int threads)
{
    if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
    {
        Console.Error.WriteLine($"the folder '{folder}' is not empty: name another with --out");
        return 2;
    }

    Directory.CreateDirectory(folder);
    long start = Stopwatch.GetTimestamp();
    Parallel.ForEach(
        kinds, new ParallelOptions { MaxDegreeOfParallelism = threads }, kind => run.Watch(kind, time * Math.Min(threads, kinds.Length) / kinds.Length));
    Console.WriteLine(Counts.TableHead);
    long mutants = 0, findings = 0;
    foreach (string kind in kinds)
    {
        using var counts = new Counts(run.CountsFile(kind));
        Console.WriteLine(counts.Line(kind));
        (mutants, findings) = (mutants + counts.Mutants, findings + counts.Findings);
    }

    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"\n{mutants:N0} mutants in {Stopwatch.GetElapsedTime(start).TotalMinutes:F1} minutes, {findings:N0} findings; '{folder}' has the first of each"));
    return findings == 0 ? 0 : 1;
}

static int Replay(string mutant, string folder)
{
    string[] parts = mutant.Split(':');
    FuzzKind kind;
    Sample sample;
    if (File.Exists(mutant))
    {
        (string name, sample) = Findings.Read(mutant);
        kind = FuzzKind.All[name]();
    }
    else if (parts is [var seed, var name, var number] && FuzzKind.All.TryGetValue(name, out var make))
    {
        kind = make();
        sample = kind.Mutate(new Mutator(ulong.Parse(seed), name, long.Parse(number)));
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"{name}-{seed}.{number}-{sample.Name.Replace('/', '+')}");
        File.WriteAllBytes(path, sample.Bytes);
        Console.WriteLine($"{path}, {sample.Bytes.Length} bytes");
    }
    else
    {
        Console.Error.WriteLine($"'{mutant}' is neither a file nor of the form SEED:KIND:NUMBER");
        return 2;
    }

    using (kind)
    {
        foreach (var good in kind.Corpus) Trial.Of(kind, good, isAlone: true);
        var trial = Trial.Of(kind, sample, isAlone: true);
        Console.WriteLine($"{trial.Outcome}, {trial.Time.TotalMilliseconds:F1} ms, {trial.Allocated / 1024} KiB: {trial.Report}");
        return trial.Outcome == Outcome.Finding ? 1 : 0;
    }
}
