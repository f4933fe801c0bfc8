using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Spd.Formats;

namespace Spd.Text.Tests;

public sealed class TokenCacheTests : IDisposable
{
    private const string ChildFolder = "SPD_TEST_CORPUS";

    // A character each, so that what is expected is easily said.
    private static readonly DocumentEncoder Letters = new("letters", 300, text => [.. text.Select(letter => letter % 256)]) { End = 299 };

    private readonly TemporaryFolder _folder = new();

    private string CachePath => _folder["tokens.bin"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void DocumentsStandBehindOneAnother()
    {
        Write("a.json", """["ab", "c"]""");
        Write("b.txt", "de");
        Assert.Equal([97, 98, 299, 99, 299, 100, 101, 299], Ids(Letters, "a.json", "b.txt"));
        Assert.Equal([298, 97, 98, 299, 298, 99, 299], Ids(Letters with { Start = 298 }, "a.json"));
        Assert.Equal([97, 98, 99], Ids(Letters with { End = null }, "a.json"));
    }

    [Fact]
    public void WhatACacheIsKnownByStaysTheSame()
    {
        Write("a+b.txt", "abc");
        File.SetLastWriteTimeUtc(_folder["a+b.txt"], DateTime.UnixEpoch);
        string content = Convert.ToHexStringLower(System.IO.Hashing.XxHash3.Hash("abc"u8));
        // So it was written first; another text would have every cache made again.
        string text = $$"""{"version":1,"files":["a\u002Bb.txt 3 {{DateTime.UnixEpoch.Ticks}}"],"content":"{{content}}","column":null,"Identity":"letters","VocabularySize":300,"Start":null,"End":299}""";
        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(text)), TokenCacheHeader.SourceOf([_folder["a+b.txt"]], column: null, Letters));
    }

    [Fact]
    public void WhatKilledProgramsLeftIsRemovedAndWhatALivingOneWritesIsNot()
    {
        Write("a.txt", "abc");
        string[] names = ["tokens.bin.1", "other.bin.1", "tokens.bin.2"];
        var (left, other, living) = (At(0), At(1), At(2));
        foreach (string file in new[] { left, other }) File.WriteAllText(file, "half");
        using (new FileStream(living, FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            Ids(Letters, "a.txt");
            Assert.Equal((false, true, true), (File.Exists(left), File.Exists(living), File.Exists(other)));
        }

        string At(int i) => _folder[names[i] + AtomicFile.Unfinished];
    }

    [Fact]
    public void ADocumentInPartsHasOneEnd()
    {
        Write("a.txt", string.Concat(Enumerable.Repeat("some words\n", 100_000)));
        var expected = Enumerable.Repeat("some words\n", 100_000).SelectMany(line => line).Select(letter => (int)letter).ToList();
        Assert.Equal([298, .. expected, 299], Ids(Letters with { Start = 298 }, "a.txt"));
    }

    [Theory]
    [InlineData(65_536, 2)]
    [InlineData(65_537, 4)]
    public void IdsTakeAsManyBytesAsTheVocabularyNeeds(int size, int width)
    {
        Write("a.txt", "abc");
        var encoder = new DocumentEncoder("wide", size, text => [.. text.Select(letter => size - 1 - (letter - 'a'))]);
        Assert.Equal([size - 1, size - 2, size - 3], Ids(encoder, "a.txt"));
        Assert.Equal(80 + 3 * width + 8, new FileInfo(CachePath).Length);
        Assert.Throws<ArgumentException>(() => Build(encoder with { VocabularySize = size - 1 }, "a.txt"));
    }

    [Fact]
    public void ManyDocumentsKeepTheirOrderOnSeveralThreads()
    {
        string[] documents = [.. Enumerable.Range(0, 20_000).Select(i => new string((char)('a' + i % 26), 1 + i * 7 % 50))];
        Write("a.json", JsonSerializer.Serialize(documents));
        // Some take longer than those behind them.
        var encoder = Letters with { Encode = text => { if (text.Length == 50) Thread.SpinWait(20_000); return Letters.Encode(text); } };
        Assert.Equal(documents.SelectMany(document => document.Select(letter => (int)letter).Append(299)), Ids(encoder, "a.json"));
    }

    [Fact]
    public void ACacheIsUsedAgainUntilSomethingChanges()
    {
        Write("a.txt", "abc");
        int calls = 0;
        var counted = Letters with { Encode = text => { Interlocked.Increment(ref calls); return Letters.Encode(text); } };
        string first = Source(counted), again = Source(counted);
        Assert.Equal((first, 1), (again, calls));
        foreach (var change in new Func<string>[]
        {
            () => Source(counted with { Identity = "other" }),
            () => Source(counted with { End = 5 }),
            () => Source(counted with { End = null }),
            () => Source(counted with { Start = 299, End = null }),
            () => Source(counted with { VocabularySize = 301 }),
            () => { Write("a.txt", "abcd"); return Source(counted); },
            () => { File.SetLastWriteTimeUtc(_folder["a.txt"], DateTime.UnixEpoch); return Source(counted); },
            // Of the same name, size and time.
            () => { Write("a.txt", "abzd"); File.SetLastWriteTimeUtc(_folder["a.txt"], DateTime.UnixEpoch); return Source(counted); },
        })
        {
            int before = calls;
            Assert.NotEqual(first, first = change());
            Assert.Equal(before + 1, calls);
        }

        string Source(DocumentEncoder encoder)
        {
            using var cache = Build(encoder, "a.txt");
            return cache.Source;
        }
    }

    [Fact]
    public void EveryDamageIsToldOrMadeGood()
    {
        Write("a.txt", new string('a', 100_000));
        Build(Letters, "a.txt").Dispose();
        byte[] whole = File.ReadAllBytes(CachePath);
        Assert.Equal(80 + 2 * 100_001 + 4 * 8, whole.Length);
        var random = new Random(1);
        var places = Enumerable.Range(0, 80).Concat(Enumerable.Range(0, 200).Select(_ => random.Next(whole.Length))).Append(whole.Length - 1);
        foreach (int place in places)
        {
            byte[] damaged = [.. whole];
            damaged[place] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(CachePath, damaged);
            string message = Assert.Throws<FileContentException>(() => ReadAll(TokenCache.Open(CachePath))).Message;
            Assert.StartsWith($"{Quoted.Path(CachePath)} is no usable cache of tokens: ", message, StringComparison.Ordinal);
        }

        foreach (int length in new[] { 0, 1, 8, 79, 80, 1000, whole.Length - 8, whole.Length - 1 })
        {
            File.WriteAllBytes(CachePath, whole[..length]);
            Assert.Throws<FileContentException>(() => TokenCache.Open(CachePath));
            if (length is 1 or 8 && !whole.AsSpan(0, length).StartsWith("SPDTOKEN"u8)) continue;
            Build(Letters, "a.txt").Dispose();
            Assert.Equal(whole, File.ReadAllBytes(CachePath));
        }
    }

    [Fact]
    public void AnotherFileIsNotReplaced()
    {
        Write("a.txt", "abc");
        Write("tokens.bin", "a letter");
        Assert.Contains("it was not written as one: name another file", Assert.Throws<FileContentException>(() => Build(Letters, "a.txt")).Message, StringComparison.Ordinal);
        Assert.Equal("a letter", File.ReadAllText(CachePath));
    }

    [Fact]
    public void WhatGoesWrongLeavesWhatWasThere()
    {
        Write("a.txt", "abc");
        Build(Letters, "a.txt").Dispose();
        byte[] before = File.ReadAllBytes(CachePath);
        Write("b.jsonl", "{\"text\": \"one\"}\n{\"story\": \"two\"}\n");
        Write("c.json", "[]");
        Assert.Contains("its entry 2 has no 'text'", Assert.Throws<FileContentException>(() => Build(Letters, "b.jsonl")).Message, StringComparison.Ordinal);
        Assert.Contains("there is no text in ", Assert.Throws<FileContentException>(() => Build(Letters, "c.json")).Message, StringComparison.Ordinal);
        Assert.ThrowsAny<IOException>(() => Build(Letters, "missing.txt"));
        Assert.Throws<ArgumentException>(() => Build(Letters with { VocabularySize = 99 }, "a.txt"));
        Assert.ThrowsAny<OperationCanceledException>(() => TokenCache.OpenOrBuild(CachePath, [_folder["a.txt"]], null, Letters with { Identity = "x" }, null, new CancellationToken(true)));
        Assert.Equal(before, File.ReadAllBytes(CachePath));
        Assert.Equal(["a.txt", "b.jsonl", "c.json", "tokens.bin", "tokens.text"], _folder.FileNames.Order());
    }

    [Fact]
    public void AFullDiskLeavesNothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "file systems in memory are mounted on Linux only");
        Directory.CreateDirectory(_folder["disk"]);
        File.WriteAllText(_folder["text"], new string('a', 1_000_000));
        var (code, output) = RunChild($"mount -t tmpfs -o size=1m none \"{_folder["disk"]}\" || exit; ", "; echo left: $(ls -A \"$DISK\")");
        Assert.SkipWhen(code != 0, "no file system can be mounted here");
        Assert.Contains("System.IO.IOException : No space left on device", output, StringComparison.Ordinal);
        Assert.EndsWith("left:\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void ACorpusLargerThanMemoryIsCached()
    {
        Directory.CreateDirectory(_folder["disk"]);
        using (var writer = new StreamWriter(_folder["text"]))
            for (int i = 0; i < 1_500_000; i++) writer.WriteLine("a line of some fifty characters, more or less, ends");
        // The heap may have 40 MiB; the text has 78 MB, its ids 156 MB.
        var (code, output) = RunChild("", "", "0x2800000");
        Assert.True(code == 0, output);
        using var cache = TokenCache.Open(_folder["disk/tokens.bin"]);
        Assert.Equal(new FileInfo(_folder["text"]).Length + 1, cache.Count);
        Span<int> ids = stackalloc int[3];
        cache.Read(cache.Count - 3, ids);
        Assert.Equal([(int)'s', '\n', 299], ids.ToArray());
    }

    /// <summary>Is run by the tests above in a process of its own.</summary>
    [Fact(Explicit = true)]
    public void TheChildBuildsACache()
    {
        string folder = Environment.GetEnvironmentVariable(ChildFolder)!;
        using var cache = TokenCache.OpenOrBuild(Path.Combine(folder, "disk", "tokens.bin"), [Path.Combine(folder, "text")], null, Letters, cancellation: TestContext.Current.CancellationToken);
        Span<int> ids = stackalloc int[1];
        for (long i = 0; i < cache.Count; i += 10_000) cache.Read(i, ids);
    }

    [Fact]
    public void TheStoriesAreCached()
    {
        string path = SharedFiles.Find("text/tinystories_1000.json");
        string[] stories = JsonSerializer.Deserialize<string[]>(File.ReadAllText(path))!;
        var bytes = new DocumentEncoder("bytes", 257, text => [.. Encoding.UTF8.GetBytes(text).Select(value => (int)value)]) { End = 256 };
        using var cache = TokenCache.OpenOrBuild(CachePath, [path], null, bytes, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(stories.SelectMany(story => Encoding.UTF8.GetBytes(story).Select(value => (int)value).Append(256)), ReadAll(cache));
    }

    [Fact]
    public void ProgressIsTold()
    {
        Write("a.json", JsonSerializer.Serialize(Enumerable.Repeat(new string('a', 1000), 500)));
        var told = new List<TokenCacheProgress>();
        TokenCache.OpenOrBuild(CachePath, [_folder["a.json"]], null, Letters, new Listener(told.Add), TestContext.Current.CancellationToken).Dispose();
        Assert.True(told.Count > 3);
        Assert.Equal(new TokenCacheProgress(500, 500_500), told[^1]);
        Assert.Equal(told.OrderBy(value => value.Tokens), told);
    }

    [Fact]
    public void AClosedCacheIsNotRead()
    {
        Write("a.txt", "abc");
        var cache = Build(Letters, "a.txt");
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Read(2, new int[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Read(-1, new int[1]));
        cache.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cache.Read(0, new int[1]));
    }

    private static int[] ReadAll(TokenCache cache)
    {
        using (cache)
        {
            int[] ids = new int[cache.Count];
            cache.Read(0, ids);
            return ids;
        }
    }

    private void Write(string name, string text) => File.WriteAllText(_folder[name], text);

    private TokenCache Build(DocumentEncoder encoder, params string[] names) =>
        TokenCache.OpenOrBuild(CachePath, [.. names.Select(name => _folder[name])], null, encoder, cancellation: TestContext.Current.CancellationToken);

    private int[] Ids(DocumentEncoder encoder, params string[] names) => ReadAll(Build(encoder, names));

    private (int Code, string Output) RunChild(string before, string after, string heapLimit = "0")
    {
        string test = $"{typeof(TokenCacheTests).FullName}.{nameof(TheChildBuildsACache)}";
        string command = $"{before}\"{Environment.ProcessPath}\" {(Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? $"\"{typeof(TokenCacheTests).Assembly.Location}\"" : "")}"
            + $" -noLogo -noColor -explicit only -method {test}{after}";
        var start = new ProcessStartInfo("bash", ["-c", before.Length > 0 ? $"unshare -rm bash -c '{command}'" : command]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        (start.Environment[ChildFolder], start.Environment["DISK"]) = (_folder["."], _folder["disk"]);
        if (heapLimit != "0") start.Environment["DOTNET_GCHeapHardLimit"] = heapLimit;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, string.Create(CultureInfo.InvariantCulture, $"{output}{error.Result}"));
    }

    private sealed class Listener(Action<TokenCacheProgress> tell) : IProgress<TokenCacheProgress>
    {
        public void Report(TokenCacheProgress value) => tell(value);
    }
}
