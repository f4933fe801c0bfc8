namespace Spd.Runs;

/// <summary>Says of a work that it is going on, once, where it takes more than some seconds and nothing else would be shown meanwhile.</summary>
internal sealed class LongWork : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Timer _timer;

    /// <summary>Begins to wait.</summary>
    /// <param name="observer">Is told; from another thread.</param>
    /// <param name="sentence">What goes on, without its full stop.</param>
    public LongWork(IRunObserver observer, string sentence) =>
        _timer = new Timer(_ => observer.Note(sentence), state: null, Patience, Timeout.InfiniteTimeSpan);

    /// <summary>The work is done; nothing is said any more.</summary>
    public void Dispose()
    {
        using var isOver = new ManualResetEvent(initialState: false);
        if (_timer.Dispose(isOver)) isOver.WaitOne();
    }
}
