using System.Runtime.InteropServices;

namespace Spd.Formats.Tests.Weights;

/// <summary>Models of llama2.c.</summary>
public sealed class Llama2cTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(5)]
    [InlineData(-5)]
    public void TensorsLieInTheOrderOfTheProgram(int vocabulary)
    {
        // Four features, three neurons, two layers, a head, one for keys; weights are numbered as they lie.
        string[] names = [.. Names(isTied: vocabulary > 0)];
        using var file = Open([4, 3, 2, 1, 1, vocabulary, 6], count: 20 + 2 * (4 + 64 + 4 + 36) + 4 + 24 + (vocabulary > 0 ? 0 : 20));
        Assert.Equal(WeightFile.Llama2c, file.Format);
        Assert.Equal(names, file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(("1", "1", "6"), (file.Metadata["n_heads"], file.Metadata["n_kv_heads"], file.Metadata["seq_len"]));
        Assert.Equal("[5, 4]", file.Tensors[0].ShapeText);
        float next = 0;
        foreach (var tensor in file.Tensors)
        {
            if (tensor.Name == "lm_head.weight") next += 24;
            var read = file.Read(tensor.Name);
            float[] expected = [.. Enumerable.Range(0, read.Values.Length).Select(i => next + i)];
            // The program turns rows 0 and 1 of a head against each other, and 2 and 3: here they are 0 and 2, 1 and 3.
            if (tensor.Name.Contains("q_proj", StringComparison.Ordinal) || tensor.Name.Contains("k_proj", StringComparison.Ordinal))
                expected = [.. new[] { 0, 2, 1, 3 }.SelectMany(row => expected[(row * 4)..(row * 4 + 4)])];
            Assert.Equal(expected, read.Values);
            next += read.Values.Length;
        }
    }

    [Fact]
    public void AFileOfAnotherLengthOrVersionIsRefused()
    {
        int[] sizes = [4, 3, 2, 1, 1, 5, 6];
        Assert.Contains("no usable llama2.c model: its sizes need 1084 bytes, but it has 1080; it is cut short", Refusal(sizes, 263), StringComparison.Ordinal);
        Assert.EndsWith("its sizes need 1084 bytes, but it has 1088", Refusal(sizes, 265), StringComparison.Ordinal);
        Assert.Contains("but it has 28; it is cut short", Refusal([1 << 24, 1 << 24, 10_000, 1, 1, 1 << 24, 1], 0), StringComparison.Ordinal);
        Assert.Contains("a llama2.c model of a newer version: export it with --version 0", Refusal([0x616b3432, 1, 4, 3, 2, 1, 1], 100), StringComparison.Ordinal);
        Assert.Contains("it is neither PyTorch's", Refusal([4, 3, 2, 1, 3, 5, 6], 264), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Names(bool isTied)
    {
        yield return "model.embed_tokens.weight";
        string[] attention = ["input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"];
        foreach (string part in attention.Concat(["post_attention_layernorm", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"]))
            for (int layer = 0; layer < 2; layer++) yield return $"model.layers.{layer}.{part}.weight";
        yield return "model.norm.weight";
        if (!isTied) yield return "lm_head.weight";
    }

    private WeightFile Open(int[] sizes, int count)
    {
        float[] weights = [.. Enumerable.Range(0, count).Select(i => (float)i)];
        File.WriteAllBytes(_folder["model.bin"], [.. MemoryMarshal.AsBytes<int>(sizes), .. MemoryMarshal.AsBytes<float>(weights)]);
        return WeightFile.Open(_folder["model.bin"]);
    }

    private string Refusal(int[] sizes, int count) => Assert.Throws<FileContentException>(() => Open(sizes, count)).Message;
}
