using System.IO.Compression;
using System.Text;
using Parquet;
using Parquet.Schema;

namespace Spd.Formats.Tests;

public sealed class TableTests : IDisposable
{
    private const string Flowers = "length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n4.9,3,setosa\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ColumnsAreListedAndChosenByName()
    {
        string path = Write("iris.csv", Flowers);
        using (var file = ArrayFile.Open(path))
            Assert.Equal(["length [3] float64", "width [3] float64", "species [3] text"], file.Arrays.Select(array => $"{array.Name} {array.ShapeText} {array.Type}"));
        Assert.Equal([3.5f, 5.1f, 3.2f, 7, 3, 4.9f], Read($"{path}:width,length", [3, 2]));
        Assert.Equal([3.5f, 3.2f, 3], Read($"{path}:width", [3, 1]));
        Assert.Equal(path, ArrayFile.FileOf($"{path}:width, length"));
        using (var file = ArrayFile.Open(path, [$"{path}:species", "other.csv:width"]))
        {
            Assert.Equal([3, 2], file.Choose().Shape);
            Assert.Equal(["length", "width"], file.ColumnNames);
            Assert.False(file.HasTexts);
            Assert.Equal([5.1f, 3.5f, 7, 3.2f, 4.9f, 3], file.ReadValues());
        }

        using (var file = ArrayFile.Open($"{path}:species"))
        {
            Assert.True(file.HasTexts);
            var (texts, rows) = file.ReadTexts(2);
            Assert.Equal(["setosa", "versicolor"], texts);
            Assert.Equal([0, 1, 0], rows);
            Assert.Contains("more than 1 different texts", Assert.Throws<FileContentException>(() => file.ReadTexts(1)).Message, StringComparison.Ordinal);
        }

        Assert.Contains("it has no column 'colour'; its columns are 'length', 'width', 'species'", Refusal($"{path}:width,colour"), StringComparison.Ordinal);
        Assert.EndsWith(
            $"its column 'species' holds 'setosa' in line 2, which is no number; the columns that are meant can be named, as in '{path}:length,width'", Refusal(path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a,b\r\n1,2\r\n3,4\r\n")]
    [InlineData("\uFEFFa;b\n1;2\n3;4")]
    [InlineData("a\tb\n1\t2\n3\t4\n\n\n")]
    [InlineData("\"a\",\"b\"\n\"1\", 2 \n3,4.0e0\n")]
    [InlineData("\"a\"|b\n1|2\n3|\"4\"\n")]
    [InlineData("1 2\n3 4\n")]
    [InlineData("1,2\n3,4\n")]
    [InlineData("0,1\n1,2\n3,4\n")]
    public void TheSameTableIsReadInEveryWriting(string text)
    {
        Assert.Equal([1, 2, 3, 4], Read(Write("x.csv", text), [2, 2]));
        string zipped = _folder["x.csv.gz"];
        using (var zip = new GZipStream(File.Create(zipped), CompressionLevel.Fastest)) zip.Write(Encoding.UTF8.GetBytes(text));
        Assert.Equal([1, 2, 3, 4], Read(zipped, [2, 2]));
    }

    [Theory]
    [InlineData("a b\n1\n2\n", "a b", 2)]
    [InlineData("1\n0\n2\n", "0", 3)]
    [InlineData("0\n1\n2\n", "0", 3)]
    [InlineData("cat\ndog\ncat\n", "0", 3)]
    [InlineData("pet\ndog\ncat\n", "pet", 2)]
    [InlineData("5.1,cat\n4.9,dog\n", "0 1", 2)]
    [InlineData("2019,name,x\n1,a,2\n", "2019 name x", 1)]
    [InlineData("id,2019,2020\n1,4,2\n", "id 2019 2020", 1)]
    [InlineData("0,1\n1,0\n", "0 1", 2)]
    [InlineData(",0,1\n0,5,6\n1,5,6\n", " 0 1", 2)]
    [InlineData("\"a,b\",\"say \"\"c\"\"\"\n1,2\n", "a,b say \"c\"", 1)]
    public void ALineOfNamesIsKnownFromWhatStandsBelow(string text, string names, int rows)
    {
        using var file = ArrayFile.Open(Write("x.csv", text));
        Assert.Equal(names, string.Join(" ", file.Arrays.Select(column => column.Name)));
        Assert.All(file.Arrays, column => Assert.Equal([rows], column.Shape));
    }

    [Theory]
    [InlineData("a,b\n1,2\n3,\n", "its column 'b' is empty in line 3")]
    [InlineData("a,b\n1,2\n3,NaN\n", "its column 'b' holds 'NaN' in line 3, which is no finite number")]
    [InlineData("a,b\n1,1e400\n3,4\n", "its column 'b' holds '1e400' in line 2, which is no finite number")]
    [InlineData("a,b\n1,1e40\n3,4\n", "its column 'b' holds '1e40' in line 2, which is beyond the range of float32")]
    [InlineData("a,b\n1,2\n3,n/a\n", "its column 'b' holds 'n/a' in line 3")]
    [InlineData("a;b\n1;2,5\n3;4\n", "its column 'b' holds '2,5' in line 2, which is no number (decimals stand behind a point)")]
    [InlineData("a,b\n1,2,3\n", "line 2 has 3 cells, but the first has 2")]
    [InlineData("a,b\n\n1,2\n", "line 2 is empty")]
    [InlineData("a,b\n", "it is a text, but no table")]
    [InlineData("\n", "it is a text, but no table")]
    [InlineData("{\"a\": [1, 2]}", "it is a text in JSON")]
    public void WhatIsNoNumberIsRefusedWithItsPlace(string text, string expected) =>
        Assert.Contains(expected, Refusal(Write("x.csv", text)), StringComparison.Ordinal);

    [Fact]
    public void TextsThatAreNoTablesAreRefused()
    {
        Assert.Contains("more than 16 million characters", Refusal(Write("x.csv", "a,b\n\"" + new string('1', 17_000_000))), StringComparison.Ordinal);
        Assert.Contains("it has 100001 columns", Refusal(Write("x.csv", new string(',', 100_000) + "a\n1")), StringComparison.Ordinal);
        File.WriteAllBytes(_folder["x.csv"], [(byte)'a', (byte)'\n', 0xe9, (byte)'\n']);
        Assert.Contains("it is no text in UTF-8", Refusal(_folder["x.csv"]), StringComparison.Ordinal);
        File.WriteAllText(_folder["x.csv"], Flowers, Encoding.Unicode);
        Assert.Contains("it is a text in UTF-16", Refusal(_folder["x.csv"]), StringComparison.Ordinal);
        string twice = Write("x.csv", "a,a,b\n1,2,3\n");
        Assert.Contains("it has several columns 'a'", Refusal($"{twice}:a"), StringComparison.Ordinal);
        Assert.Equal([3], Read($"{twice}:b", [1, 1]));
        using var all = ArrayFile.Open(Write("y.csv", Flowers), [$"{_folder["y.csv"]}:length,width,species"]);
        Assert.Contains("all its columns are named for other data", Assert.Throws<FileContentException>(all.Choose).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATableIsNotHeldInMemoryAsText()
    {
        using (var writer = new StreamWriter(_folder["x.csv"]))
            for (int row = 0; row < 200_000; row++) writer.Write("0.12345678901234567890,0.2,0.30000000000000000000000000\n");
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(600_000, Read(_folder["x.csv"], [200_000, 3]).Length);
        // A string for each of its cells would take 50 MB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 2_400_000, 15_000_000);
    }

    [Fact]
    public void ParquetHasTheSameColumns()
    {
        string path = WriteParquet();
        using (var file = ArrayFile.Open(path))
        {
            Assert.Equal(
                ["a [4] float64", "b [4] float32", "n [4] int64", "some [4] int32", "flag [4] bool", "name [4] text"],
                file.Arrays.Select(array => $"{array.Name} {array.ShapeText} {array.Type}"));
            Assert.Contains("its column 'name' holds texts", Assert.Throws<FileContentException>(file.ReadValues).Message, StringComparison.Ordinal);
        }

        Assert.Equal([0.1f, 1, 1, 0.2f, 2, 0, 0.1f, 1, 1, 0.2f, 2, 0], Read($"{path}:a,n,flag", [4, 3]));
        Assert.Contains("its column 'some' has no value in row 1", Refusal($"{path}:some"), StringComparison.Ordinal);
        using (var file = ArrayFile.Open($"{path}:name"))
        {
            var (texts, rows) = file.ReadTexts(2);
            Assert.Equal(["cat", "dog"], texts);
            Assert.Equal([1, 0, 1, 0], rows);
        }

        using (var file = ArrayFile.Open(path, [$"{path}:name,some"])) Assert.Equal(["a", "b", "n", "flag"], file.ColumnNames);
    }

    [Fact]
    public void ANameWithoutEndDoesNotComeWholeIntoAdvice()
    {
        Write("x.csv", $"{new string('a', 10_000)}\n1\n2\n");
        using var file = ArrayFile.Open(_folder["x.csv"]);
        Assert.InRange(file.Advice.Length, 1, 1000);
    }

    [Fact]
    public void ADamagedParquetFileIsRefusedOrReadWithinBounds()
    {
        byte[] whole = File.ReadAllBytes(WriteParquet());
        for (int length = 0; length < whole.Length; length++) Try(whole[..length], mustFail: true);
        for (int at = 0; at < whole.Length; at++)
        {
            foreach (byte change in (byte[])[1, 0x10, 0x80, 0xff])
            {
                byte[] changed = [.. whole];
                changed[at] ^= change;
                Try(changed, mustFail: false);
            }
        }

        void Try(byte[] content, bool mustFail)
        {
            File.WriteAllBytes(_folder["y.parquet"], content);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var file = ArrayFile.Open($"{_folder["y.parquet"]}:a,n");
                file.Choose();
                file.ReadValues();
                Assert.False(mustFail);
            }
            catch (FileContentException)
            {
                // As it should be.
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 300_000_000);
        }
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }

    private string WriteParquet()
    {
        DataField[] fields =
        [
            new DataField<double>("a"), new DataField<float>("b"), new DataField<long>("n"), new DataField<int?>("some"), new DataField<bool>("flag"), new DataField<string>("name"),
        ];
        using var stream = File.Create(_folder["x.parquet"]);
        WriteAsync().GetAwaiter().GetResult();
        return _folder["x.parquet"];

        async Task WriteAsync()
        {
            await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), stream);
            for (int half = 0; half < 2; half++)
            {
                using var group = writer.CreateRowGroup();
                await group.WriteAsync<double>(fields[0], new[] { 0.1, 0.2 });
                await group.WriteAsync<float>(fields[1], new[] { 1.5f, 2.5f });
                await group.WriteAsync<long>(fields[2], new[] { 1L, 2L });
                await group.WriteAsync<int>(fields[3], new int?[] { 7, null });
                await group.WriteAsync<bool>(fields[4], new[] { true, false });
                await group.WriteAsync(fields[5], ["dog", "cat"]);
            }
        }
    }

    private static float[] Read(string path, int[] shape)
    {
        var array = ArrayFile.Read(path);
        Assert.Equal(shape, array.Shape);
        return array.Values;
    }

    private static string Refusal(string path) => Assert.Throws<FileContentException>(() => ArrayFile.Read(path)).Message;
}
