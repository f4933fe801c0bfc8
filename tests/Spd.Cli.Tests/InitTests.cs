using System.IO.Compression;
using System.Text;
using Spd.Formats;

namespace Spd.Cli.Tests;

/// <summary><c>spd init</c>: from a weight file to a configuration that runs.</summary>
public sealed class InitTests : IDisposable
{
    private static readonly string Files = Path.Combine(Repository.Root, "tests", "cases", "files");

    private readonly SpdProgram _spd = new();

    public InitTests()
    {
        foreach (string file in new[] { "x.npy", "y.npy" }) File.Copy(Path.Combine(Files, file), _spd.PathTo(file));
    }

    public void Dispose() => _spd.Dispose();

    [Theory]
    [InlineData("pytorch", "biases: [layers.0.bias, layers.1.bias]")]
    [InlineData("checkpoint", "biases: [model.layers.0.bias, model.layers.1.bias]")]
    [InlineData("lightning", "biases: [state_dict.net.module.fc1.bias, state_dict.net.module.fc2.bias]")]
    [InlineData("head", "weights: [layers.0.weight, layers.1.weight]")]
    [InlineData("numpy", "weight_layout: in_out")]
    [InlineData("words", "weights: [encode.weight, decode.weight]")]
    [InlineData("one bias", "biases: [null, layers.1.bias]")]
    [InlineData("odd names", "\"a: #0.weight\"")]
    public void WhatItWritesRunsAsItIs(string form, string line)
    {
        string file = Make(form);
        var (code, output, error) = _spd.Run("init", file, "--data", "x.npy", "--labels", "y.npy", "--out", "net.yaml");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("4 → 3 → 2", output, StringComparison.Ordinal);
        string yaml = File.ReadAllText(_spd.PathTo("net.yaml"));
        Assert.Contains(line, yaml, StringComparison.Ordinal);
        Assert.Contains("activation: relu                    # TO DECIDE", yaml, StringComparison.Ordinal);
        (code, output, error) = _spd.Run("run", "net.yaml", "--steps", "5", "--set", "n_eval_steps=1", "--set", "batch_size=16", "--out", "run");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("of 20 inputs correctly", output.ReplaceLineEndings(" "), StringComparison.Ordinal);
        // Never overwritten.
        Assert.Equal(2, _spd.Run("init", file, "--out", "net.yaml").ExitCode);
        Assert.Equal(yaml, File.ReadAllText(_spd.PathTo("net.yaml")));
    }

    [Fact]
    public void OfATableTheColumnOfTheLabelsIsNoInput()
    {
        File.WriteAllLines(_spd.PathTo("data.csv"), ["a,b,c,d,kind", .. Enumerable.Range(0, 20).Select(row => $"{row},0.5,-1,{row % 3},{(row % 2 == 0 ? "cat" : "dog")}")]);
        string file = Make("pytorch");
        var (code, output, error) = _spd.Run("init", file, "--data", "data.csv", "--labels", "data.csv:kind", "--out", "net.yaml");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("4 → 3 → 2", output, StringComparison.Ordinal);
        // The order of the outputs is the network's; the texts do not tell it.
        Assert.Contains("    class_names: [cat, dog]   # TO DECIDE", File.ReadAllText(_spd.PathTo("net.yaml")), StringComparison.Ordinal);
        (code, _, error) = _spd.Run("run", "net.yaml", "--steps", "5", "--set", "n_eval_steps=1", "--set", "batch_size=16", "--out", "run");
        Assert.Equal((0, ""), (code, error));
        (code, _, error) = _spd.Run("init", file, "--data", "data.csv", "--out", "other.yaml");
        Assert.Equal(2, code);
        Assert.Contains("takes rows of 4 numbers; its columns are 'a', 'b', 'c', 'd', 'kind': name those that are meant", error, StringComparison.Ordinal);
    }

