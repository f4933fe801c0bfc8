using Spd.Networks.Targets;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Checkpoints;

public sealed class TargetCheckpointsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private readonly TmsTargetConfig _config = new()
    {
        Model = new TmsModelConfig { NFeatures = 2, NHidden = 2 },
        FeatureProbability = 0.2,
        Lr = 0.01,
        Steps = 1000,
        BatchSize = 256,
    };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AStoppedTrainingGoesOnAsIfItHadNeverStopped()
    {
        float[] whole = Provide("whole", new Observer());
        var stopped = new Observer { StopAt = 450 };
        Assert.Throws<OperationCanceledException>(() => Provide("cut", stopped));
        Assert.Equal(["step-00000400.safetensors", "step-00000450.safetensors"], Checkpoints("cut"));

        // The newest is damaged, so that the one before it is used.
        string newest = Directory.GetFiles(_folder["cut"], "step-00000450.safetensors", SearchOption.AllDirectories).Single();
        byte[] bytes = File.ReadAllBytes(newest);
        bytes[^1] ^= 1;
        File.WriteAllBytes(newest, bytes);
        var next = new Observer();
        Assert.Equal(whole, Provide("cut", next, threads: 3));
        Assert.Equal(401, next.FirstStep);
        Assert.Contains(next.Notes, note => note.EndsWith("it is cut short or damaged; the one before it is tried", StringComparison.Ordinal));
        Assert.Contains("going on with the target's training from step 400", next.Notes);
        // With the target in the cache, its checkpoints are gone.
        Assert.Single(Directory.GetFileSystemEntries(_folder["cut"]));
    }

    [Fact]
    public void ADamagedCheckpointOfALaterStepCostsNoNewOne()
    {
        float[] whole = Provide("whole", new Observer());
        Assert.Throws<OperationCanceledException>(() => Provide("cut", new Observer { StopAt = 250 }));
        string folder = Assert.Single(Directory.GetDirectories(_folder["cut"]));
        File.WriteAllText(Path.Combine(folder, "step-00000950.safetensors"), "nothing");
        Assert.Throws<OperationCanceledException>(() => Provide("cut", new Observer { StopAt = 450 }));
        Assert.Equal(["step-00000400.safetensors", "step-00000450.safetensors", "step-00000950.safetensors.damaged"], Checkpoints("cut"));
        var next = new Observer();
        Assert.Equal(whole, Provide("cut", next));
        Assert.Equal(451, next.FirstStep);
    }

    [Fact]
    public void TwoTrainingsOfOneTargetDoNotHarmEachOther()
    {
        float[] whole = Provide("whole", new Observer());
        // A second program trains the whole target, and removes the checkpoints, while the first one stands at step 450.
        float[]? second = null;
        var first = new Observer
        {
            At450 = () => second = Provide("both", new Observer(), threads: 1),
        };
        Assert.Equal(whole, Provide("both", first));
        Assert.Equal(whole, second);
        Assert.Single(Directory.GetFileSystemEntries(_folder["both"]));
    }

    [Fact]
    public void ACheckpointThatCannotBeWrittenIsNoMoreThanANote()
    {
        var observer = new Observer();
        float[] weights = Provide(Path.Combine(_folder.Write("file", ""), "cache"), observer);
        Assert.Equal(Provide("whole", new Observer()), weights);
        Assert.Contains(
            observer.Notes, note => note.StartsWith("no checkpoint of the target's training could be written at step 100: ", StringComparison.Ordinal));
    }

    private string[] Checkpoints(string cache) =>
        [.. Directory.GetFiles(_folder[cache], "*", SearchOption.AllDirectories).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private float[] Provide(string cache, Observer observer, int threads = 2)
    {
        using var backend = TestBackend.Create(threads);
        var target = new TargetProvider(new TargetCache(_folder[cache]), backend, observer).Provide(_config, observer.Stop.Token);
        return [.. target.Network.TrainableParameters().SelectMany(parameter => parameter.Values.ToArray())];
    }

    private sealed class Observer : IRunObserver
    {
        public List<string> Notes { get; } = [];

        public CancellationTokenSource Stop { get; } = new();

        public int StopAt { get; init; }

        public Action? At450 { get; init; }

        public int FirstStep { get; private set; }

        public void Note(string sentence) => Notes.Add(sentence);

        public void TargetStep(int step, int steps, double loss)
        {
            if (FirstStep == 0) FirstStep = step;
            if (step == 450) At450?.Invoke();
            if (step == StopAt) Stop.Cancel();
        }

        public void Progress(RunProgress progress)
        {
        }
    }
}
