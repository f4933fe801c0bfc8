using System.Diagnostics;
using System.Text;
using Spd.Runs.Configuration;

namespace Spd.Runs.Tests.Configuration;

/// <summary>YAML text as people write it, and as nobody should: each becomes nodes, or one sentence with its line.</summary>
public sealed class YamlTextTests
{
    private const long FewBytes = 32 << 20;

    private static string Laughs => string.Concat(Enumerable.Range(0, 9).Select(level =>
        $"a{level}: &a{level} [{string.Join(",", Enumerable.Repeat(level == 0 ? "x" : $"*a{level - 1}", 10))}]\n"));

    private static string LaughingMaps => string.Concat(Enumerable.Range(0, 9).Select(level =>
        $"a{level}: &a{level} {{{string.Join(", ", Enumerable.Range(0, 10).Select(i => $"k{i}: {(level == 0 ? "x" : $"*a{level - 1}")}"))}}}\n"));

    public static TheoryData<string, string, string> Hostile => new()
    {
        { "lists in lists", "C: " + new string('[', 100_000), "x.yaml, line 1: values are nested more than 16 deep" },
        { "closed lists in lists", $"C: {new string('[', 50_000)}{new string(']', 50_000)}", "x.yaml, line 1: values are nested more than 16 deep" },
        { "mappings in mappings", "C: " + new string('{', 100_000), "x.yaml, line 1: values are nested more than 16 deep" },
        { "lists in a line", Repeated("- ", 50_000) + "x", "x.yaml, line 1: values are nested more than 16 deep" },
        { "keys in a line", Repeated("? ", 50_000) + "x", "x.yaml, line 1: values are nested more than 16 deep" },
        { "indented keys", string.Concat(Enumerable.Range(0, 1000).Select(i => new string(' ', i) + "a:\n")), "x.yaml, line 17: values are nested more than 16 deep" },
        { "aliases of aliases", Laughs, "x.yaml, line 5: this is no config: it holds more than 100,000 values" },
        { "aliases of mappings", LaughingMaps, "x.yaml, line 5: this is no config: it holds more than 100,000 values" },
        { "merged aliases", LaughingMaps.Replace("k0:", "<<:", StringComparison.Ordinal), "x.yaml, line " },
        {
            "aliases in aliases", "a0: &a0 [x]\n" + string.Concat(Enumerable.Range(1, 40).Select(i => $"a{i}: &a{i} [*a{i - 1}]\n")),
            "x.yaml, line 16: values are nested more than 16 deep"
        },
        { "many values", $"a: [{Repeated("b,", 400_000)}]", "x.yaml, line 1: this is no config: it holds more than 100,000 values" },
        { "a long key", $"{new string('k', 1 << 19)}: 1", "x.yaml, line 1: this is no valid YAML" },
        { "a long asked-for key", $"? {new string('k', 1 << 19)}\n: 1", "x.yaml, line 1: unknown key 'kkkk" },
        { "a long value", $"C: {new string('v', 1 << 19)}", "x.yaml, line 1: C is 'vvvv" },
        { "many anchors", Repeated("&a ", 10_000), "x.yaml, line 1: this is no valid YAML: " },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void NoTextTakesMuchMemoryOrALongSentence(string what, string text, string expected)
    {
        // All work is done on this thread, and what it allocates does not depend on how busy the machine is.
        Message("C: [");
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Message(text);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.StartsWith(expected, message, StringComparison.Ordinal);
        Assert.True(message.Length < 400, $"{what}: {message.Length} letters");
        Assert.True(allocated < FewBytes + (64 * text.Length), $"{what}: {allocated} bytes for a text of {text.Length}");
    }

    [Theory]
    [InlineData("a: [1\nb: 2\nc: 3", "x.yaml, line 1: this is no valid YAML: the list that begins here lacks its closing ']', or a comma")]
    [InlineData("a: {b: 1\nc: 2\n", "x.yaml, line 1: this is no valid YAML: the mapping that begins here lacks its closing '}', or a comma")]
    [InlineData("x: 1\na: {b: [1, 2\n", "x.yaml, line 2: this is no valid YAML: the list that begins here lacks its closing ']', or a comma")]
    [InlineData("a: ['b' 'c']", "x.yaml, line 1: this is no valid YAML: the list that begins here lacks its closing ']', or a comma")]
    [InlineData("a:\n\tb: 1\n", "x.yaml, line 2: this is no valid YAML: the line begins with a tab, but only spaces may stand before a key")]
    [InlineData("a: 1\n\tb: 2", "x.yaml, line 2: this is no valid YAML: the line begins with a tab, but only spaces may stand before a key")]
    [InlineData("a: 1\na: 2", "x.yaml, line 2: the key 'a' is given twice, first on line 1: leave one of them out")]
    [InlineData("a: {b: 1, c: 2, b: 3}", "x.yaml, line 1: the key 'b' is given twice, first on line 1: leave one of them out")]
    [InlineData("b: 1\na: \"\\U9223372036854775808\"", "x.yaml, line 2: this is no valid YAML: an escape in double quotes is no character")]
    [InlineData("a: \"C:\\qdata\"", "x.yaml, line 1: this is no valid YAML: while scanning a quoted scalar, found unknown escape character")]
    [InlineData("b: 1\na: !<> 1", "x.yaml, line 2: this is no valid YAML")]
    [InlineData("a: !x!y 1", "x.yaml, line 1: this is no valid YAML: while parsing a node, found undefined tag handle")]
    [InlineData("b: 1\na: x\0y", "x.yaml, line 2: this is no text: it has the character U+0000, which YAML does not allow")]
    [InlineData("a: \u001b[31m", "x.yaml, line 1: this is no text: it has the character U+001B, which YAML does not allow")]
    [InlineData("a: *b", "x.yaml, line 1: the alias *b has no anchor before it")]
    [InlineData("a: &a {b: *a}", "x.yaml, line 1: the alias *a refers to a value that holds it")]
    [InlineData("? [a]\n: 1", "x.yaml, line 1: a key must be a single word")]
    [InlineData("b: 1\n: cpu", "x.yaml, line 2: there is no key before the colon")]
    [InlineData("a: 1\n---\nb: 1", "x.yaml, line 2: a second YAML document begins here")]
    [InlineData("a: 'x", "x.yaml, line 1: this is no valid YAML: while scanning a quoted scalar, found unexpected end of stream")]
    [InlineData("<<: 5", "x.yaml, line 1: << is '5', but the alias of a mapping is needed, such as *base")]
    [InlineData("a: &a [1]\n<<: *a", "x.yaml, line 1: << is a list, but the alias of a mapping is needed, such as *base")]
    [InlineData("lr", "x.yaml, line 1: the file holds 'lr', but a mapping of keys to values is needed")]
    [InlineData("\"\\e[31mEVIL\\e[0m\\nspd: ok\": 1", "x.yaml, line 1: unknown key '\uFFFD[31mEVIL\uFFFD[0m spd: ok'")]
    [InlineData("C: \"\\e]0;title\\a\\u202e\\u200b\\n\"", "x.yaml, line 1: C is '\uFFFD]0;title\uFFFD\uFFFD\uFFFD ', but a whole number is needed")]
    public void AMistakeIsOneSentenceWithItsLine(string text, string expected)
    {
        string message = Message(text);
        Assert.StartsWith(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, letter => char.IsControl(letter));
    }

    [Fact]
    public void AMistakeInAnOverrideNamesTheOptionAndIsCut()
    {
        string message = Assert.Throws<ConfigException>(() => ConfigOverride.Parse($"C={new string('[', 60_000)}").Apply(new ConfigMap("", []))).Message;
        Assert.StartsWith("--set C=[[[[", message, StringComparison.Ordinal);
        Assert.EndsWith("…: values are nested more than 16 deep", message, StringComparison.Ordinal);
        Assert.StartsWith(
            "--set C=\"\\U9223372036854775808\": this is no valid YAML",
            Assert.Throws<ConfigException>(() => ConfigOverride.Parse("C=\"\\U9223372036854775808\"").Apply(new ConfigMap("", []))).Message,
            StringComparison.Ordinal);
        Assert.StartsWith(
            "--set C={a: 1, a: 2}: the key 'a' is given twice: leave",
            Assert.Throws<ConfigException>(() => ConfigOverride.Parse("C={a: 1, a: 2}").Apply(new ConfigMap("", []))).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3, e: 4}", "d.b=1 d.c=3 d.e=4")]
    [InlineData("a: &x {b: 1, c: 2}\nd: {c: 3, <<: *x}", "d.b=1 d.c=3")]
    [InlineData("a: &x {b: 1}\ne: &y {b: 2, c: 2}\nd:\n  <<: [*x, *y]\n  f: 5", "d.b=1 d.c=2 d.f=5")]
    [InlineData("a: &x [1, 2]\nd: *x", "d=[1, 2]")]
    [InlineData("a: &x 7\nd: *x", "d=7")]
    [InlineData("\"<<\": 1", "<<=1")]
    [InlineData("d: ~", "d=null")]
    [InlineData("d:", "d=null")]
    [InlineData("d: !!str null", "d=null")]
    [InlineData("%YAML 1.2\n---\nd: 1\n...\n", "d=1")]
    [InlineData("\uFEFFd: 1\r\ne: 2\r\n", "d=1 e=2")]
    public void AnchorsAndMergesAreReadAsYamlsUsersWriteThem(string text, string expected)
    {
        var values = FlatConfig.Read(text);
        Assert.Equal(expected, string.Join(' ', values.Where(value => value.Key[0] is not ('a' or 'e') || expected.Contains($" {value.Key}=", StringComparison.Ordinal))
            .OrderBy(value => value.Key, StringComparer.Ordinal).Select(value => $"{value.Key}={value.Value}")));
    }

    [Fact]
    public void ATextThatATagMakesATextIsNoNull()
    {
        var map = ConfigReader.ReadMap("a: !!str null\nb: ! ~\nc: !!null null", "x.yaml");
        Assert.Equal([false, false, true], map.Entries.Select(entry => entry.Value.IsNull));
    }

    [Fact]
    public void AnOverrideOfAMappingThatAnAliasRepeatsChangesOneOfThem()
    {
        var map = ConfigReader.ReadMap("a: &x {b: {c: 1}}\nd: *x", "x.yaml");
        ConfigOverride.Parse("d.b.c=2").Apply(map);
        Assert.Equal(["1", "2"], map.Entries.Select(entry => ((ConfigScalar)((ConfigMap)((ConfigMap)entry.Value).Find("b")!).Find("c")!).Text));
    }

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    [InlineData("utf-32")]
    public void AFileInAnyEncodingOfYamlIsRead(string encoding)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["x.yaml"], "description: grüße 😀\r\nC: 5\r\n", Encoding.GetEncoding(encoding));
        var map = ConfigReader.ReadFile(folder["x.yaml"]);
        Assert.Equal(["description", "C"], map.Entries.Select(entry => entry.Key));
        Assert.Equal("grüße 😀", ((ConfigScalar)map.Find("description")!).Text);
        Assert.Equal($"{folder["x.yaml"]}, line 2", map.Find("C")!.Origin);
    }

