using System.Text;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Targets;

/// <summary>An MLP from files: its data, and what is held against them when it is loaded.</summary>
public sealed class MlpTargetTests : IDisposable
{
    // Every matrix but the last is square, so that no shape tells a matrix from its transpose.
    private static readonly int[] Sizes = [6, 6, 6, 3];
    private const int Rows = 300;

    private readonly TemporaryFolder _folder = new();
    private readonly float[] _inputs = Numbers(1, Rows * Sizes[0], 3);

    public MlpTargetTests() => Write("x.npy", [Rows, Sizes[0]], _inputs);

    public void Dispose() => _folder.Dispose();

    public static TheoryData<ActivationName, ActivationName> WrongActivations
    {
        get
        {
            TheoryData<ActivationName, ActivationName> pairs = [];
            foreach (var real in Enum.GetValues<ActivationName>())
                foreach (var given in Enum.GetValues<ActivationName>())
                    if (real != given) pairs.Add(real, given);
            return pairs;
        }
    }

    [Theory]
    [MemberData(nameof(WrongActivations))]
    public void AWrongActivationIsRefusedAndTheRightOneNamed(ActivationName real, ActivationName given)
    {
        var target = Target(real) with { DataFiles = Data(real) };
        Assert.Matches(@"its outputs are those of '.*expected\.npy' \(largest difference: [0-9.e+-]+ in row \d+, output [012]\)", target.Kind.Verify(target, Network(target), TestBackend.Create(1)));

        var wrong = target with { Model = target.Model with { Activation = given } };
        string message = Assert.Throws<TargetException>(() => wrong.Kind.Verify(wrong, Network(wrong), TestBackend.Create(1))).Message;
        Assert.Matches(@"^the network in 'net\.pt' gives \S+ in row \d+, output [012], where '.*expected\.npy' has \S+: with ", message);
        string right = System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName($"{real}");
        Assert.EndsWith($": with target.mlp.activation={right} it would give the same", message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMatrixTheOtherWayRoundIsRefused()
    {
        var target = Target(ActivationName.Tanh) with { DataFiles = Data(ActivationName.Tanh) };
        var network = Network(target);
        foreach (var layer in network.Layers.Take(2)) TensorData.Transposed(layer.Weight.Values, layer.Outputs).CopyTo(layer.Weight.Values);
        Assert.EndsWith(
            ": with the other weight_layout for its square matrices it would give the same",
            Assert.Throws<TargetException>(() => target.Kind.Verify(target, network, TestBackend.Create(1))).Message, StringComparison.Ordinal);
        // One of them alone: nothing fits, but it does not pass.
        TensorData.Transposed(network.Layers[0].Weight.Values, 6).CopyTo(network.Layers[0].Weight.Values);
        Assert.EndsWith(
            ": look at target.mlp.activation and weight_layout, at input_scale and input_shift, and at the order of layers and rows",
            Assert.Throws<TargetException>(() => target.Kind.Verify(target, network, TestBackend.Create(1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OutputsBehindASoftmaxAreKnownForWhatTheyAre()
    {
        var target = Target(ActivationName.Relu);
        float[] outputs = NetworkOutputs.Of(Network(target), _inputs, Rows, TestBackend.Create(1));
        Write("expected.npy", [Rows, 3],
        [
            .. outputs.Chunk(3).SelectMany(row => row.Select(value => (float)(Math.Exp(value) / row.Sum(other => Math.Exp(other))))),
        ]);
        target = target with { DataFiles = new MlpDataConfig { Inputs = _folder["x.npy"], ExpectedOutputs = _folder["expected.npy"] } };
        Assert.EndsWith(
            ": these are the softmax of its outputs: save what it gives before the softmax",
            Assert.Throws<TargetException>(() => target.Kind.Verify(target, Network(target), TestBackend.Create(1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsMoreThanRoundingIsSaidThoughItMayBeALowerPrecision()
    {
        var target = Target(ActivationName.Relu) with { DataFiles = Data(ActivationName.Relu) };
        float[] outputs = NetworkOutputs.Of(Network(target), _inputs, Rows, TestBackend.Create(1));
        Write("expected.npy", [Rows, 3], [.. outputs.Select(value => (float)(Half)value)]);
        Assert.Matches(
            @"^its outputs are near those of '.*', but not as near as float32 would be \(largest difference: \S+ in row \d+, output \d\): were they computed in a lower precision\?$",
            target.Kind.Verify(target, Network(target), TestBackend.Create(1)));
    }

    [Fact]
    public void ANetworkThatGivesNoNumbersDoesNotPass()
    {
        var target = Target(ActivationName.Relu) with { DataFiles = Data(ActivationName.Relu) };
        var network = Network(target);
        network.Layers[2].Bias!.Values[1] = float.NaN;
        Assert.Contains("gives NaN in row 0, output 1, where", Assert.Throws<TargetException>(() => target.Kind.Verify(target, network, TestBackend.Create(1))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("numbers")]
    [InlineData("columns of one")]
    [InlineData("one-hot")]
    public void LabelsMayBeWrittenInSeveralWays(string form)
    {
        int[] classes = [.. Enumerable.Range(0, Rows).Select(row => row * 7 % 3)];
        switch (form)
        {
            case "numbers": Write("y.npy", [Rows], [.. classes.Select(label => (float)label)]); break;
            case "columns of one": Write("y.npy", [Rows, 1], [.. classes.Select(label => (float)label)]); break;
            default: Write("y.npy", [Rows, 3], [.. classes.SelectMany(label => Enumerable.Range(0, 3).Select(c => c == label ? 1f : 0f))]); break;
        }

        var rows = MlpTarget.ReadRows(Target(ActivationName.Relu) with { DataFiles = new MlpDataConfig { Inputs = _folder["x.npy"], Labels = _folder["y.npy"] } });
        Assert.Equal(classes, rows.Labels);
        Assert.Equal(classes[240..], rows.HeldOut.Labels);
    }

    [Fact]
    public void TargetsAreMeasuredAndCutWithTheirRows()
    {
        float[] targets = Numbers(8, Rows * 3);
        Write("t.npy", [Rows, 3], targets);
        var target = Target(ActivationName.Relu) with { DataFiles = new MlpDataConfig { Inputs = _folder["x.npy"], Targets = _folder["t.npy"] } };
        var network = Network(target);
        double error = NetworkOutputs.Of(network, _inputs, Rows, TestBackend.Create(1)).Zip(targets, (a, b) => ((double)a - b) * (a - b)).Average();
        Assert.StartsWith($"its mean squared error against target.data.targets is {error:0.00e+0} (their variance: ", target.Kind.Verify(target, network, TestBackend.Create(1)), StringComparison.Ordinal);
        Assert.Equal(targets[720..], MlpTarget.ReadRows(target).HeldOut.Targets);
        Assert.Equal(targets[..720], MlpTarget.ReadRows(target).Training.Targets);
    }

    [Theory]
    [InlineData("labels", 0, "holds the label 0.5 in row 7, but classes are whole numbers from 0 to 2: what a network that is no classifier")]
    [InlineData("labels", 3, "has no class in row 7, which is not a single 1 among zeros")]
    [InlineData("labels", 4, "holds rows of 4 numbers, but the network has 3 outputs")]
    [InlineData("targets", 2, "holds an array of shape [300, 2], but 300 rows of 3 numbers are needed")]
    [InlineData("expected_outputs", 0, "holds an array of shape [300], but 300 rows of 3 numbers are needed")]
    public void FilesThatDoNotFitAreSaidInOneSentence(string key, int columns, string sentence)
    {
        float[] values = new float[Rows * Math.Max(1, columns)];
        values[7 * Math.Max(1, columns)] = 0.5f;
        if (columns == 3)
            for (int row = 0; row < Rows; row++) values[3 * row + 1] = 1;
        Write("y.npy", columns == 0 ? [Rows] : [Rows, columns], values);
        var data = new MlpDataConfig { Inputs = _folder["x.npy"] };
        string file = _folder["y.npy"];
        data = key switch { "labels" => data with { Labels = file }, "targets" => data with { Targets = file }, _ => data with { ExpectedOutputs = file } };
        string message = Assert.Throws<ConfigException>(() => MlpTarget.ReadRows(Target(ActivationName.Relu) with { DataFiles = data })).Message;
        Assert.StartsWith($"'{file}' {sentence}", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void InputsWithoutARowAreToldSo()
    {
        Write("none.npy", [0, Sizes[0]], []);
        var target = Target(ActivationName.Relu) with { DataFiles = new MlpDataConfig { Inputs = _folder["none.npy"] } };
        Assert.Equal(
            $"'{_folder["none.npy"]}' holds no rows: its array is of shape [0, {Sizes[0]}]", Assert.Throws<ConfigException>(() => MlpTarget.ReadRows(target)).Message);
    }

    private static MlpTargetConfig Target(ActivationName activation) => new()
    {
        Load = "net.pt",
        Model = new MlpConfig { LayerSizes = Sizes, Activation = activation, Biases = ["a", "b", "c"] },
        DataFiles = new MlpDataConfig(),
    };

    private static Mlp Network(MlpTargetConfig target)
    {
        var network = (Mlp)target.Build();
        int seed = 10;
        foreach (var (_, parameter) in network.NamedParameters()) Numbers(seed++, parameter.Count).CopyTo(parameter.Values);
        return network;
    }

    /// <summary>The inputs with what the right network gives on them.</summary>
    private MlpDataConfig Data(ActivationName activation)
    {
        Write("expected.npy", [Rows, 3], NetworkOutputs.Of(Network(Target(activation)), _inputs, Rows, TestBackend.Create(1)));
        return new MlpDataConfig { Inputs = _folder["x.npy"], ExpectedOutputs = _folder["expected.npy"] };
    }

    private static float[] Numbers(int seed, int count, float size = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => size * (2 * random.NextSingle() - 1))];
    }

    private void Write(string file, int[] shape, float[] values)
    {
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({string.Concat(shape.Select(size => $"{size},"))}), }}".PadRight(118 - 1) + "\n";
        File.WriteAllBytes(
            _folder[file], [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. values.SelectMany(BitConverter.GetBytes)]);
    }
}
