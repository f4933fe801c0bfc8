using System.Text;
using Parquet;
using Parquet.Schema;
using Spd.Formats;

namespace Spd.Fuzz.Kinds;

/// <summary>Tables as text, CSV and its kin.</summary>
internal sealed class CsvKind() : FuzzKind("csv")
{
    protected override IReadOnlyList<byte[]> Words { get; } = Texts(
        ",", ";", "\t", "|", " ", "\n", "\r\n", "\r", "\"", "\"\"", "\"a,b\"", "\"a\nb\"", "NA", "nan", "inf", "-inf", "1e400", "1e39", "-0", "1,5", "0x1", "1_0", "x", "a", "0,1,0\n", "\ufeff", "\u2028", "\u202e",
        "\u001b[31m", "\u0000", "é", "😀", "{", "#");

    // A cell of one letter is a column with a name and what is known of it; the file is gone through for each of three readings.
    public override long AllocationLimit(long length) => (8L << 20) + 4096 * length;

    protected override IEnumerable<Sample> MakeCorpus() =>
    [
        .. new (string Name, string Text)[]
        {
            ("named.csv", "a,b,label\n1,2.5,0\n3,-4e-1,1\n5,6,1\n"), ("plain.csv", "1,2\n3,4\n"), ("semicolons.csv", "x;y\r\n1;2\r\n3;4\r\n"), ("tabs.tsv", "x\ty\n1\t2\n"),
            ("quoted.csv", "\"a, b\",\"c \"\"d\"\"\"\n1,2\n3,4\n"), ("spaces.txt", "1 2 3\n4 5 6\n"), ("pandas.csv", ",a,b\n0,1,2\n1,3,4\n"), ("column.csv", "x\n1\n2\n"), ("marked.csv", "\ufeffa,b\n1,2\n"),
            ("refused-missing.csv", "a,b\n1,\n2,NA\n"), ("refused-texts.csv", "a,name\n1,dog\n2,cat\n"),
        }.Select(file => new Sample(file.Name, Encoding.UTF8.GetBytes(file.Text))),
    ];

    protected override void Read(string path) => Tables.Read(path, TryEach);
}

/// <summary>Tables in Apache Parquet.</summary>
internal sealed class ParquetKind() : FuzzKind("parquet")
{
    protected override IReadOnlyList<byte[]> Words { get; } =
    [
        .. Texts("PAR1", "schema", "a", "\u001b[31m", "\u202e"), [0x15, 0], [0x15, 2], [0x15, 0x80, 0x80, 0x80, 0x10], [0x16, 4], [0x18, 1, (byte)'b'], [0x19, 0x1c], [0x19, 0xfc, 255, 255, 255, 255, 15], [0x2c], [0x1c], [0],
        [0x16, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], [0x25, 2], [0x35, 4], [255, 255, 255, 255, 15],
    ];

    // The library takes, without using it, as much memory as the first bytes of a page claim; rows that are claimed are believed up to a million.
    public override long AllocationLimit(long length) => (4L << 30) + 64 * 1032 * length;

    protected override IEnumerable<Sample> MakeCorpus()
    {
        DataField[] fields =
        [
            new DataField<double>("a"), new DataField<float>("b"), new DataField<long>("n"), new DataField<int>("i"), new DataField<bool>("flag"), new DataField<string>("name"),
        ];
        foreach (var method in new[] { CompressionMethod.None, CompressionMethod.Snappy, CompressionMethod.Gzip })
        {
            var table = Written(fields, method).GetAwaiter().GetResult();
            yield return new Sample($"refused-{method}.parquet".ToLowerInvariant(), table);
            yield return new Sample($"{method}.parquet".ToLowerInvariant(), Written(fields[..5], method).GetAwaiter().GetResult());
        }
    }

    protected override void Read(string path) => Tables.Read(path, TryEach);

    private static async Task<byte[]> Written(DataField[] fields, CompressionMethod method)
    {
        using var bytes = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), bytes, new ParquetOptions { CompressionMethod = method }))
        {
            for (int half = 0; half < 2; half++)
            {
                using var group = writer.CreateRowGroup();
                await group.WriteAsync<double>(fields[0], new[] { 0.1, 0.2 });
                await group.WriteAsync<float>(fields[1], new[] { 1.5f, 2.5f });
                await group.WriteAsync<long>(fields[2], new[] { 1L, 2L });
                await group.WriteAsync<int>(fields[3], new[] { 7, 8 });
                await group.WriteAsync<bool>(fields[4], new[] { true, false });
                if (fields.Length > 5) await group.WriteAsync(fields[5], ["dog", "cat"]);
            }
        }

        return bytes.ToArray();
    }
}

/// <summary>How tables are read: all columns, one by its name, and one of texts.</summary>
internal static class Tables
{
    private const int MostClasses = 10;

    public static void Read(string path, Action<Action[]> tryEach)
    {
        string first = "", texts = "";
        tryEach(
        [
            () =>
            {
                using var file = ArrayFile.Open(path);
                // A path is told whole, however long, and so is a name behind it.
                first = Short(file.Arrays[0].Name);
                texts = Short(file.Arrays.FirstOrDefault(array => array.Type == "text")?.Name ?? "");
                FuzzKind.CheckSentence($".{file.Advice}");
                FuzzKind.ReadArray(path);
            },
            () =>
            {
                if (first.Length > 0) FuzzKind.ReadArray($"{path}:{first}");
            },
            () =>
            {
                if (texts.Length == 0) return;
                using var file = ArrayFile.Open($"{path}:{texts}");
                if (file.HasTexts) file.ReadTexts(MostClasses);
            },
        ]);
    }

    private static string Short(string name) => name.Length <= 100 ? name : "";
}
