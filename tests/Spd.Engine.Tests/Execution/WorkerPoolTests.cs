using Spd.Engine.Execution;

namespace Spd.Engine.Tests.Execution;

public sealed class WorkerPoolTests
{
    /// <summary>So much longer than any of this takes that only a standstill reaches it, however busy the machine is.</summary>
    private static readonly TimeSpan Forever = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 5)]
    [InlineData(2, 1)]
    [InlineData(2, 1000)]
    [InlineData(3, 2)]
    [InlineData(8, 3)]
    [InlineData(8, 1000)]
    public void EveryItemIsDoneOnceByOneWorkerAtATime(int threads, int items)
    {
        using var pool = new WorkerPool(threads);
        var work = new CountingWork(threads, items);
        for (int round = 1; round <= 20; round++)
        {
            pool.Run(work, items);
            work.AssertDone(round);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void ManyTinyRunsBackToBack(int threads)
    {
        int runs = threads == 8 ? 2000 : 10_000;
        using var pool = new WorkerPool(threads);
        var work = new CountingWork(threads, 3);
        for (int run = 1; run <= runs; run++) pool.Run(work, 3);
        work.AssertDone(runs);
    }

    [Fact]
    public void SleepingWorkersWakeUp()
    {
        using var pool = new WorkerPool(3);
        for (int round = 0; round < 5; round++)
        {
            Thread.Sleep(40);
            // Each of the three items waits until all are running, so that a worker left asleep would be noticed.
            var work = new MeetingWork(3);
            pool.Run(work, 3);
            Assert.True(work.AllMet, "a worker slept on");
        }
    }

    [Fact]
    public void RunsFromSeveralThreadsTakeTurns()
    {
        using var pool = new WorkerPool(2);
        var works = Enumerable.Range(0, 4).Select(_ => new CountingWork(2, 7)).ToArray();
        var callers = works.Select(work => new Thread(() =>
        {
            for (int run = 0; run < 300; run++) pool.Run(work, 7);
        })).ToList();
        callers.ForEach(caller => caller.Start());
        callers.ForEach(caller => Assert.True(caller.Join(Forever)));
        Assert.All(works, work => work.AssertDone(300));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public void AnExceptionSurfacesAndThePoolSurvives(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (int round = 0; round < 50; round++)
        {
            int bad = round % 10;
            var exception = Assert.Throws<InvalidDataException>(() => pool.Run(new FailingWork(bad), 10));
            Assert.Equal($"item {bad}", exception.Message);
            Assert.Contains(nameof(FailingWork), exception.StackTrace!, StringComparison.Ordinal);
            var work = new CountingWork(threads, 10);
            pool.Run(work, 10);
            work.AssertDone(1);
        }

        Assert.Throws<InvalidDataException>(() => pool.Run(new FailingWork(-1), 100));
    }

    [Fact]
    public void ADisposedPoolRunsNothingAndDisposesAgain()
    {
        var pool = new WorkerPool(4);
        pool.Run(new CountingWork(4, 4), 4);
        pool.Dispose();
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Run(new CountingWork(4, 4), 4));
    }

    [Fact]
    public void DisposingEndsTheThreadsWhetherTheySpinOrSleep()
    {
        for (int round = 0; round < 50; round++)
        {
            var pool = new WorkerPool(4);
            if (round % 3 == 0) pool.Run(new CountingWork(4, 4), 4);
            if (round % 10 == 0) Thread.Sleep(5);
            // Waits for its threads; one that slept on would be waited for without end.
            pool.Dispose();
        }
    }

    [Fact]
    public void NoThreadsAreNoPool() => Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerPool(0));

    private sealed class CountingWork(int threads, int items) : IParallelWork
    {
        private readonly int[] _counts = new int[items];
        private readonly int[] _running = new int[threads];
        private int _collisions;

        public void Execute(int item, int worker)
        {
            if (Interlocked.Increment(ref _running[worker]) != 1) Interlocked.Increment(ref _collisions);
            Interlocked.Increment(ref _counts[item]);
            Interlocked.Decrement(ref _running[worker]);
        }

        public void AssertDone(int times)
        {
            Assert.Equal(0, _collisions);
            Assert.All(_counts, count => Assert.Equal(times, count));
        }
    }

    private sealed class MeetingWork(int parties) : IParallelWork
    {
        private int _met;

        public bool AllMet => Volatile.Read(ref _met) == parties;

        public void Execute(int item, int worker)
        {
            Interlocked.Increment(ref _met);
            Assert.True(SpinWait.SpinUntil(() => AllMet, Forever), "the other workers never came");
        }
    }

    private sealed class FailingWork(int bad) : IParallelWork
    {
        public void Execute(int item, int worker)
        {
            if (item == bad || bad < 0) throw new InvalidDataException($"item {item}");
        }
    }
}
