using System.Diagnostics;
using System.Reflection;

namespace Spd.Fuzz;

/// <summary>Runs kinds, each in a process of its own, since a stack that overflows ends the process; it is then begun again behind the mutant that ended it.</summary>
/// <param name="seed">The seed of the mutants.</param>
/// <param name="folder">Where counts and findings go.</param>
internal sealed class FuzzRun(ulong seed, string folder)
{
    // Of garbage collection, which small files have no need of.
    private const string MemoryLimit = "0x80000000";

    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    /// <summary>Where the counts of a kind are.</summary>
    public string CountsFile(string kind) => Path.Combine(folder, $"{kind}.counts");

    /// <summary>Reads mutants in this process, from the one that the counts have reached.</summary>
    public void ReadMutants(string kindName, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        var findings = new Findings(folder);
        using var counts = new Counts(CountsFile(kindName));
        using var kind = FuzzKind.All[kindName]();
        // What is compiled when it is first used is not the first mutant's.
        foreach (var sample in kind.Corpus) Trial.Of(kind, sample, isAlone: true);
        for (; Stopwatch.GetElapsedTime(start) < time; counts.Number++)
        {
            var sample = kind.Mutate(new Mutator(seed, kindName, counts.Number));
            var trial = Trial.Of(kind, sample, isAlone: true);
            counts.Add(trial);
            if (trial.Outcome != Outcome.Finding) continue;
            string? path = findings.Keep(kind, sample, $"{seed}:{kindName}:{counts.Number}", trial.Key, trial.Report);
            if (path is not null) Console.Error.WriteLine($"{path}: {trial.What}");
        }
    }

    /// <summary>Has another process read mutants for some time.</summary>
    public void Watch(string kindName, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        using var counts = new Counts(CountsFile(kindName));
        while (time - Stopwatch.GetElapsedTime(start) is { TotalSeconds: > 0 } left)
        {
            using var child = Process.Start(Child(kindName, left))!;
            var error = child.StandardError.ReadToEndAsync();
            bool isHanging = false;
            for (long reached = -1; !child.WaitForExit(Hang);)
            {
                isHanging = counts.Number == reached && counts.Mutants > 0;
                reached = counts.Number;
                if (isHanging) child.Kill();
            }

            if (child.ExitCode == 0)
            {
                Console.Error.Write(error.Result);
                return;
            }

            // The counts stand at the mutant that was being read.
            counts.Findings++;
            string what = isHanging ? "it was read for more than a minute" : $"the process died with the code {child.ExitCode}";
            using var kind = FuzzKind.All[kindName]();
            string trace = error.Result.Length > 4000 ? error.Result[..4000] : error.Result;
            string? path = new Findings(folder).Keep(
                kind, kind.Mutate(new Mutator(seed, kindName, counts.Number)), $"{seed}:{kindName}:{counts.Number}", $"{what} {FirstPlace(trace)}", $"{what}\n{trace}");
            if (path is not null) Console.Error.WriteLine($"{path}: {what}");
            counts.Number++;
        }
    }

    private ProcessStartInfo Child(string kind, TimeSpan time)
    {
        string program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardError = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location);
        foreach (string argument in new[] { "--child", "--only", kind, "--seed", $"{seed}", "--minutes", $"{time.TotalMinutes:R}", "--out", folder })
            start.ArgumentList.Add(argument);
        start.Environment["DOTNET_GCHeapHardLimit"] = MemoryLimit;
        return start;
    }

    private static string FirstPlace(string trace) =>
        trace.Split('\n').FirstOrDefault(line => line.Contains(" Spd.", StringComparison.Ordinal) || line.StartsWith("   at ", StringComparison.Ordinal))?.Trim() ?? "";
}