    [Fact]
    public void ASquareNetworkAsksWhichWayRoundItIs()
    {
        Safetensors.Write(_spd.PathTo("square.safetensors"), [Tensor("a.0.weight", 4, 4), Tensor("a.0.bias", 4), Tensor("a.1.weight", 4, 4)]);
        Assert.Equal(0, _spd.Run("init", "square.safetensors").ExitCode);
        Assert.Contains("weight_layout: out_in   # TO DECIDE: the shapes fit in_out too", File.ReadAllText(_spd.PathTo("square.yaml")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("are no chain of layers, each taking what the one before gives: one.weight [3, 4], two.weight [7, 5]")]
    [InlineData("exists already: name a new file with --out", "--out", "x.npy")]
    [InlineData("there is no file 'nowhere.npy'", "--data", "nowhere.npy")]
    [InlineData("holds no matrix that could be a layer below 'three'; it holds 'one.weight', 'two.weight'", "--prefix", "three")]
    [InlineData("holds an array of shape [20, 4], but the network in 'odd.safetensors' takes rows of 5 numbers", "--ignore", "one*", "--data", "x.npy")]
    public void WhatFitsNothingIsRefusedInOneSentence(string sentence, params string[] options)
    {
        Safetensors.Write(_spd.PathTo("odd.safetensors"), [Tensor("one.weight", 3, 4), Tensor("two.weight", 7, 5)]);
        var (code, _, error) = _spd.Run(["init", "odd.safetensors", .. options]);
        Assert.Equal(2, code);
        Assert.Matches(@"^spd: [^\n]*\n$", error);
        Assert.Contains(sentence, error, StringComparison.Ordinal);
        Assert.False(File.Exists(_spd.PathTo("odd.yaml")));
    }

    [Fact]
    public void OfTwoNetworksOneIsNamed()
    {
        Safetensors.Write(
            _spd.PathTo("two.safetensors"), [.. new[] { "ema", "net" }.SelectMany(name => new[] { Tensor($"{name}.0.weight", 3, 4), Tensor($"{name}.1.weight", 2, 3) })]);
        Assert.Contains("holds several networks, such as those that begin with 'ema.0.weight', 'net.0.weight': say which", _spd.Run("init", "two.safetensors").Error, StringComparison.Ordinal);
        Assert.Equal(0, _spd.Run("init", "two.safetensors", "--prefix", "net.", "--data", "x.npy").ExitCode);
        Assert.Contains("weights: [\"0.weight\", \"1.weight\"]", File.ReadAllText(_spd.PathTo("two.yaml")), StringComparison.Ordinal);
        Assert.Equal(0, _spd.Run("run", "two.yaml", "--steps", "5", "--set", "n_eval_steps=1", "--set", "batch_size=16", "--out", "run").ExitCode);
    }

    [Fact]
    public void AChainThroughSeveralPartsAsksWhetherItIsOneNetwork()
    {
        Safetensors.Write(
            _spd.PathTo("gan.safetensors"),
            [Tensor("disc.0.weight", 7, 3), Tensor("disc.1.weight", 1, 7), Tensor("gen.0.weight", 8, 6), Tensor("gen.1.weight", 3, 8)]);
        Assert.Equal(0, _spd.Run("init", "gan.safetensors").ExitCode);
        Assert.Contains(
            "# TO DECIDE: these lie below 'gen', 'disc'; for one of them alone, draft with --prefix", File.ReadAllText(_spd.PathTo("gan.yaml")), StringComparison.Ordinal);
    }

    private string Make(string form)
    {
        string file = form switch { "pytorch" or "checkpoint" => "net.pt", "numpy" => "net.npz", _ => "net.safetensors" };
        switch (form)
        {
            case "pytorch": File.Copy(Path.Combine(Files, "w.pt"), _spd.PathTo(file)); break;
            case "checkpoint": File.Copy(Path.Combine(Files, "checkpoint-with-more", "adam.pt"), _spd.PathTo(file)); break;
            case "numpy":
                using (var zip = ZipFile.Open(_spd.PathTo(file), ZipArchiveMode.Create))
                {
                    foreach (var tensor in new[] { Tensor("W0", 4, 3), Tensor("W1", 3, 2), Tensor("b0", 1, 3), Tensor("b1", 2) })
                    {
                        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({string.Concat(tensor.Shape.Select(size => $"{size},"))}), }}".PadRight(117) + "\n";
                        using var stream = zip.CreateEntry($"{tensor.Name}.npy").Open();
                        stream.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. tensor.Values.SelectMany(BitConverter.GetBytes)]);
                    }
                }

                break;
            default:
                Safetensors.Write(_spd.PathTo(file), form switch
                {
                    "lightning" =>
                    [
                        Tensor("state_dict.net.module.fc1.weight", 3, 4), Tensor("state_dict.net.module.fc1.bias", 3),
                        Tensor("state_dict.net.module.fc2.weight", 2, 3), Tensor("state_dict.net.module.fc2.bias", 2), Tensor("optimizer_states.0.exp_avg", 3, 4),
                    ],
                    "head" => [Tensor("aux.weight", 9, 3), Tensor("layers.0.weight", 3, 4), Tensor("layers.1.weight", 2, 3)],
                    "words" => [Tensor("decode.weight", 2, 3), Tensor("encode.weight", 3, 4)],
                    "one bias" => [Tensor("layers.0.weight", 3, 4), Tensor("layers.1.weight", 2, 3), Tensor("layers.1.bias", 2)],
                    _ => [Tensor("a: #0.weight", 3, 4), Tensor("a: #1.weight", 2, 3)],
                });
                break;
        }

        return file;
    }

    private static TensorData Tensor(string name, params int[] shape)
    {
        int count = shape.Aggregate(1, (all, size) => all * size);
        return new TensorData(name, shape, [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i + name.Length))]);
    }
}