    [Fact]
    public void AFileThatIsNoTextIsOneSentence()
    {
        using var folder = new TemporaryFolder();
        string path = folder["x.yaml"];
        Assert.Equal($"{path}, line 2: this is no text in UTF-8: save the file in that encoding", Told(Encoding.Latin1.GetBytes("a: 1\ndescription: grüße\n")));
        Assert.Equal($"{path}, line 1: this is no text: it has the character U+0003, which YAML does not allow", Told("PK\u0003\u0004"u8.ToArray()));
        Assert.Equal($"{path}, line 1: this is no text: it has the character U+0000, which YAML does not allow", Told(Encoding.Unicode.GetBytes("a: 1")));
        Assert.Equal($"'{path}' is larger than 1 MiB, so it is no config file", Told(new byte[(1 << 20) + 1]));
        Assert.Equal($"'{path}' is empty or no regular file, but a mapping of keys to values is needed", Told([]));
        Assert.Equal($"'{path}' is empty, but a mapping of keys to values is needed", Told("\n"u8.ToArray()));
        Assert.Equal($"'{folder.Root}' is a folder, not a config file; did you mean '{folder["config.yaml"]}'?", Told([], folder.Write("config.yaml", "a: 1")));

        string Told(byte[] content, string? config = null)
        {
            File.WriteAllBytes(path, content);
            return Assert.Throws<ConfigException>(() => ConfigReader.ReadFile(config is null ? path : folder.Root)).Message;
        }
    }

