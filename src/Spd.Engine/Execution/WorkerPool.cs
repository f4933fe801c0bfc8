using System.Runtime.ExceptionServices;

namespace Spd.Engine.Execution;

/// <summary>Work that is cut into numbered items, each of which may run on any thread.</summary>
internal interface IParallelWork
{
    /// <summary>Does one item on a worker, from 0 and below the number of items and of threads; no two items run on one worker at a time.</summary>
    void Execute(int item, int worker);
}

/// <summary>
/// A fixed number of threads that wait, spinning for a moment and then asleep, for the next piece of work. One dispatch costs about a microsecond
/// while the workers spin, and allocates nothing. A worker that is not there in time is not waited for: on a busy machine the others do its items.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    /// <summary>Floats of a long array that a thread takes at a time.</summary>
    public const int StretchLength = 1 << 14;

    private const int SpinsBeforeSleep = 200, Closed = -1;
    private readonly Lock _runLock = new();
    private readonly object _sleep = new();
    private readonly Thread[] _threads;
    private IParallelWork? _work;
    private int _items, _nextItem, _sleeping;

    // Workers that take part in the work at hand; closed where there is none. While one does, the work and its items stay what they are.
    private int _taking = Closed;
    private volatile int _generation;
    private volatile bool _stopped;
    private ExceptionDispatchInfo? _failure;

    /// <summary>A pool that runs work on <paramref name="threads"/> threads, the calling one among them.</summary>
    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _threads[i] = new Thread(() => Work(worker)) { IsBackground = true, Name = $"spd worker {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads that take part, the calling one among them.</summary>
    public int Threads { get; }

    /// <summary>Runs every item of <paramref name="work"/> once and returns when all are done; the first exception of an item is thrown again here.</summary>
    public void Run(IParallelWork work, int items)
    {
        lock (_runLock)
        {
            ObjectDisposedException.ThrowIf(_stopped, this);
            if (_work is not null) throw new InvalidOperationException("an item of the pool's work cannot start work on the same pool");
            if (Threads == 1 || items <= 1)
            {
                for (int item = 0; item < items; item++) work.Execute(item, 0);
                return;
            }

            _work = work;
            _items = items;
            _nextItem = 0;
            _failure = null;
            Volatile.Write(ref _taking, 0);
            Interlocked.Increment(ref _generation);
            if (Volatile.Read(ref _sleeping) > 0)
                lock (_sleep) Monitor.PulseAll(_sleep);

            TakeItems(0);
            var wait = default(SpinWait);
            while (Interlocked.CompareExchange(ref _taking, Closed, 0) != 0) wait.SpinOnce(sleep1Threshold: -1);
            _work = null;
            _failure?.Throw();
        }
    }

    /// <summary>Cuts an array into stretches.</summary>
    public static IEnumerable<(int First, int Length)> Stretches(int length, int longest = StretchLength)
    {
        for (int first = 0; first < length; first += longest) yield return (first, Math.Min(longest, length - first));
    }

    public void Dispose()
    {
        lock (_runLock)
        {
            if (_stopped) return;
            _stopped = true;
            Interlocked.Increment(ref _generation);
            lock (_sleep) Monitor.PulseAll(_sleep);
        }

        foreach (var thread in _threads) thread.Join();
    }

    private void Work(int worker)
    {
        int seen = 0;
        while (true)
        {
            seen = AwaitGenerationAfter(seen);
            if (_stopped) return;
            if (!TryTakePart()) continue;
            // No more workers take part than there are items, so that work may keep memory for as many.
            if (worker < _items) TakeItems(worker);
            Interlocked.Decrement(ref _taking);
        }
    }

    /// <summary>Joins the work at hand, unless all of it was done before.</summary>
    private bool TryTakePart()
    {
        for (int taking; (taking = Volatile.Read(ref _taking)) != Closed;)
            if (Interlocked.CompareExchange(ref _taking, taking + 1, taking) == taking) return true;
        return false;
    }

    private int AwaitGenerationAfter(int seen)
    {
        var wait = default(SpinWait);
        for (int spin = 0; spin < SpinsBeforeSleep; spin++)
        {
            if (_generation != seen) return _generation;
            wait.SpinOnce(sleep1Threshold: -1);
        }

        lock (_sleep)
        {
            Interlocked.Increment(ref _sleeping);
            while (_generation == seen) Monitor.Wait(_sleep);
            Interlocked.Decrement(ref _sleeping);
            return _generation;
        }
    }

    private void TakeItems(int worker)
    {
        var work = _work!;
        int items = _items;
        while (true)
        {
            int item = Interlocked.Increment(ref _nextItem) - 1;
            if (item >= items) return;
            try
            {
                work.Execute(item, worker);
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
                return;
            }
        }
    }
}
