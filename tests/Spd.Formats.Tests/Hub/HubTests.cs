using System.Text;

namespace Spd.Formats.Tests;

public sealed class HubTests : IAsyncLifetime
{
    private const string Config = "config.json", Weights = "model.safetensors", Nested = "onnx/a file#1.bin";

    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _weights = new byte[1_000_000];
    private HubServer _server = null!;

    private HubSettings Settings => new()
    {
        Endpoint = _server.Endpoint,
        Cache = _folder["hub"],
        Pause = TimeSpan.FromMilliseconds(1),
        Attempts = 3,
    };

    private string Model => Path.Combine(_folder["hub"], "models--tiny--model");

    public async ValueTask InitializeAsync()
    {
        _server = await HubServer.StartAsync();
        new Random(1).NextBytes(_weights);
        _server.Files[Config] = (Encoding.UTF8.GetBytes("{\"a\": 1}\n"), false);
        _server.Files[Weights] = (_weights, true);
        _server.Files[Nested] = ([1, 2, 3], true);
        _server.Files["README.md"] = ([], false);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public void FilesLieWhereThePythonLibraryKeepsThem()
    {
        var progress = new Told();
        var snapshot = Hub.Download(HubName.Parse("hub:tiny/model"), file => file != "x", Settings, progress, TestContext.Current.CancellationToken);
        Assert.Equal(HubServer.Commit, snapshot.Commit);
        Assert.Equal(Path.Combine(Model, "snapshots", HubServer.Commit), snapshot.Folder);
        Assert.Equal(["README.md", Config, Weights, Nested], snapshot.Files);
        foreach (string name in snapshot.Files)
        {
            var (content, isLarge) = _server.Files[name];
            string place = Path.Combine(snapshot.Folder, name), blob = Path.Combine(Model, "blobs", HubServer.HashOf(content, isLarge));
            Assert.Equal(content, File.ReadAllBytes(place));
            Assert.Equal(content, File.ReadAllBytes(blob));
            if (!OperatingSystem.IsWindows()) Assert.Equal(Path.GetRelativePath(Path.GetDirectoryName(place)!, blob), new FileInfo(place).LinkTarget);
        }

        Assert.Equal(4, Directory.GetFiles(Path.Combine(Model, "blobs")).Length);
        Assert.Equal(HubServer.Commit, File.ReadAllText(Path.Combine(Model, "refs", "main")));
        Assert.Equal(new HubProgress(Weights, 0, 1_000_000), progress.Values.First(value => value.File == Weights));
        Assert.Equal(new HubProgress(Weights, 1_000_000, 1_000_000), progress.Values.Last(value => value.File == Weights));
        Assert.Equal(progress.Values.Where(value => value.File == Weights).Select(value => value.Bytes).Order(), progress.Values.Where(value => value.File == Weights).Select(value => value.Bytes));
    }

    // As `git hash-object` and `sha256sum` print them: the server and what is tested with it are not only of one mind.
    [Fact]
    public void TheHashesAreThoseOfGit()
    {
        Assert.Equal("cb5b2f69babc53f9145b45ad20b9a075d48717ef", HubServer.HashOf("{\"a\": 1}\n"u8.ToArray(), false));
        Assert.Equal("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", HubServer.HashOf([], false));
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", HubServer.HashOf("abc"u8.ToArray(), true));
    }

    [Fact]
    public void OnlyWhatIsWantedIsDownloadedAndOnlyOnce()
    {
        Assert.Equal([Config], Download("hub:tiny/model", file => file == Config).Files);
        Assert.DoesNotContain(_server.Requests, request => request.Path.Contains(Weights, StringComparison.Ordinal));
        _server.Requests.Clear();
        Download("hub:tiny/model", file => file == Config);
        Assert.StartsWith("/api/models/", Assert.Single(_server.Requests).Path, StringComparison.Ordinal);
        _server.Requests.Clear();
        Download("hub:tiny/model@v1", file => file is Config or Weights);
        Assert.DoesNotContain(_server.Requests, request => request.Path.Contains(Config, StringComparison.Ordinal));
        Assert.Equal(HubServer.Commit, File.ReadAllText(Path.Combine(Model, "refs", "v1")));
    }

    [Theory]
    [InlineData("refs/pr/1", true)]
    [InlineData(HubServer.Commit, false)]
    public void ARevisionMayBeAPathOrACommit(string revision, bool isRemembered)
    {
        Assert.Equal(HubServer.Commit, Download($"hub:tiny/model@{revision}", file => file == Config).Commit);
        Assert.Equal(isRemembered, File.Exists(Path.Combine(Model, "refs", "refs", "pr", "1")));
        Assert.Equal(isRemembered, Directory.Exists(Path.Combine(Model, "refs")));
        Assert.Equal([Config], Hub.Download(HubName.Parse($"hub:tiny/model@{revision}"), _ => true, Settings with { IsOffline = true }, null, TestContext.Current.CancellationToken).Files);
    }

    [Fact]
    public void AModelThatWasRenamedIsFound() => Assert.Equal([Config], Download("hub:old/name", file => file == Config).Files);

    [Fact]
    public void TheTokenGoesToTheHubAndNowhereElse()
    {
        _server.Token = "hf_secret";
        Download("hub:tiny/model", file => file is Config or Weights, Settings with { Token = "hf_secret" });
        Assert.All(_server.Requests, request => Assert.Equal(request.IsAtStore ? null : "Bearer hf_secret", request.Authorization));
        Assert.Contains(_server.Requests, request => request.IsAtStore);
        Assert.Contains(_server.Requests, request => request.Path == "/api/resolve-cache/config.json");
        Assert.DoesNotContain("hf_secret", (Settings with { Token = "hf_secret" }).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AnInterruptedTransferGoesOnWhereItWas()
    {
        // More cuts than attempts: what comes further may fail again.
        _server.Cuts = (4, 220_000);
        Download("hub:tiny/model", file => file == Weights);
        var ranges = _server.Requests.Where(request => request.IsAtStore).Select(request => request.Range).ToList();
        Assert.Null(ranges[0]);
        int[] starts = [.. ranges.Skip(1).Select(range => int.Parse(range!["bytes=".Length..^1]))];
        Assert.Equal(4, starts.Length);
        Assert.Equal(starts.Order().Distinct(), starts);
        Assert.InRange(starts[0], 1, 220_000);
    }

    [Fact]
    public void ATransferThatComesNoFurtherEndsWithASentenceAndGoesOnAtTheNextCall()
    {
        _server.Cuts = (1, 300_000);
        using (var cancellation = new CancellationTokenSource())
        {
            var cancel = new Told(value => { if (value.Bytes > 100_000) cancellation.Cancel(); });
            Assert.ThrowsAny<OperationCanceledException>(() => Hub.Download(HubName.Parse("hub:tiny/model"), file => file == Weights, Settings, cancel, cancellation.Token));
        }

        string partial = Assert.Single(Directory.GetFiles(Path.Combine(Model, "blobs")));
        Assert.EndsWith(".incomplete", partial, StringComparison.Ordinal);
        long length = new FileInfo(partial).Length;
        Assert.InRange(length, 100_000, 999_999);
        Assert.False(Directory.Exists(Path.Combine(Model, "snapshots")));
        Assert.False(Directory.Exists(Path.Combine(Model, "refs")));

        _server.Cuts = (100, 0);
        Refused("cannot be reached (", file => file == Weights);
        Assert.Equal(length, new FileInfo(partial).Length);

        _server.Cuts = (0, 0);
        _server.Requests.Clear();
        Download("hub:tiny/model", file => file == Weights);
        Assert.Equal($"bytes={length}-", _server.Requests.Single(request => request.IsAtStore).Range);
        Assert.False(File.Exists(partial));
    }

    [Fact]
    public void WhatPythonHasBegunGoesOnAndWhatIsDamagedBeginsAnew()
    {
        string blobs = Path.Combine(Model, "blobs"), blob = Path.Combine(blobs, HubServer.HashOf(_weights, true));
        Directory.CreateDirectory(blobs);
        File.WriteAllBytes($"{blob}.incomplete", _weights[..400_000]);
        Download("hub:tiny/model", file => file == Weights);
        Assert.Equal(["bytes=400000-"], _server.Requests.Where(request => request.IsAtStore).Select(request => request.Range));

        Directory.Delete(_folder["hub"], recursive: true);
        Directory.CreateDirectory(blobs);
        File.WriteAllBytes($"{blob}.incomplete", new byte[400_000]);
        Download("hub:tiny/model", file => file == Weights);
        Assert.Equal(_weights, File.ReadAllBytes(blob));

        // A blob that is too short is none.
        File.WriteAllBytes(blob, _weights[..10]);
        File.Delete(Path.Combine(Model, "snapshots", HubServer.Commit, Weights));
        Download("hub:tiny/model", file => file == Weights);
        Assert.Equal(_weights, File.ReadAllBytes(blob));
    }

    [Fact]
    public void AHubThatSendsNoPartsSendsTheWholeAgain()
    {
        _server.Cuts = (1, 300_000);
        _server.IgnoresRanges = true;
        Download("hub:tiny/model", file => file == Weights);
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(Model, "snapshots", HubServer.Commit, Weights)));
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(429)]
    public void WhatFailsForAWhileIsTriedAgain(int status)
    {
        _server.Failures = (2, status);
        Download("hub:tiny/model", file => file == Config);
        _server.Failures = (3, status);
        Refused($"cannot be reached (127.0.0.1 answers {status}", file => file == Config);
    }

    [Fact]
    public void AHubThatIsDownOrSilentIsToldOf()
    {
        _server.Stalls = true;
        var patient = Settings with { Patience = TimeSpan.FromMilliseconds(100), Attempts = 2 };
        Assert.Contains("nothing came for 0.1 s", Assert.Throws<HubException>(() => Download("hub:tiny/model", file => file == Weights, patient)).Message, StringComparison.Ordinal);
        // Port 1 is no hub's.
        string message = Assert.Throws<HubException>(() => Download("hub:tiny/model", _ => true, Settings with { Endpoint = "http://127.0.0.1:1" })).Message;
        Assert.StartsWith("the hub 'http://127.0.0.1:1' cannot be reached (Connection refused", message, StringComparison.Ordinal);
        Assert.EndsWith("try again later, name a folder with the files instead, or set HF_HUB_OFFLINE=1 to use what was downloaded before", message, StringComparison.Ordinal);
    }

    [Fact]
    public void AWrongHashLeavesNothing()
    {
        _server.IsDamaged = true;
        foreach (string name in new[] { Config, Weights })
        {
            Refused("does not have the hash that the hub gives", file => file == name);
            Assert.Empty(Directory.GetFiles(Path.Combine(Model, "blobs")));
            Assert.False(Directory.Exists(Path.Combine(Model, "snapshots")));
        }

        _server.HasNoHashes = true;
        Refused("gives no hash of 'model.safetensors'", file => file == Weights);
    }

    [Fact]
    public void AFullDiskLeavesNothingThatLooksWhole()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "there is no device here that is always full");
        string blob = Path.Combine(Model, "blobs", HubServer.HashOf(_weights, true));
        Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
        File.CreateSymbolicLink($"{blob}.incomplete", "/dev/full");
        var exception = Assert.ThrowsAny<IOException>(() => Download("hub:tiny/model", file => file == Weights));
        Assert.Contains("No space left on device", exception.Message, StringComparison.Ordinal);
        Assert.IsNotType<HubException>(exception);
        Assert.False(File.Exists(blob) || Directory.Exists(Path.Combine(Model, "snapshots")) || Directory.Exists(Path.Combine(Model, "refs")));
    }

    [Theory]
    [InlineData(null, "GatedRepo", "the model 'tiny/model' is gated: ask for access at ENDPOINT/tiny/model, then set HF_TOKEN")]
    [InlineData("wrong", "GatedRepo", "has no access: ask for it at ENDPOINT/tiny/model")]
    [InlineData(null, "RepoNotFound", "check the name, or set HF_TOKEN to a token that may read it")]
    [InlineData("wrong", "RepoNotFound", "check the name and HF_TOKEN")]
    public void WhoMayNotHaveAModelIsToldWhatToDo(string? token, string code, string sentence)
    {
        (_server.Token, _server.RefusalCode) = ("right", code);
        string message = Assert.Throws<HubException>(() => Download("hub:tiny/model", _ => true, Settings with { Token = token })).Message;
        Assert.Contains(sentence.Replace("ENDPOINT", _server.Endpoint, StringComparison.Ordinal), message, StringComparison.Ordinal);
        Assert.Single(_server.Requests);
        Assert.False(Directory.Exists(_folder["hub"]));
    }

    [Theory]
    [InlineData("hub:tiny/other", "there is no model 'tiny/other' at")]
    [InlineData("hub:tiny/model@v2", "the model 'tiny/model' has no revision 'v2'")]
    public void WhatIsUnknownIsToldOf(string name, string sentence) =>
        Assert.Contains(sentence, Assert.Throws<HubException>(() => Download(name, _ => true)).Message, StringComparison.Ordinal);

    [Fact]
    public void AModelWithoutTheFilesThatAreNeededIsRefused() => Refused("has none of the files that are needed; it has 'config.json'", file => file == "x");

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("/etc/x")]
    [InlineData("a\\..\\x")]
    [InlineData("a//x")]
    [InlineData("./x")]
    [InlineData("x\0")]
    public void ANameThatLeadsOutOfTheFolderIsRefused(string name)
    {
        _server.Files[name] = ([1], false);
        Refused("which would lie outside of its folder; nothing is written", _ => true);
        Assert.False(Directory.Exists(_folder["hub"]));
        Assert.Equal([Config], Download("hub:tiny/model", file => file == Config).Files);
    }

    [Fact]
    public void OfflineNothingIsAsked()
    {
        var offline = Settings with { IsOffline = true };
        Assert.Contains("HF_HUB_OFFLINE is set", Assert.Throws<HubException>(() => Download("hub:tiny/model", _ => true, offline)).Message, StringComparison.Ordinal);
        Download("hub:tiny/model", file => file is Config or Nested);
        _server.Requests.Clear();
        Assert.Equal([Config, Nested], Download("hub:tiny/model", _ => true, offline).Files);
        Assert.Throws<HubException>(() => Download("hub:tiny/model", file => file == Weights, offline));
        Assert.Throws<HubException>(() => Download("hub:tiny/model@v1", _ => true, offline));
        // A link whose file is gone.
        foreach (string blob in Directory.GetFiles(Path.Combine(Model, "blobs"))) File.Delete(blob);
        if (!OperatingSystem.IsWindows()) Assert.Throws<HubException>(() => Download("hub:tiny/model", _ => true, offline));
        Assert.Empty(_server.Requests);
        File.WriteAllText(Path.Combine(Model, "refs", "main"), "../../..");
        Assert.Throws<HubException>(() => Download("hub:tiny/model", _ => true, offline));
    }

    [Fact]
    public async Task TwoProgramsDownloadAFileOnce()
    {
        var both = Enumerable.Range(0, 2).Select(_ => Task.Run(() => Download("hub:tiny/model", file => file == Weights), TestContext.Current.CancellationToken));
        Assert.All(await Task.WhenAll(both), snapshot => Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(snapshot.Folder, Weights))));
        Assert.Single(_server.Requests, request => request.IsAtStore);
    }

    [Theory]
    [InlineData("hub:tiny")]
    [InlineData("hub:")]
    [InlineData("hub:a/b/c")]
    [InlineData("hub:../b")]
    [InlineData("hub:a/..")]
    [InlineData("hub:a/b--c")]
    [InlineData("hub:a/b c")]
    [InlineData("hub:-a/b")]
    [InlineData("hub:a/b\n")]
    [InlineData("hub:a/b?x=1")]
    public void AnotherNameIsNone(string name) => Assert.Contains("names no model: write hub:owner/name", Assert.Throws<HubException>(() => HubName.Parse(name)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("../x")]
    [InlineData("a b")]
    [InlineData("/a")]
    [InlineData("a\\b")]
    public void AnotherRevisionIsNone(string revision) =>
        Assert.Contains("is no revision: write a branch, a tag or a commit", Assert.Throws<HubException>(() => HubName.Parse($"hub:a/b@{revision}")).Message, StringComparison.Ordinal);

    [Fact]
    public void NamesAreReadAndWritten()
    {
        var name = HubName.Parse("hub:EleutherAI/pythia-70m.v2_x@step3000");
        Assert.Equal(("EleutherAI/pythia-70m.v2_x", "step3000"), (name.Repository, name.Revision));
        Assert.Equal("hub:EleutherAI/pythia-70m.v2_x@step3000", name.ToString());
        Assert.Equal("hub:a/b", HubName.Parse("a/b").ToString());
        Assert.True(HubName.IsMeantBy("hub:x") && !HubName.IsMeantBy("./hub:x"));
    }

    [Fact]
    public void TheEnvironmentIsReadAsThePythonLibraryReadsIt()
    {
        string root = Path.GetFullPath("/home/me");
        var plain = From(("HOME", root));
        Assert.Equal(("https://huggingface.co", Path.Combine(root, ".cache", "huggingface", "hub"), null, false), (plain.Endpoint, plain.Cache, plain.Token, plain.IsOffline));
        Assert.Equal(Path.GetFullPath("/x/huggingface/hub"), From(("HOME", root), ("XDG_CACHE_HOME", "/x")).Cache);
        Assert.Equal(Path.GetFullPath("/h/hub"), From(("HF_HOME", "/h"), ("XDG_CACHE_HOME", "/x")).Cache);
        Assert.Equal(Path.GetFullPath("/c"), From(("HF_HOME", "/h"), ("HF_HUB_CACHE", "/c")).Cache);
        Assert.Equal(Path.Combine(root, "h", "hub"), From(("HOME", root), ("HF_HOME", "~/h")).Cache);
        Assert.Equal("http://mirror:8080/hf", From(("HF_ENDPOINT", "http://mirror:8080/hf/")).Endpoint);
        Assert.True(From(("HF_HUB_OFFLINE", "yes")).IsOffline);
        Assert.True(From(("TRANSFORMERS_OFFLINE", "1")).IsOffline);
        Assert.False(From(("HF_HUB_OFFLINE", "0")).IsOffline);
        File.WriteAllText(_folder["token"], "hf_file\n");
        Assert.Equal("hf_file", From(("HF_HOME", _folder["."])).Token);
        Assert.Equal("hf_own", From(("HF_HOME", _folder["."]), ("HF_TOKEN", "hf_own")).Token);
        Assert.Contains("HF_ENDPOINT is 'mirror', which is no address", Assert.Throws<HubException>(() => From(("HF_ENDPOINT", "mirror"))).Message, StringComparison.Ordinal);
        string message = Assert.Throws<HubException>(() => From(("HF_TOKEN", "hf_a b"))).Message;
        Assert.Contains("has characters that no token has", message, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_a b", message, StringComparison.Ordinal);

        static HubSettings From(params (string Name, string Value)[] variables) =>
            HubSettings.FromEnvironment(name => variables.Where(variable => variable.Name == name).Select(variable => variable.Value).FirstOrDefault());
    }

    private HubSnapshot Download(string name, Func<string, bool> wanted, HubSettings? settings = null) =>
        Hub.Download(HubName.Parse(name), wanted, settings ?? Settings, cancellation: TestContext.Current.CancellationToken);

    private void Refused(string sentence, Func<string, bool> wanted) =>
        Assert.Contains(sentence, Assert.Throws<HubException>(() => Download("hub:tiny/model", wanted)).Message, StringComparison.Ordinal);

    /// <summary>Unlike the system's, it is told at once and in order.</summary>
    private sealed class Told(Action<HubProgress>? then = null) : IProgress<HubProgress>
    {
        public List<HubProgress> Values { get; } = [];

        public void Report(HubProgress value)
        {
            Values.Add(value);
            then?.Invoke(value);
        }
    }
}