    [Fact]
    public void PipesAndDevicesAreRefusedWithoutBeingOpened()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("pipes and devices are no files on Windows");
        using var folder = new TemporaryFolder();
        using (var make = Process.Start("mkfifo", folder["pipe"])) make.WaitForExit();
        File.CreateSymbolicLink(folder["to-pipe"], folder["pipe"]);
        File.CreateSymbolicLink(folder["to-zero"], "/dev/zero");
        File.CreateSymbolicLink(folder["to-nothing"], folder["nothing"]);
        foreach (string path in new[] { folder["pipe"], folder["to-pipe"], "/dev/zero", folder["to-zero"], "/dev/null", folder["to-nothing"] })
            Assert.Equal($"'{path}' is empty or no regular file, but a mapping of keys to values is needed", Told(path));

        File.CreateSymbolicLink(folder["to-file"], folder.Write("x.yaml", "C: 5"));
        Assert.Equal("'5'", ConfigReader.ReadFile(folder["to-file"]).Find("C")!.Shown);

        static string Told(string path) => Assert.Throws<ConfigException>(() => ConfigReader.ReadFile(path)).Message;
    }

    private static string Repeated(string text, int count) => string.Concat(Enumerable.Repeat(text, count));

    private static string Message(string text) =>
        Assert.Throws<ConfigException>(() => ExperimentConfig.Parse(text, "x.yaml", [], new ExperimentCatalog("nowhere"))).Message;
}
