using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Tests;
using static Spd.Engine.Tests.Samples;

namespace Spd.Engine.Tests.Execution;

/// <summary>A sequence that is computed part by part has what it has as a whole.</summary>
public sealed class CachedAttentionTests : IDisposable
{
    private const int Length = 150, Width = 6, Heads = 4;

    private readonly CpuBackend _backend = TestBackend.Create();

    public void Dispose() => _backend.Dispose();

    [Theory]
    [InlineData(4, 0, false)]
    [InlineData(4, 7, true)]
    [InlineData(2, 40, false)]
    [InlineData(1, 0, true)]
    public void PartsHaveWhatTheWholeHas(int keyHeads, int window, bool isInterleaved)
    {
        const int ValueWidth = 5;
        int[] rows = [Heads * Width, keyHeads * Width, keyHeads * ValueWidth];
        float[][] all = [.. rows.Select((count, i) => Numbers(Length * count, seed: i))];
        var graph = new Graph();
        var positions = graph.Input(1);
        Value[] inputs = [.. rows.Select(count => graph.Input(count))];
        float[] expected = Run(graph, graph.Add(Described(rotation => rotation)), inputs, all, Length);
        var output = graph.Add(new CachedAttention(
            Described(rotation => new RotateAt(rotation, positions)), positions, new Parameter("keys", rows[1], Length), new Parameter("values", rows[2], Length)));
        // Blocks of several sizes, one alone, and some that are computed again.
        foreach (var (start, count) in new[] { (0, 1), (1, 32), (33, 70), (60, 45), (105, 1), (106, 44) })
        {
            float[][] parts = [.. all.Select((values, i) => values[(start * rows[i])..((start + count) * rows[i])]), [.. Enumerable.Range(start, count).Select(at => (float)at)]];
            float[] part = Run(graph, output, [.. inputs, positions], parts, count);
            int features = Heads * ValueWidth;
            Assert.Equal(count * features, part.Length);
            for (int i = 0; i < part.Length; i++) Assert.Equal(expected[start * features + i], part[i], 2e-5f);
        }

        CausalAttention Described(Func<Rotate, Operation> turned)
        {
            Value query = graph.Add(turned(new Rotate(inputs[0], Width, 100, isInterleaved))), key = graph.Add(turned(new Rotate(inputs[1], Width, 100, isInterleaved)));
            return new CausalAttention(query, key, inputs[2], Heads, keyHeads, 0.7, window);
        }
    }

    [Fact]
    public void WhatCannotBeKeptIsRefused()
    {
        var graph = new Graph();
        Value x = graph.Input(2), positions = graph.Input(1);
        var attention = new CausalAttention(x, x, x, 1, 1, 1);
        Parameter three = new("kept", 2, 3), four = new("kept", 2, 4);
        Assert.Contains(
            "cannot be kept in matrices of [2, 3] and [2, 4]",
            Assert.Throws<ArgumentException>(() => graph.Add(new CachedAttention(attention, positions, three, four))).Message, StringComparison.Ordinal);
        var output = graph.Add(new CachedAttention(attention, positions, three, three));
        Refuses(new Batch(1, 2), [2, 3], "positions 2 to 3 were computed, but keys and values are kept of 3");
        Refuses(new Batch(1, 1), [-1], "positions -1 to -1 were computed");
        Refuses(new Batch(2, 1), [0, 1], "keys and values are kept of one sequence, but the batch has 2");

        void Refuses(Batch batch, float[] at, string sentence)
        {
            var program = _backend.Compile(new Objective(graph), batch, keep: [output]);
            program.Set(x, new float[2 * at.Length]);
            program.Set(positions, at);
            Assert.StartsWith(sentence, Assert.Throws<InvalidOperationException>(() => program.Run(0, 0)).Message, StringComparison.Ordinal);
        }
    }

    private float[] Run(Graph graph, Value output, Value[] inputs, float[][] values, int length)
    {
        var program = _backend.Compile(new Objective(graph), new Batch(1, length), keep: [output]);
        foreach (var (input, given) in inputs.Zip(values)) program.Set(input, given);
        program.Run(0, 0);
        return program.Read(output);
    }
}
