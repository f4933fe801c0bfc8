using System.Text.Json;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using static Spd.Networks.Tests.Transformers.GoldenFiles;

namespace Spd.Networks.Tests.Transformers;

/// <summary>Every number of the recorded parts of transformers: outputs, what is computed on the way, and the gradients of all inputs.</summary>
public sealed class FunctionGoldenTests : IDisposable
{
    // What float32 differs by from float64 there, in PyTorch too.
    private const double Share = 7e-7;

    // The vector kernels' exponential function is apart by a little more where probabilities are subtracted.
    private const double ShareOfDifferences = 2e-6;

    private readonly CpuBackend _backend = TestBackend.Create();

    public static TheoryData<string, string> All
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (file, name) in Functions()) data.Add(file, name);
            return data;
        }
    }

    public static TheoryData<string> Tables => [.. RotaryTables()];

    public void Dispose() => _backend.Dispose();

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(All))]
    public void EveryNumberIsThatWhichWasRecorded(string file, string name)
    {
        var recorded = Load(file, name);
        var inputs = recorded.GetProperty("inputs");
        string[] names = [.. inputs.EnumerateObject().Select(input => input.Name)];
        if (names.Contains("logits")) CrossEntropyMatches(recorded);
        else if (names.Contains("pred")) DivergenceMatches(recorded);
        else if (name.StartsWith("log_softmax", StringComparison.Ordinal)) LogSoftmaxMatches(recorded);
        else if (name.StartsWith("softmax", StringComparison.Ordinal)) SoftmaxMatches(recorded);
        else ModuleMatches(recorded, Module(name, recorded, names));
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Tables))]
    public void RotaryPositionsAreThoseOfTheTables(string file)
    {
        var table = Load(file).GetProperty("rope_tables");
        int width = table.GetProperty("head_dim").GetInt32(), positions = table.GetProperty("positions").GetInt32();
        double[] cos = Doubles(table.GetProperty("cos")), sin = Doubles(table.GetProperty("sin"));
        // One at each feature in turn: at position p it becomes the cosine there, and the sine at its partner.
        for (int feature = 0; feature < width; feature++)
        {
            var graph = new Graph();
            var x = graph.Input(width);
            var turned = graph.Rotate(x, width, table.GetProperty("theta").GetDouble());
            var program = _backend.Compile(new Objective(graph), new Batch(1, positions), keep: [turned]);
            float[] ones = new float[positions * width];
            for (int p = 0; p < positions; p++) ones[p * width + feature] = 1;
            program.Set(x, ones);
            program.Run(0, 0);
            double[] expected = new double[ones.Length];
            int half = width / 2, partner = (feature + half) % width;
            for (int p = 0; p < positions; p++)
            {
                expected[p * width + feature] = cos[p * width + feature];
                expected[p * width + partner] = (feature < half ? 1 : -1) * sin[p * width + feature];
            }

            Close(expected, program.Read(turned), Share, $"feature {feature}");
        }
    }

    /// <summary>The module that a case is of, with its weights.</summary>
    private static Module Module(string name, JsonElement recorded, string[] names)
    {
        var inputs = recorded.GetProperty("inputs");
        recorded.TryGetProperty("config", out var config);
        int Rows(string input) => Shape(inputs.GetProperty(input))[0];
        int Columns(string input) => Shape(inputs.GetProperty(input))[1];
        int Number(string key) => config.GetProperty(key).GetInt32();
        switch (names)
        {
            case ["tokens", "weight"]: return new Embedding(Rows("weight"), Columns("weight"));
            case ["x", "weight", "bias"]: return new LayerNorm(Rows("weight"), config.GetProperty("eps").GetDouble());
            case ["x", "weight"]: return new RmsNorm(Rows("weight"), config.GetProperty("eps").GetDouble());
            case ["x", "gate_proj", "up_proj", "down_proj"]: return new GatedMlp(Columns("gate_proj"), Rows("gate_proj"));
            case ["x", "c_fc", "c_fc_bias", "c_proj", "c_proj_bias"]:
                return new FeedForward(
                    ("c_fc", new Linear(Rows("c_fc"), Columns("c_fc"), isTransposed: true)), ActivationName.GeluTanh,
                    ("c_proj", new Linear(Rows("c_proj"), Columns("c_proj"), isTransposed: true)));
            case ["x", "c_attn", "c_attn_bias", "c_proj", "c_proj_bias"]:
                return new Attention(Rows("c_attn"), new AttentionOptions
                {
                    Heads = Number("n_head"),
                    IsTransposed = true,
                    HasBias = true,
                    HasOutputBias = true,
                    Fused = "c_attn",
                    Output = "c_proj",
                });
            case ["x", "q_proj", "k_proj", "v_proj", "o_proj"]:
                return new Attention(Columns("q_proj"), new AttentionOptions
                {
                    Heads = Number("num_attention_heads"),
                    KeyHeads = Number("num_key_value_heads"),
                    HeadWidth = Number("head_dim"),
                    RotaryBase = config.GetProperty("rope_theta").GetDouble(),
                });
            case ["x", "q_proj", "k_proj", "v_proj", "out_proj", "out_proj_bias"]:
                return new Attention(Columns("q_proj"), new AttentionOptions
                {
                    Heads = Number("num_heads"),
                    Scale = config.GetProperty("scale").GetDouble(),
                    HasOutputBias = true,
                    Output = "out_proj",
                    Window = config.GetProperty("window_size") is { ValueKind: JsonValueKind.Number } window ? window.GetInt32() : 0,
                });
            case ["x"]:
                return new Activation(name switch
                {
                    "gelu" => ActivationName.Gelu,
                    "gelu_new" => ActivationName.GeluTanh,
                    "silu" => ActivationName.Silu,
                    _ => throw new NotSupportedException($"the case {name} is of no known kind"),
                });
            default: throw new NotSupportedException($"the case {name} is of no known kind: its inputs are {string.Join(", ", names)}");
        }
    }

    private void ModuleMatches(JsonElement recorded, Module module)
    {
        var inputs = recorded.GetProperty("inputs");
        var gradients = recorded.GetProperty("grads");
        var parameters = module.NamedParameters().ToDictionary(entry => entry.Path, entry => entry.Parameter);
        foreach (var input in inputs.EnumerateObject().Skip(1)) Singles(input.Value).CopyTo(parameters[PathOf(input.Name)].Values);
        Assert.Equal(parameters.Count, inputs.EnumerateObject().Count() - 1);

        var first = inputs.EnumerateObject().First();
        int[] shape = Shape(first.Value), outShape = Shape(recorded.GetProperty("out"));
        bool isOfTokens = first.Name == "tokens", isAlone = shape.Length == 1;
        var batch = shape.Length == (isOfTokens ? 2 : 3) ? new Batch(shape[0], shape[1]) : new Batch(shape[0]);
        var graph = new Graph();
        Value x = graph.Input(isOfTokens || isAlone ? 1 : shape[^1]), cotangent = graph.Input(isAlone ? 1 : outShape[^1]);
        var pass = new ForwardPass(graph);
        var output = module.Forward(pass, x);
        var weights = parameters.ToDictionary(entry => entry.Key, entry => graph.Weight(entry.Value));
        var derivatives = Derivative.Of(graph, [(output, cotangent)], [.. weights.Values, .. isOfTokens ? Array.Empty<Value>() : [x]]);
        var between = recorded.TryGetProperty("intermediate", out var intermediate) ? Intermediate(module, pass, x, intermediate).ToList() : [];
        var program = _backend.Compile(
            new Objective(graph), batch, keep: [output, .. derivatives.Values.OfType<Value>(), .. between.SelectMany(entry => entry.Values)]);
        program.Set(x, Singles(first.Value));
        program.Set(cotangent, Singles(recorded.GetProperty("dout")));
        program.Run(0, 0);

        Close(Doubles(recorded.GetProperty("out")), program.Read(output), Share, "out");
        if (!isOfTokens) Matches(first.Name, x);
        foreach (var input in inputs.EnumerateObject().Skip(1)) Matches(input.Name, weights[PathOf(input.Name)]);
        foreach (var (name, values, arrange) in between)
            Close(Doubles(intermediate.GetProperty(name)), arrange([.. values.Select(program.Read)]), Share, name);
        string[] known = [.. between.Select(entry => entry.Name), "cos", "sin"];
        if (intermediate.ValueKind == JsonValueKind.Object) Assert.All(intermediate.EnumerateObject(), entry => Assert.Contains(entry.Name, known));

        void Matches(string name, Value value)
        {
            double[] expected = Doubles(gradients.GetProperty(name));
            Close(expected, derivatives[value] is { } gradient ? program.Read(gradient) : new float[expected.Length], Share, $"gradient of {name}");
        }
    }

    /// <summary>What a case has recorded on the way, with the values of ours that it is made of.</summary>
    private static IEnumerable<(string Name, Value[] Values, Func<float[][], float[]> Arrange)> Intermediate(
        Module module, ForwardPass pass, Value x, JsonElement recorded)
    {
        switch (module)
        {
            case Attention attention:
                var (query, key, value) = attention.Projections(pass, x);
                var (options, graph) = (attention.Options, pass.Graph);
                foreach (var entry in recorded.EnumerateObject().Where(entry => entry.Name is not ("cos" or "sin")))
                {
                    int[] shape = Shape(entry.Value);
                    Func<float[][], float[]> heads = values => AttentionPatterns.ByHeads(values[0], shape[0], shape[2], shape[1]);
                    yield return entry.Name switch
                    {
                        "q" => ("q", [query], heads),
                        "k" => ("k", [key], heads),
                        "v" => ("v", [value], heads),
                        "q_before_rope" => (entry.Name, [Before(query)], heads),
                        "k_before_rope" => (entry.Name, [Before(key)], heads),
                        "context" => (entry.Name, [attention.Context(pass, x)], heads),
                        "probs" => (entry.Name, [query, key], values => AttentionPatterns.Of(values[0], values[1], shape[0], shape[2], attention)),
                        _ => throw new NotSupportedException($"nothing is known of the intermediate value {entry.Name}"),
                    };
                }

                break;
            case GatedMlp mlp:
                var gate = ((Linear)mlp.NamedModules().First().Module).Forward(pass, x);
                yield return ("gate", [gate], values => values[0]);
                yield return ("up", [mlp.LinearMaps().ElementAt(1).Linear.Forward(pass, x)], values => values[0]);
                yield return ("hidden", [mlp.Hidden(pass, x)], values => values[0]);
                break;
            case FeedForward mlp:
                yield return ("pre", [mlp.LinearMaps().First().Linear.Forward(pass, x)], values => values[0]);
                yield return ("hidden", [mlp.Hidden(pass, x)], values => values[0]);
                break;
        }

        static Value Before(Value turned) => ((Rotate)turned.Source).X;
    }

    /// <summary>Labels stand at a position of their own, behind that of their logits.</summary>
    private void CrossEntropyMatches(JsonElement recorded)
    {
        var inputs = recorded.GetProperty("inputs");
        float[] logits = Singles(inputs.GetProperty("logits")), labels = Singles(inputs.GetProperty("labels"));
        var (losses, gradients, mean) = CrossEntropies(logits, labels);
        Close(Doubles(recorded.GetProperty("out")), losses, Share, "out");
        Assert.Equal(Doubles(recorded.GetProperty("out")).Average(), mean, Share * 10);
        double[] cotangent = Doubles(recorded.GetProperty("dout"));
        Close(Doubles(recorded.GetProperty("grads").GetProperty("logits")), [.. gradients.SelectMany((row, i) => row.Select(g => (float)(g * cotangent[i])))], Share, "gradient");
    }

    /// <summary>The logarithm of a probability is what the cross-entropy of its class is, less the sign.</summary>
    private void LogSoftmaxMatches(JsonElement recorded)
    {
        float[] x = Singles(recorded.GetProperty("inputs").GetProperty("x"));
        int classes = Shape(recorded.GetProperty("out"))[^1];
        float[] each = [.. x.Chunk(classes).SelectMany(row => Enumerable.Repeat(row, classes)).SelectMany(row => row)];
        var (losses, gradients, _) = CrossEntropies(each, [.. Enumerable.Range(0, x.Length).Select(i => (float)(i % classes))]);
        Close(Doubles(recorded.GetProperty("out")), [.. losses.Select(loss => -loss)], Share, "out");
        double[] cotangent = Doubles(recorded.GetProperty("dout")), gradient = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
            for (int c = 0; c < classes; c++) gradient[i / classes * classes + c] -= cotangent[i] * gradients[i][c];
        Close(Doubles(recorded.GetProperty("grads").GetProperty("x")), [.. gradient.Select(value => (float)value)], Share, "gradient");
    }

    /// <summary>The loss of each row with its label, its gradient by the logits, and the mean of all losses.</summary>
    private (float[] Losses, float[][] Gradients, double Mean) CrossEntropies(float[] logits, float[] labels)
    {
        int classes = logits.Length / labels.Length;
        var graph = new Graph();
        Value x = graph.Input(classes), tokens = graph.Input(1);
        var results = graph.ResultsOf(new CrossEntropy(x, tokens));
        var objective = new Objective(graph);
        objective.Add("loss", results[0]);
        var gradient = Derivative.Of(graph, [(results[0], graph.Number(1))], [x])[x]!;
        var program = _backend.Compile(objective, new Batch(labels.Length, 2), keep: [results[2], gradient]);
        program.Set(x, [.. logits.Chunk(classes).SelectMany(row => row.Concat(new float[classes]))]);
        program.Set(tokens, [.. labels.SelectMany(label => new[] { 0, label })]);
        program.Run(0, 0);
        float[] losses = program.Read(results[2]);
        return (
            [.. losses.Where((_, position) => position % 2 == 0)],
            [.. program.Read(gradient).Chunk(classes).Where((_, position) => position % 2 == 0).Select(row => row.Select(g => g * labels.Length).ToArray())],
            program.Loss("loss"));
    }

    /// <summary>Attention to numbers as keys, by a query of one, whose values tell which was seen.</summary>
    private void SoftmaxMatches(JsonElement recorded)
    {
        float[] x = Singles(recorded.GetProperty("inputs").GetProperty("x"));
        int classes = Shape(recorded.GetProperty("out"))[^1], rows = x.Length / classes;
        var graph = new Graph();
        Value query = graph.Input(1), key = graph.Input(1), value = graph.Input(classes), cotangent = graph.Input(classes);
        var seen = graph.Add(new Engine.Operations.CausalAttention(query, key, value, 1, 1, 1));
        var gradient = Derivative.Of(graph, [(seen, cotangent)], [key])[key]!;
        var program = _backend.Compile(new Objective(graph), new Batch(rows, classes), keep: [seen, gradient]);
        program.Set(query, [.. Enumerable.Repeat(1f, x.Length)]);
        program.Set(key, x);
        program.Set(value, [.. Enumerable.Range(0, x.Length * classes).Select(i => i / classes % classes == i % classes ? 1f : 0)]);
        // The last position of each sequence has seen all.
        float[] last = new float[x.Length * classes];
        float[] recordedCotangent = Singles(recorded.GetProperty("dout"));
        for (int row = 0; row < rows; row++) recordedCotangent.AsSpan(row * classes, classes).CopyTo(last.AsSpan((row * classes + classes - 1) * classes));
        program.Set(cotangent, last);
        program.Run(0, 0);
        Close(Doubles(recorded.GetProperty("out")), [.. program.Read(seen).Chunk(classes).Where((_, i) => i % classes == classes - 1).SelectMany(row => row)], Share, "out");
        Close(Doubles(recorded.GetProperty("grads").GetProperty("x")), program.Read(gradient), Share, "gradient");
    }

    /// <summary>One position at a time; the target is a constant to the loss, so that its recorded gradient has no counterpart.</summary>
    private void DivergenceMatches(JsonElement recorded)
    {
        var inputs = recorded.GetProperty("inputs");
        float[] prediction = Singles(inputs.GetProperty("pred")), target = Singles(inputs.GetProperty("target"));
        double[] expected = Doubles(recorded.GetProperty("out")), cotangent = Doubles(recorded.GetProperty("dout"));
        int classes = prediction.Length / expected.Length;
        var graph = new Graph();
        Value q = graph.Input(classes), p = graph.Input(classes);
        var divergence = graph.Divergence(q, p);
        var objective = new Objective(graph);
        objective.Add("loss", divergence);
        var gradient = Derivative.Of(graph, [(divergence, graph.Number(1))], [q])[q]!;
        var program = _backend.Compile(objective, 1, keep: [gradient]);
        List<float> losses = [], gradients = [];
        for (int row = 0; row < expected.Length; row++)
        {
            program.Set(q, prediction[(row * classes)..((row + 1) * classes)]);
            program.Set(p, target[(row * classes)..((row + 1) * classes)]);
            program.Run(0, 0);
            losses.Add((float)program.Loss("loss"));
            gradients.AddRange(program.Read(gradient).Select(g => (float)(g * cotangent[row])));
        }

        Close(expected, losses, Share, "out");
        Close(Doubles(recorded.GetProperty("grads").GetProperty("pred")), gradients, ShareOfDifferences, "gradient");
    }

    private static string PathOf(string input) =>
        input is "weight" or "bias" ? input : input.EndsWith("_bias", StringComparison.Ordinal) ? $"{input[..^5]}.bias" : $"{input}.weight";
}
