using System.Text.RegularExpressions;

namespace Spd.Fuzz;

/// <summary>What became of a mutant.</summary>
public enum Outcome
{
    /// <summary>It was read.</summary>
    Accepted,

    /// <summary>It was refused with a sentence, as is documented.</summary>
    Refused,

    /// <summary>Something else happened.</summary>
    Finding,
}

/// <summary>One mutant, read.</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="What">Why it was refused, or what is wrong; empty where it was read.</param>
/// <param name="Exception">What was thrown.</param>
/// <param name="Time">Processor time that it took, of the whole process.</param>
/// <param name="Allocated">Bytes that were allocated meanwhile.</param>
public sealed partial record Trial(Outcome Outcome, string What, Exception? Exception, TimeSpan Time, long Allocated)
{
    // Processor time, which does not depend on what else the machine does.
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(2);

    /// <summary>Reads a mutant.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="sample">The mutant.</param>
    /// <param name="isAlone">Whether nothing else is computed in this process, so that its processor time is the mutant's.</param>
    public static Trial Of(FuzzKind kind, Sample sample, bool isAlone)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        var start = Environment.CpuUsage.TotalTime;
        var (outcome, what, thrown) = Read(kind, sample);
        var time = isAlone ? Environment.CpuUsage.TotalTime - start : TimeSpan.Zero;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        if (outcome == Outcome.Finding) return new Trial(outcome, what, thrown, time, allocated);
        if (time > Slow) return new Trial(Outcome.Finding, $"it took more than {Slow.TotalSeconds} s", thrown, time, allocated);
        if (allocated > kind.AllocationLimit(sample.Bytes.Length)) return new Trial(Outcome.Finding, "it allocated more than its limit", thrown, time, allocated);
        return new Trial(outcome, what, thrown, time, allocated);
    }

    /// <summary>All that is known of it.</summary>
    public string Report => $"{What}\n{(Exception as BrokenPromiseException)?.Detail}\n{Exception}";

    /// <summary>What tells a finding from others: what happened, and where.</summary>
    public string Key => $"{Digits().Replace(What, "#")} {Exception?.GetType().Name} {PlaceIn(Exception?.StackTrace)}";

    private static (Outcome Outcome, string What, Exception? Thrown) Read(FuzzKind kind, Sample sample)
    {
        try
        {
            kind.Try(sample);
            return (Outcome.Accepted, "", null);
        }
        catch (BrokenPromiseException exception)
        {
            return (Outcome.Finding, exception.Message, exception);
        }
        catch (Exception exception) when (kind.IsRefusal(exception))
        {
            try
            {
                FuzzKind.CheckSentence(exception.Message);
                return (Outcome.Refused, exception.Message, exception);
            }
            catch (BrokenPromiseException broken)
            {
                return (Outcome.Finding, broken.Message, exception);
            }
        }
#pragma warning disable CA1031 // Whatever it is, it is a finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return (Outcome.Finding, $"{exception.GetType().Name} is not documented", exception);
        }
    }

    private static string PlaceIn(string? trace) =>
        trace?.Split('\n').FirstOrDefault(line => line.Contains(" Spd.", StringComparison.Ordinal))?.Trim() ?? "";

    [GeneratedRegex(@"\d+")]
    private static partial Regex Digits();
}
