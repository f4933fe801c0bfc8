using Spd.Engine.Operations;
using Spd.Networks;
using System.Security.Cryptography;
using Spd.Decomposition;
using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Optimisation;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Formats;
using Spd.Runs.Checkpoints;

namespace Spd.Runs.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private const string Config = "seed: 1\nC: 6\nsteps: 100\nlr: 0.001\ntarget: {load: /a/w.pt, train: {seed: 0}, data: {inputs: /a/x.npy}}\n";

    private static readonly RunMeaning Meaning = MeaningOf(Config);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ATrainingGoesOnAsIfItHadNeverStopped()
    {
        using var whole = Decompose();
        whole.Train(cancellation: TestContext.Current.CancellationToken);
        double expected = whole.Evaluate(batches: 2, adversarialBatches: 1).AdversarialRecon;

        using var first = Decompose();
        using var stop = new CancellationTokenSource();
        first.Train(step =>
        {
            if (step.StepsTaken == 17) stop.Cancel();
        }, stop.Token);
        Save(first, "a.safetensors");

        using var second = Decompose(threads: 3, seedOfStart: 99);
        var checkpoint = Checkpoint.Read(_folder["a.safetensors"]);
        checkpoint.Restore(second.State.Values);
        var position = checkpoint.Position;
        Assert.Equal(new CheckpointPosition(17, 0, 5, 40, "scalar"), position);
        second.Resume(position.Step, position.EvaluatedBatches);
        second.Train(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(Bits(whole), Bits(second));
        Assert.Equal(expected, second.Evaluate(batches: 2, adversarialBatches: 1).AdversarialRecon);
    }

    [Fact]
    public void GroupsWithRulesOfTheirOwnGoOnAsIfTheyHadNeverStopped()
    {
        var (expected, _) = Train(null, 0, 20, threads: 1);
        var (_, stopped) = Train(null, 0, 8, threads: 2);
        Checkpoint.Save(_folder["groups.safetensors"], stopped.State, new CheckpointPosition(8, 0, 0, 20, "scalar"), Meaning);
        var checkpoint = Checkpoint.Read(_folder["groups.safetensors"]);
        Assert.Equal(expected, Train(checkpoint, 8, 20, threads: 3).Bits);
        Assert.Equal(
            [
                "network.0000.weight", "network.0000.weight.first_moment", "network.0000.weight.second_moment", "by_adam.0000.x", "by_adam.0000.x.first_moment",
                "by_adam.0000.x.second_moment", "by_sgd.0000.y", "by_sgd.0000.y.velocity", "by_sign.0000.z",
            ],
            stopped.State.Select(array => array.Name));
        // Where a rule keeps other things, nothing is written.
        var set = new ParameterSet([new Parameter("x", 3)]);
        using var backend = TestBackend.Create(1);
        foreach (var other in new[] { new ParameterGroup("by_adam", set, new Sgd(), _ => 1), new ParameterGroup("by_adam", set, new Sgd(0.9), _ => 1) })
        {
            var refused = new Optimiser([other, other with { Name = "network", Parameters = new ParameterSet([]) }], backend);
            Assert.Throws<FileContentException>(() => checkpoint.Restore(refused.State));
            Assert.All(set.Parameters[0].Values.ToArray(), value => Assert.Equal(0, value));
        }

        // A network descends while sources of an adversary, which shift its output, climb its loss in three ways.
        static (byte[] Bits, Optimiser Optimiser) Train(Checkpoint? from, int first, int last, int threads)
        {
            Parameter weight = new("weight", 3, 4), x = new("x", 3), y = new("y", 3), z = new("z", 3);
            ParameterSet network = new([weight]), all = new([weight, x, y, z]);
            weight.Values.Fill(0.25f);
            var graph = new Graph();
            var objective = new Objective(graph);
            var input = graph.Uniform(4, NetworkStreams.FeatureValues);
            var output = graph.AddBias(graph.AddBias(graph.AddBias(graph.MatMul(weight, input), x), y), z);
            objective.Add("loss", graph.SquaredError(output, graph.Uniform(3, NetworkStreams.RowChoice)));
            using var backend = TestBackend.Create(threads);
            var program = backend.Compile(objective, 200, all);
            var schedule = new LearningRateSchedule(ScheduleShape.Cosine, 0.2);
            var optimiser = new Optimiser(
            [
                new ParameterGroup("network", network, new AdamW(0.01), step => 0.05 * schedule.Factor(step, 20), ClipNorm: 0.1),
                new ParameterGroup("by_adam", new ParameterSet([x]), new Ascent(new AdamW(), -1, 1), _ => 0.01),
                new ParameterGroup("by_sgd", new ParameterSet([y]), new Ascent(new Sgd(0.9), -1, 1), _ => 0.01, ClipNorm: 0.5),
                new ParameterGroup("by_sign", new ParameterSet([z]), new Ascent(new SignSgd(), -1, 1), _ => 0.01),
            ], backend);
            from?.Restore(optimiser.State);
            for (int step = first; step < last; step++)
            {
                program.Run(5, step);
                optimiser.Step(step, program.Gradients);
            }

            return ([.. optimiser.State.SelectMany(array => array.Values.ToArray()).SelectMany(BitConverter.GetBytes)], optimiser);
        }
    }

    [Fact]
    public void EveryTruncationIsRefused()
    {
        byte[] good = Good();
        for (int i = 0; i < 64; i++)
        {
            long length = good.Length * (long)i / 64;
            Refuses(good.AsSpan(0, (int)length).ToArray(), $"cut to {length} bytes");
        }

        Refuses(good[..^1], "cut by a byte");
        Refuses([.. good, 0], "a byte longer");
        TestContext.Current.TestOutputHelper?.WriteLine("66 files of another length were refused");
    }

    [Fact]
    public void EveryChangedByteIsRefused()
    {
        byte[] good = Good();
        var random = new RandomSequence(7, NetworkStreams.RowChoice);
        for (int i = 0; i < 1000; i++)
        {
            // A third of them in the header, which is a small part of the file.
            int at = (int)(random.NextUniform() * (i % 3 == 0 ? Math.Min(good.Length, 2000) : good.Length));
            byte[] changed = [.. good];
            changed[at] ^= (byte)(1 + (int)(random.NextUniform() * 255));
            Refuses(changed, $"byte {at} changed from {good[at]} to {changed[at]}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"1000 files of {good.Length} bytes with one changed were refused");
    }

    [Fact]
    public void WhatComputesSomethingElseIsNamedWithBothValues()
    {
        Good();
        var written = Checkpoint.Read(_folder["a.safetensors"]).Meaning;
        Assert.Empty(Meaning.DifferencesFrom(written));
        Assert.Equal(["C is 7, but was 6"], Differences(Config.Replace("C: 6", "C: 7", StringComparison.Ordinal)));
        Assert.Equal(["C is 6, but was not there"], MeaningOf("C: 6").DifferencesFrom(MeaningOf("name: x")));
        Assert.Equal(["C is not there, but was 6"], MeaningOf("name: x").DifferencesFrom(MeaningOf("C: 6")));
        // A name, how often is saved, and where files lie say nothing of what a step computes; their content does.
        Assert.Empty(Differences("name: other\n" + Config.Replace("steps: 100", "steps: 200\nsave_freq: 3", StringComparison.Ordinal)));
        Assert.Empty(Differences(Config.Replace("/a/", "/elsewhere/", StringComparison.Ordinal)));
        Assert.Empty(Differences(Config.Replace("/a/x.npy", "/a/x.npy, class_names: [a, b], expected_outputs: /a/z.npy", StringComparison.Ordinal)));
        Assert.Equal(
            ["target.data.inputs is another file or was changed (its SHA-256 is 4567…, but was 0123…)"],
            MeaningOf(Config, inputs: "4567").DifferencesFrom(written));
        // A key that the program has learnt since is there with its default.
        Assert.Empty(Differences($"{Config}out_recon_coeff: null\nis_new: false\n"));
        Assert.Equal(["is_new is true, but was not there"], Differences($"{Config}is_new: true\n"));
        // What a file holds does not come into a message as it is.
        Assert.Equal(["a b is \ufffd[31m, but was not there"], MeaningOf("\"a\\tb\": \"\\e[31m\"").DifferencesFrom(MeaningOf("{}")));

        IReadOnlyList<string> Differences(string config) => MeaningOf(config).DifferencesFrom(written);
    }

    [Fact]
    public void AnEarlierVersionsCheckpointSaysWhatItIs()
    {
        File.WriteAllBytes(_folder["old.safetensors"], SpdFile("spd checkpoint 1"));
        Assert.EndsWith(
            "old.safetensors' cannot be used: it is of an earlier version of this program, whose checkpoints do not say what the run computes",
            Assert.Throws<FileContentException>(() => Checkpoint.Read(_folder["old.safetensors"])).Message, StringComparison.Ordinal);

        // With a checksum that is right.
        static byte[] SpdFile(string format)
        {
            var metadata = new Dictionary<string, string> { ["format"] = format, ["sha256"] = new('0', 64) };
            TensorData[] tensors = [new("a", [1], [1])];
            using var zeroed = new MemoryStream();
            Safetensors.Write(zeroed, tensors, metadata);
            metadata["sha256"] = Convert.ToHexStringLower(SHA256.HashData(zeroed.ToArray()));
            using var file = new MemoryStream();
            Safetensors.Write(file, tensors, metadata);
            return file.ToArray();
        }
    }

    [Fact]
    public void TheLastTwoAndEveryNthAreKept()
    {
        for (int step = 10; step <= 100; step += 10) File.WriteAllText(Checkpoint.PathOf(_folder.Root, step), "");
        _folder.Write("step-x.safetensors", "");
        File.WriteAllText(Checkpoint.PathOf(_folder.Root, 105), "");
        Checkpoint.Prune(_folder.Root, step: 105, frequency: 10, keepEvery: 4);
        Assert.Equal(
            ["step-00000105.safetensors", "step-00000100.safetensors", "step-00000080.safetensors", "step-00000040.safetensors"],
            Checkpoint.Newest(_folder.Root).Select(path => Path.GetFileName(path)!));
        Checkpoint.Prune(_folder.Root, step: 105, frequency: 10, keepEvery: null);
        Assert.Equal(2, Checkpoint.Newest(_folder.Root).Count);
        Assert.True(File.Exists(_folder["step-x.safetensors"]));
        Assert.Empty(Checkpoint.Newest(_folder["nowhere"]));
    }

    [Fact]
    public void ANewOneIsNeverRemovedForOnesOfLaterSteps()
    {
        foreach (int step in new[] { 20, 40, 60, 180, 200 }) File.WriteAllText(Checkpoint.PathOf(_folder.Root, step), "");
        Checkpoint.Prune(_folder.Root, step: 60, frequency: 20, keepEvery: null);
        Assert.Equal([200, 180, 60, 40], Checkpoint.Newest(_folder.Root).Select(path => int.Parse(Path.GetFileNameWithoutExtension(path)[5..])));
        Checkpoint.SetAside(Checkpoint.PathOf(_folder.Root, 200));
        Assert.True(File.Exists(_folder["step-00000200.safetensors.damaged"]));
        Assert.Equal(3, Checkpoint.Newest(_folder.Root).Count);
    }

    private static RunMeaning MeaningOf(string config, string inputs = "0123") =>
        RunMeaning.Of(config, new Dictionary<string, string> { ["target.data.inputs"] = inputs }, "target.load");

    private static Decomposer Decompose(int threads = 2, ulong seedOfStart = 1)
    {
        var network = new Tms(new TmsModelConfig());
        network.Initialise(3);
        var options = new DecompositionOptions
        {
            Seed = 1,
            C = 6,
            NCiMlpNeurons = 4,
            TargetModulePatterns = ["linear1", "linear2"],
            Steps = 40,
            BatchSize = 200,
        };
        var decomposer = new Decomposer(network, new SparseFeatures(5, 0.3), options, TestBackend.Create(threads));
        // What a checkpoint does not restore would show.
        if (seedOfStart != 1)
        {
            foreach (var parameter in decomposer.Components.Parameters.Parameters) parameter.Values.Fill(seedOfStart);
        }

        return decomposer;
    }

    private static byte[] Bits(Decomposer decomposer) =>
        [.. decomposer.Components.Parameters.Parameters.SelectMany(parameter => parameter.Values.ToArray()).SelectMany(BitConverter.GetBytes)];

    private void Save(Decomposer decomposer, string name) => Checkpoint.Save(
        _folder[name], decomposer.State.Values, new CheckpointPosition(decomposer.StepsTaken, decomposer.State.EvaluatedBatches, 5, 40, "scalar"), Meaning);

    private byte[] Good()
    {
        using var decomposer = Decompose();
        using var stop = new CancellationTokenSource();
        decomposer.Train(step =>
        {
            if (step.StepsTaken == 17) stop.Cancel();
        }, stop.Token);
        Save(decomposer, "a.safetensors");
        return File.ReadAllBytes(_folder["a.safetensors"]);
    }

    private void Refuses(byte[] bytes, string what)
    {
        File.WriteAllBytes(_folder["changed.safetensors"], bytes);
        using var decomposer = Decompose();
        byte[] before = Bits(decomposer);
        var exception = Record.Exception(() => Checkpoint.Read(_folder["changed.safetensors"]).Restore(decomposer.State.Values));
        Assert.True(exception is FileContentException, $"{what}: {exception?.ToString() ?? "it was loaded"}");
        Assert.DoesNotContain('\n', exception!.Message);
        Assert.Equal(before, Bits(decomposer));
    }
}
