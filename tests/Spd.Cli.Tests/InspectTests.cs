using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Spd.Formats;

namespace Spd.Cli.Tests;

/// <summary><c>spd inspect</c>.</summary>
public sealed class InspectTests : IDisposable
{
    private static readonly string Cases = Path.Combine(Repository.Root, "tests", "cases", "files");

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void TextsAndTokenizersAreToldForWhatTheyAre()
    {
        File.WriteAllText(_spd.PathTo("a.txt"), "Once upon a time,\nthere was a cat.\n");
        File.WriteAllText(_spd.PathTo("a.jsonl"), "{\"text\": \"one\"}\n{\"text\": \"three\"}\n");
        File.WriteAllText(_spd.PathTo("t.json"), """{"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"}}""");
        Assert.Equal("a.txt: plain text, 1 document, 35 characters, 35 bytes\n", Inspected("a.txt"));
        Assert.Equal("a.jsonl: texts in JSON, 2 documents, 8 characters, 34 bytes\n", Inspected("a.jsonl"));
        Assert.Equal("t.json: tokenizer (tokenizer.json), a vocabulary of 2, 77 bytes\n", Inspected("t.json"));
    }

    [Fact]
    public void WeightsAreListedWithNamesThatAreCutOnTheScreenAndWholeInJson()
    {
        string name = $"model.{new string('a', 300)}.weight";
        Safetensors.Write(
            _spd.PathTo("w.safetensors"), [new TensorData(name, [2, 3], new float[6]), new TensorData("bias", [3], new float[3])],
            new Dictionary<string, string> { ["format"] = "pt", ["note"] = "two\nlines" });
        string shown = Inspected("w.safetensors");
        Assert.Contains("w.safetensors: safetensors, 2 tensors, ", shown, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^ *…a+\.weight +\[2, 3\] +F32 +24 *$", shown);
        Assert.Matches(@"(?m)^ *bias +\[3\] +F32 +12 *$", shown);
        Assert.Contains("format: pt\nnote: two lines\n", shown, StringComparison.Ordinal);

        var json = Json("w.safetensors");
        Assert.Equal("safetensors", (string?)json["format"]);
        Assert.Equal(new FileInfo(_spd.PathTo("w.safetensors")).Length, (long)json["bytes"]!);
        Assert.Equal(
            $$"""{"name":"{{name}}","shape":[2,3],"type":"F32","bytes":24}""", json["tensors"]![0]!.ToJsonString());
        Assert.Equal("two\nlines", (string?)json["metadata"]!["note"]);
    }

    [Fact]
    public void OfALargeFileOnlyTheListIsRead()
    {
        const long Bytes = 8L << 30;
        byte[] header = Encoding.UTF8.GetBytes($$$"""{"a":{"dtype":"F16","shape":[65536,65536],"data_offsets":[0,{{{Bytes}}}]}}""");
        using (var file = File.Create(_spd.PathTo("large.safetensors")))
        {
            file.Write(BitConverter.GetBytes((long)header.Length));
            file.Write(header);
            file.SetLength(sizeof(long) + header.Length + Bytes);
        }

        var tensor = Json("large.safetensors")["tensors"]![0]!;
        Assert.Equal((65536, "F16", Bytes), ((int)tensor["shape"]![0]!, (string?)tensor["type"], (long)tensor["bytes"]!));
        Assert.Equal($"it has {Bytes / 2} numbers; at most {Array.MaxLength} are read", (string?)tensor["unreadable"]);
    }

    [Fact]
    public void AColumnThatCannotBeReadHidesNothingOfTheOthers()
    {
        File.WriteAllText(_spd.PathTo("x.csv"), "a,b,kind\n1.5,2,cat\n2.5,,dog\n");
        string shown = Inspected("x.csv");
        Assert.Matches(@"(?m)^ *a +\[2\] +float64 +16 +1\.5 +2\.5 *$", shown);
        Assert.Matches(@"(?m)^ *b +\[2\] +float64 +16 .*its column 'b' is empty in line 3 *$", shown);
        Assert.Matches(@"(?m)^ *kind +\[2\] +text .*its column 'kind' holds 'cat' in line 2, which is no number *$", shown);
    }

    [Fact]
    public void TensorsThatAreNotReadAndObjectsAndShardsAreTold()
    {
        string complex = Inspected(Path.Combine(Cases, "type-of-an-unused-tensor", "complex.pt"));
        Assert.Matches(@"(?m)^ *unused +\[\d+(, \d+)*\] +complex64 +\d+ +its numbers are of the type 'complex64'", complex);
        Assert.Matches(@"(?m)^ *layers\.0\.weight +\[\d+, \d+\] +float32 +\d+ *$", complex);
        string beside = Inspected(Path.Combine(Cases, "object-beside-weights", "namespace.pt"));
        Assert.Contains("1 object of Python beside the tensors, not built and left aside: 'best' (argparse.Namespace).", beside, StringComparison.Ordinal);

        var index = Json(Path.Combine(Cases, "pytorch-index", "pytorch_model.bin.index.json"));
        Assert.Equal("index of 1 file: PyTorch", (string?)index["format"]);
        Assert.Equal("pytorch_model-00001-of-00001.bin", (string?)index["shards"]![0]!["file"]);
        Assert.Equal(index["tensors"]!.AsArray().Count, (int)index["shards"]![0]!["tensors"]!);
    }

    [Fact]
    public void DataAreListedWithTheirRangeAndLabelsWithTheirClasses()
    {
        Assert.Contains("x.npy: ", Inspected(Path.Combine(Cases, "x.npy")), StringComparison.Ordinal);
        float[] inputs = ArrayFile.Read(Path.Combine(Cases, "x.npy")).Values, labels = ArrayFile.Read(Path.Combine(Cases, "y.npy")).Values;
        var read = Json(Path.Combine(Cases, "x.npy"))["tensors"]![0]!;
        Assert.Equal((inputs.Min(), inputs.Max(), 0), ((float)read["min"]!, (float)read["max"]!, (int)read["not_finite"]!));
        Assert.Null(read["classes"]);
        var classes = Json(Path.Combine(Cases, "y.npy"))["tensors"]![0]!["classes"]!.AsArray();
        Assert.Equal(
            labels.CountBy(label => label).OrderBy(entry => entry.Key),
            classes.Select(one => KeyValuePair.Create((float)one!["value"]!, (int)one["count"]!)));

        WriteIdx("labels-idx1-ubyte", 0x08, [6], [3, 1, 1, 3, 1, 1]);
        string shown = Inspected("labels-idx1-ubyte");
        Assert.Contains("labels-idx1-ubyte has 2 classes, each with its count: 1 (4), 3 (2)\n", shown, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^ *labels-idx1-ubyte +\[6\] +uint8 +6 +1 +3 *$", shown);

        WriteIdx("odd", 0x0d, [2, 2], [0x7f, 0xc0, 0, 0, 0x3f, 0x80, 0, 0, 0xff, 0x80, 0, 0, 0xc0, 0, 0, 0]);
        Assert.Matches(@"(?m)^ *odd +\[2, 2\] +float32 +16 +-2 +1 +2 *$", Inspected("odd"));
    }

    [Fact]
    public void WhatCannotBeListedIsToldInOneSentence()
    {
        File.WriteAllText(_spd.PathTo("cut.pt"), "PK\u0003\u0004");
        Directory.CreateDirectory(_spd.PathTo("model"));
        File.WriteAllBytes(_spd.PathTo("model", "b.safetensors"), [1]);
        File.WriteAllBytes(_spd.PathTo("odd"), [1, 2, 3]);
        File.Copy(Path.Combine(Cases, "old-pytorch", "w.pt.gz"), _spd.PathTo("w.pt.gz"));
        foreach (var (code, sentence, path) in new[]
        {
            (2, "spd: 'nowhere.pt' cannot be listed: there is no such file", "nowhere.pt"),
            (2, "spd: 'nowhere.npz:x' cannot be listed: there is no such file", "nowhere.npz:x"),
            (2, "spd: 'model' cannot be listed: it is a folder: name one of the weight files in it, 'b.safetensors'", "model"),
            (1, "spd: 'cut.pt' is no usable file of weights: it is no zip archive, or a damaged one", "cut.pt"),
            (1, "spd: 'model/b.safetensors' is no usable safetensors file: it has 1 bytes, too few for a header", "model/b.safetensors"),
            (1, "spd: 'w.pt.gz' is no usable file of weights: it is compressed with gzip: decompress it first", "w.pt.gz"),
            (1, "spd: 'odd' is no usable array: ", "odd"),
        })
        {
            var (actual, output, error) = _spd.Run("inspect", path);
            Assert.Equal((code, "", 1), (actual, output, error.Count(letter => letter == '\n')));
            Assert.StartsWith(sentence, error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AnArrayThatTheFileLacksIsToldWithThoseThatItHas()
    {
        using (var zip = ZipFile.Open(_spd.PathTo("d.npz"), ZipArchiveMode.Create))
            zip.CreateEntryFromFile(Path.Combine(Cases, "x.npy"), "inputs.npy");
        Assert.Contains("inputs", Inspected("d.npz:inputs"), StringComparison.Ordinal);
        var (code, output, error) = _spd.Run("inspect", "d.npz:labels");
        Assert.Equal((1, "", "spd: 'd.npz:labels' is no usable array: it holds no array 'labels'; there are 'inputs'\n"), (code, output, error));
    }

    [Fact]
    public void OfALinkTheBytesOfTheFileThatItLeadsToAreTold()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("links need rights of their own on Windows");
        string file = _spd.PathTo("blob"), link = _spd.PathTo("model.safetensors"), index = _spd.PathTo("model.safetensors.index.json");
        Safetensors.Write(file, [new TensorData("bias", [3], new float[3])]);
        File.CreateSymbolicLink(link, file);
        File.WriteAllText(index, """{"weight_map": {"bias": "model.safetensors"}}""");
        long bytes = new FileInfo(file).Length;
        Assert.Equal(bytes, (long)Json("model.safetensors")["bytes"]!);
        Assert.Equal(bytes, (long)Json("model.safetensors.index.json")["shards"]![0]!["bytes"]!);
    }

    private void WriteIdx(string name, byte type, int[] shape, byte[] numbers) => File.WriteAllBytes(
        _spd.PathTo(name),
        [0, 0, type, (byte)shape.Length, .. shape.SelectMany(size => BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(size))), .. numbers]);

    private string Inspected(string path)
    {
        var (code, output, error) = _spd.Run("inspect", path);
        Assert.True(code == 0, error);
        return output;
    }

    private JsonNode Json(string path)
    {
        var (code, output, error) = _spd.Run("inspect", path, "--json");
        Assert.True(code == 0, error);
        return JsonNode.Parse(output)!;
    }
}
