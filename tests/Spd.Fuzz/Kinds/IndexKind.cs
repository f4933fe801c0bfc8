using System.Text;
using Spd.Formats.Tests;

namespace Spd.Fuzz.Kinds;

/// <summary>Indices of models in several files, of safetensors and of PyTorch, with the files beside them and without.</summary>
internal sealed class IndexKind : FuzzKind
{
    public IndexKind() : base("index")
    {
        Place(new Sample("model-00001-of-00002.safetensors", SafetensorsKind.File(("F32", 4))));
        Place(new Sample("model-00002-of-00002.safetensors", SafetensorsKind.File(("F16", 2), ("I64", 8))));
        for (int shard = 1; shard <= 2; shard++)
        {
            Place(TorchKind.Archive(
                $"pytorch_model-0000{shard}-of-00002.bin", new PickleBuilder().Op("}(").Text($"w{shard}").Tensor("Float", "0", 2, 0, [2], [1]).Op("u"),
                ("data/0", PickleBuilder.Bytes(1, 2))));
        }
    }

    protected override IReadOnlyList<byte[]> Words { get; } = Texts(
        "{", "}", "[", "]", ",", ":", "\"", "\"weight_map\":", "\"metadata\":", "{\"weight_map\":{", "\"total_size\":", "null", "true", "1e400", "..", "/", "../", "\\\\", "\\u0000", "\\u001b[31m",
        "\u001b]0;x\u0007", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "pytorch_model-00001-of-00002.bin", "model.safetensors.index.json", "layer.f32",
        "layer.f16", "layer.i64", "w1", "w2", "\"w1\":\"pytorch_model-00001-of-00002.bin\",", "\"a\":\"\",", "\u202e");

    protected override IEnumerable<Sample> MakeCorpus()
    {
        const string first = "model-00001-of-00002.safetensors", second = "model-00002-of-00002.safetensors";
        yield return Index("model.safetensors.index.json", ("layer.f32", first), ("layer.f16", second), ("layer.i64", second));
        yield return Index("pytorch_model.bin.index.json", ("w1", "pytorch_model-00001-of-00002.bin"), ("w2", "pytorch_model-00002-of-00002.bin"));
        yield return Index("mixed.index.json", ("layer.f32", first), ("w2", "pytorch_model-00002-of-00002.bin"));
        yield return Index("refused.index.json", ("a", "missing-1.bin"), ("b", "missing-2.bin"));
    }

    protected override void Read(string path) => ReadWeights(path);

    private static Sample Index(string name, params (string Tensor, string File)[] entries) => new(name, Encoding.UTF8.GetBytes(
        "{\"metadata\": {\"total_size\": 100}, \"weight_map\": {" + string.Join(", ", entries.Select(entry => $"\"{entry.Tensor}\": \"{entry.File}\"")) + "}}"));
}
