using System.Text.Json;
using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;

namespace Spd.Decomposition.Tests.Successor;

/// <summary>Numbers recorded in the successor's code, in float64; the layout stands in each file, and in golden/README.md.</summary>
internal static class SuccessorGolden
{
    // What single precision differs by from double, as a share of the largest entry of an array, where nothing else is said.
    public const double Tolerance = 5e-6;

    public static JsonElement Load(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(GoldenCase.Folder, "successor", name + ".json")));
        return (document.RootElement.TryGetProperty("float64", out var block) ? block : document.RootElement).Clone();
    }

    /// <summary>A parameter with recorded numbers: a matrix, a vector, or an array of more dimensions with those but the last as rows.</summary>
    public static Parameter Parameter(string name, JsonElement recorded, bool isTransposed = false)
    {
        float[] values = GoldenCase.Flatten(recorded);
        int columns = LastLength(recorded);
        if (recorded[0].ValueKind != JsonValueKind.Array) columns = 1;
        var parameter = isTransposed ? new Parameter(name, columns, values.Length / columns) : new Parameter(name, values.Length / columns, columns);
        if (!isTransposed) values.CopyTo(parameter.Values);
        else
            for (int row = 0; row < parameter.Rows; row++)
                for (int column = 0; column < parameter.Columns; column++) parameter[row, column] = values[column * columns + row];
        return parameter;
    }

    public static void Fill(Parameter parameter, JsonElement recorded, bool isTransposed = false) => Parameter(parameter.Name, recorded, isTransposed).Values.CopyTo(parameter.Values);

    public static int LastLength(JsonElement recorded)
    {
        while (recorded[0].ValueKind == JsonValueKind.Array) recorded = recorded[0];
        return recorded.GetArrayLength();
    }

    public static void Close(JsonElement recorded, ReadOnlySpan<float> actual, string what, double tolerance = Tolerance, bool isTransposed = false) => Close(
        isTransposed ? GoldenCase.Transposed(recorded) : [.. GoldenCase.Doubles(recorded)], actual, what, tolerance);

    public static void Close(double[] expected, ReadOnlySpan<float> actual, string what, double tolerance = Tolerance)
    {
        Assert.True(expected.Length == actual.Length, $"{what}: {actual.Length} numbers, recorded {expected.Length}");
        double largest = expected.Select(Math.Abs).DefaultIfEmpty(0).Max();
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance * largest + 2e-7))
                Assert.Fail($"{what}, entry {i}: {actual[i]:G9}, recorded {expected[i]:G9} (largest {largest:G4})");
        }
    }

    public static void Close(JsonElement recorded, double actual, string what, double tolerance = Tolerance) =>
        Assert.True(Math.Abs(recorded.GetDouble() - actual) <= tolerance * Math.Abs(recorded.GetDouble()) + 2e-7, $"{what}: {actual:G9}, recorded {recorded.GetDouble():G9}");

    /// <summary>The toy targets of the recorded runs, with their weights.</summary>
    public static Module Toy(string name, JsonElement weights)
    {
        Module network = name == "mlp2" ? new Mlp2(weights) : new Tok2(weights);
        foreach (var (path, parameter) in network.NamedParameters()) Fill(parameter, weights.GetProperty(path));
        return network;
    }

    /// <summary>The factors of all sites and the causal importance functions, as recorded.</summary>
    public static IEnumerable<(Parameter Parameter, JsonElement Recorded, bool IsTransposed, string Name)> Parameters(ComponentModel model, JsonElement recorded)
    {
        foreach (var site in model.Sites)
        {
            var factors = recorded.GetProperty("components").GetProperty(site.Name);
            yield return (site.V, factors.GetProperty("V"), true, $"{site.Name}.V");
            yield return (site.U, factors.GetProperty("U"), false, $"{site.Name}.U");
        }

        foreach (var entry in ImportanceParameters(model, recorded.GetProperty("ci_fn"))) yield return entry;
    }

    private static IEnumerable<(Parameter Parameter, JsonElement Recorded, bool IsTransposed, string Name)> ImportanceParameters(ComponentModel model, JsonElement recorded)
    {
        var parameters = model.Importances.NamedParameters.ToDictionary(entry => entry.Name, entry => entry.Parameter);
        foreach (var site in model.Sites)
        {
            if (!recorded.TryGetProperty(site.Name, out var own)) continue;
            foreach (var (i, layer) in own.GetProperty("layers").EnumerateArray().Index())
            {
                if (model.Importances is GateFunction)
                {
                    yield return ((i == 0 ? site.Gate.MlpIn : site.Gate.MlpOut)!, layer.GetProperty("W"), false, $"{site.Name} W {i}");
                    yield return ((i == 0 ? site.Gate.InBias : site.Gate.OutBias)!, layer.GetProperty("b"), false, $"{site.Name} b {i}");
                    continue;
                }

                yield return (parameters[$"{site.Name}.importance.layers.{i}.weight"], layer.GetProperty("W"), true, $"{site.Name} W {i}");
                yield return (parameters[$"{site.Name}.importance.layers.{i}.bias"], layer.GetProperty("b"), false, $"{site.Name} b {i}");
            }
        }
    }

    /// <summary><c>linear2(relu(linear1(x)))</c>.</summary>
    private sealed class Mlp2 : Module
    {
        private readonly Linear _first, _second;

        public Mlp2(JsonElement weights)
        {
            var (first, second) = (weights.GetProperty("linear1.weight"), weights.GetProperty("linear2.weight"));
            _first = Add("linear1", new Linear(first[0].GetArrayLength(), first.GetArrayLength()));
            _second = Add("linear2", new Linear(second[0].GetArrayLength(), second.GetArrayLength()));
        }

        public override Value Forward(ForwardPass pass, Value x) => _second.Forward(pass, pass.Graph.Relu(_first.Forward(pass, x)));
    }

    /// <summary><c>e = embed[token]; h = e + the mean of e up to the position; h += linear2(relu(linear1(h))); head(h)</c>.</summary>
    private sealed class Tok2 : Module
    {
        private readonly Embedding _embed;
        private readonly Linear _first, _second, _head;

        public Tok2(JsonElement weights)
        {
            var (embed, hidden) = (weights.GetProperty("embed.weight"), weights.GetProperty("linear1.weight").GetArrayLength());
            int d = embed[0].GetArrayLength();
            _embed = Add("embed", new Embedding(embed.GetArrayLength(), d));
            _first = Add("linear1", new Linear(d, hidden));
            _second = Add("linear2", new Linear(hidden, d, bias: false));
            _head = Add("head", new Linear(d, weights.GetProperty("head.weight").GetArrayLength(), bias: false));
        }

        public override Value Forward(ForwardPass pass, Value x)
        {
            var graph = pass.Graph;
            var e = _embed.Forward(pass, x);
            // Where all scores are zero, attention is the mean.
            var nothing = graph.Scale(e, 0);
            var h = graph.Plus(e, graph.Attention(nothing, nothing, e, heads: 1, keyHeads: 1, scale: 1));
            h = graph.Plus(h, _second.Forward(pass, graph.Relu(_first.Forward(pass, h))));
            return _head.Forward(pass, h);
        }
    }
}
