using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Formats;
using Spd.Runs.Targets;

namespace Spd.Runs.Activations;

/// <summary>Writes what a decomposition computes, example by example, as a NumPy archive.</summary>
internal static class RunDump
{
    private const int MostNumbers = 1 << 22;

    /// <summary>
    /// Writes, of the first examples that it is measured on: <c>inputs</c> <c>[examples, features]</c>, or <c>tokens</c> <c>[examples, positions]</c>; for each
    /// site <c>{site}.importance</c> and <c>{site}.inner</c> <c>[examples, C]</c>, or <c>[examples, positions, C]</c>; and the network's own <c>outputs</c>. Memory
    /// does not grow with the number of examples.
    /// </summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="model">The components.</param>
    /// <param name="data">The examples.</param>
    /// <param name="examples">How many, at most as many as there are.</param>
    /// <param name="hasOutputs">Whether outputs are written.</param>
    /// <param name="seed">Seed of examples that are drawn.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="onProgress">Is told now and then how far it is.</param>
    /// <returns>How many examples were written.</returns>
    /// <exception cref="IOException">The file cannot be written; an older one is untouched.</exception>
    public static long Write(
        string path, ComponentModel model, TargetData data, long examples, bool hasOutputs, ulong seed, Backend backend, Action<string>? onProgress)
    {
        int length = data.Evaluation.Length, features = data.Evaluation.Features, size = length * features;
        long count = data.Text is { } text ? Math.Min(examples, text.Sequences.Count) : data.Measured is { } rows ? Math.Min(examples, rows.Count) : examples;
        bool isOfTokens = length > 1;
        var graph = new Graph();
        var x = graph.Input(features);
        var target = CausalImportance.Build(graph, model, x);
        var values = target.Sites.SelectMany(site => new[] { ($"{site.Site.Name}.importance", site.Importance), ($"{site.Site.Name}.inner", site.Inner) })
            .Concat(hasOutputs ? [("outputs", target.TargetOutput)] : Array.Empty<(string, Value)>()).ToList();
        int batch = (int)Math.Clamp(MostNumbers / ((long)length * values.Sum(value => (long)value.Item2.Rows)), 1, Math.Min(count, 1024));
        var program = backend.Compile(new Objective(graph), new Batch(batch, length), keep: [.. values.Select(value => value.Item2)]);
        float[] inputs = new float[batch * size];
        var draw = data.Text is null && data.Measured is null ? data.Evaluation.Drawing(batch, seed, backend) : null;
        using var writer = new ArrayArchiveWriter(path);
        for (long first = 0; first < count; first += batch)
        {
            int now = (int)Math.Min(batch, count - first);
            Read(first, now);
            program.Set(x, inputs);
            program.Run(seed: 0, step: 0);
            var given = inputs.AsSpan(0, now * size);
            if (isOfTokens) writer.Append("tokens", [length], (ReadOnlySpan<int>)[.. given.ToArray().Select(value => (int)value)]);
            else writer.Append("inputs", [features], (ReadOnlySpan<float>)given);
            foreach (var (name, value) in values)
                writer.Append(name, length > 1 ? [length, value.Rows] : [value.Rows], (ReadOnlySpan<float>)program.Read(value).AsSpan(0, now * length * value.Rows));
            onProgress?.Invoke($"wrote {first + now} of {count} examples");
        }

        writer.Finish();
        return count;

        void Read(long first, int now)
        {
            if (data.Text is { } held)
            {
                int[] tokens = new int[length];
                for (int i = 0; i < now; i++)
                {
                    held.Sequences.Read(first + i, tokens);
                    for (int position = 0; position < length; position++) inputs[i * length + position] = tokens[position];
                }
            }
            else if (data.Measured is { } table)
            {
                table.Inputs.AsSpan((int)first * features, now * features).CopyTo(inputs);
            }
            else
            {
                draw!(first / batch).CopyTo(inputs, 0);
            }
        }
    }
}
