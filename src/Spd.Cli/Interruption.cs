using System.Runtime.InteropServices;

namespace Spd.Cli;

/// <summary>
/// Turns Ctrl-C, or a signal that ends a program, into a cancellation; the next one ends the program at once. So does the first before there is any work that
/// could look at the cancellation, as when a file that is read is a pipe to which nobody writes.
/// </summary>
internal sealed class Interruption : IDisposable
{
    // As shells have it: 128 and the signal's number.
    private static readonly Dictionary<PosixSignal, int> ExitCodes = new()
    {
        [PosixSignal.SIGINT] = 130,
        [PosixSignal.SIGTERM] = 143,
        [PosixSignal.SIGHUP] = 129,
    };

    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations;

    public Interruption() => _registrations = [.. ExitCodes.Keys.Select(signal => PosixSignalRegistration.Create(signal, Stop))];

    /// <summary>What the program ends with when it was stopped by a signal: the code of that signal.</summary>
    public static int ExitCode { get; private set; } = ExitCodes[PosixSignal.SIGINT];

    public CancellationToken Token => _source.Token;

    /// <summary>Whether work is under way that ends when it is cancelled.</summary>
    public bool IsAtWork { get; set; }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _source.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        context.Cancel = IsAtWork && !_source.IsCancellationRequested;
        if (!context.Cancel)
        {
            LivePicture.TakeAway();
            return;
        }

        ExitCode = ExitCodes[context.Signal];
        _source.Cancel();
    }
}
