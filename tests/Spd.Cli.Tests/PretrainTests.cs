using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Spd.Networks.Transformers;
using Spd.Runs.Checkpoints;
using Spd.Runs.Log;

namespace Spd.Cli.Tests;

/// <summary><c>spd pretrain</c>: what it writes, that it goes on to the bit, and what it refuses.</summary>
public sealed class PretrainTests : IDisposable
{
    private static readonly string[] Small =
        ["--layers", "2", "--width", "8", "--heads", "2", "--ff", "12", "--context", "12", "--batch", "4", "--steps", "30", "--lr", "0.02", "--seed", "3"];

    private readonly SpdProgram _spd = new();

    public PretrainTests()
    {
        TinyLanguageModel.Write(_spd.Folder);
        WriteText("text.json", 200);
    }

    public void Dispose() => _spd.Dispose();

    [Theory]
    [InlineData("llama_simple_mlp", "LlamaSimpleMLP", 12)]
    [InlineData("llama", "LlamaForCausalLM", 12)]
    [InlineData("gpt2", "GPT2LMHeadModel", 48)]
    public void AModelIsTrainedThatTheOtherCommandsTake(string architecture, string named, int neurons)
    {
        string[] more = architecture == "gpt2" ? ["--ff", "48"] : ["--kv-heads", "1"];
        string output = Trains("out", [.. Small, "--architecture", architecture, .. more]);
        Assert.Matches(@"(?m)^step 30/30  loss \d\.\d{4}  validation loss \d\.\d{4}  learning rate 2\.00e-3  \d+ tokens/s  00:00 left$", output);
        // Each tenth, where it is measured, and every ten steps.
        Assert.Equal([1, 3, 6, 9, 10, 12, 15, 18, 20, 21, 24, 27, 30], Regex.Matches(output, @"(?m)^step (\d+)/30 ").Select(line => int.Parse(line.Groups[1].Value, CultureInfo.InvariantCulture)));
        Assert.Matches(@"(?m)^sample: [a-z ]+ \|", output);
        Assert.Matches(@"(?m)^30 steps in [\d.]+ s: \d+ weights, a cross-entropy of \d\.\d{4} nats a token on 8 held-out sequences of 12 tokens\.$", output);
        Assert.Contains(named, File.ReadAllText(_spd.PathTo("out", "config.json")), StringComparison.Ordinal);
        var network = TransformerFiles.Load(_spd.PathTo("out"));
        Assert.Equal((10, 12, 2), (network.VocabularySize, network.ContextLength, network.Blocks.Count));
        Assert.Equal(neurons, network.LinearMaps().First(map => map.Path.EndsWith("c_fc", StringComparison.Ordinal) || map.Path.EndsWith("up_proj", StringComparison.Ordinal)).Linear.Outputs);

        // A text of one sentence is soon known.
        var log = MetricLog.Read(_spd.PathTo("out", "metrics.jsonl"));
        Assert.Equal(Enumerable.Range(1, 30), log.Select(line => line.Step));
        Assert.Equal(Math.Log(10), log[0].Losses["loss"], 0.1);
        Assert.Equal(10, log.Count(line => line.Metrics.ContainsKey("validation_loss")));
        Assert.InRange(log[^1].Metrics["validation_loss"], 0, 1.5);
        Assert.Equal([0.02 * 0, 0.02], [log[0].Lr, log[1].Lr]);

        var (code, text, error) = _spd.Run("sample", "out", "the cat", "--temperature", "0", "--tokens", "3");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal("the cat sat on a\n", text.Replace("  ", " ", StringComparison.Ordinal));
        Assert.Contains("tokenizer.json, 10 tokens", _spd.Run("inspect", "out").Output, StringComparison.Ordinal);
        Assert.Equal(0, _spd.Run("init", "out", "--text", "text.json", "--out", "mine.yaml").ExitCode);
        (code, _, error) = _spd.Run("run", "mine.yaml", "--steps", "2", "--set", "n_eval_steps=1", "--out", "run", "--quiet");
        Assert.Equal((0, ""), (code, error));
    }

    [Fact]
    public void ATrainingThatIsStoppedOrKilledEndsLikeOneThatNeverWas()
    {
        Trains("whole", [.. Small, "--threads", "1"]);
        string[] cut = Arguments("cut", Small);
        _spd.KillAt(new Moment(CheckpointName(6), 100, "-KILL"), [.. cut, "--threads", "2"]);
        Assert.Single(Directory.GetFiles(_spd.PathTo("cut", "checkpoints"), "*.tmp"));
        if (!OperatingSystem.IsWindows())
        {
            using var process = _spd.StartUntil(new Moment(CheckpointName(12), 100, "-TERM"), [.. cut, "--threads", "3", "--quiet"]);
            var (exitCode, said, told) = SpdProgram.Finish(process);
            Assert.Equal((143, "", "spd: stopped after step 12 of 30; the same command goes on from there\n"), (exitCode, said, told));
            Assert.False(File.Exists(_spd.PathTo("cut", "config.json")));
        }

        // Until then it is no model, but the beginning of one.
        string begun = $"has not finished (step 12 of 30), so that there is no model yet: go on with `spd pretrain cut --text {_spd.PathTo("text.json")} ";
        foreach (string[] arguments in new[] { ["sample", "cut"], ["inspect", "cut"], ["init", "cut"], ["plan", "tiny_lm.yaml", "--set", "target.model=cut"], new[] { "run", "tiny_lm.yaml", "--set", "target.model=cut" } })
        {
            var (exitCode, _, told) = _spd.Run(arguments);
            Assert.Equal(2, exitCode);
            Assert.Matches(@"^spd: the pretraining in '[^\n]*\n$", told);
            Assert.Contains(arguments[0] is "run" or "plan" ? "(step 12 of 30)" : begun, told, StringComparison.Ordinal);
            Assert.EndsWith(" --width 8 --heads 2 --kv-heads 1 --ff 12 --context 12 --steps 30 --batch 4 --lr 0.02 --warmup 1 --seed 3`\n", told, StringComparison.Ordinal);
        }

        // In the writing of the model itself, of a checkpoint that is damaged afterwards, and to the end.
        _spd.KillAt(new Moment("cut/model.safetensors", 100, "-KILL"), [.. cut, "--threads", "2"]);
        string newest = Checkpoint.Newest(_spd.PathTo("cut", "checkpoints"))[0];
        File.WriteAllBytes(newest, File.ReadAllBytes(newest)[..^1]);
        string output = Trains("cut", [.. Small, "--threads", "2"]);
        Assert.Contains("cut short or damaged; the one before it is used.", output, StringComparison.Ordinal);
        Assert.Contains("going on from step 27 of 30.", output, StringComparison.Ordinal);
        Same();
        Assert.Empty(Directory.GetFiles(_spd.PathTo("cut"), "*.tmp", SearchOption.AllDirectories));

        // At its end there is nothing left to do but to write what is missing.
        File.Delete(_spd.PathTo("cut", "model.safetensors"));
        Assert.Contains("going on from step 30 of 30.", Trains("cut", Small), StringComparison.Ordinal);
        Same();

        void Same()
        {
            foreach (string name in new[] { "model.safetensors", "config.json", "tokenizer.json", $"checkpoints/{CheckpointName(30)}" })
                Assert.Equal(File.ReadAllBytes(_spd.PathTo("whole", name)), File.ReadAllBytes(_spd.PathTo("cut", name)));
            Assert.Equal(_spd.LogOf("whole"), _spd.LogOf("cut"));
        }
    }

    [Fact]
    public void AFolderOfOtherSettingsOrThingsIsLeftAlone()
    {
        Trains("out", Small);
        string[] before = Contents();
        Refuses(2, "'*out' holds a pretraining with lr 0.02 instead of 0.01; seed 3 instead of 4: name another folder", "out", [.. Small, "--seed", "4", "--lr", "0.01"]);
        Refuses(2, "'*out' holds a pretraining with steps 30 instead of 31", "out", [.. Small, "--steps", "31"]);
        WriteText("text.json", 201);
        Refuses(2, "cannot go on, because text is another file or was changed", "out", Small);
        Assert.Equal(before, Contents());
        Refuses(2, "'*model' is not empty, and holds no pretraining.yaml", "model", Small);
        Refuses(2, "'*text.json' is a file, but a folder is needed", "text.json", Small);
        Refuses(2, "'*text.json/below' cannot be made or written to (", "text.json/below", Small);
        foreach (var (settings, fault) in new[] { ("", "' is empty"), ("garbage", ", line 1: the file holds 'garbage'"), ("stps: 3", ", line 1: unknown key 'stps'") })
        {
            File.WriteAllText(_spd.PathTo("out", "pretraining.yaml"), settings);
            Refuses(2, $"out/pretraining.yaml{fault}", "out", Small);
        }

        string[] Contents() => [.. Directory.GetFiles(_spd.PathTo("out"), "*", SearchOption.AllDirectories).Order().Select(file => $"{file} {Convert.ToHexString(File.ReadAllBytes(file))}")];
    }

    [Fact]
    public void WhatCannotBeTrainedIsToldInOneSentenceAndNothingIsMade()
    {
        WriteText("short.txt", 2);
        Refused(2, "--heads 3: a width of 8 cannot be divided among 3 heads: change --width or --heads", "--heads", "3");
        Refused(2, "--heads 8: heads of 1 features have an odd number, but rotary positions turn pairs of them", "--heads", "8");
        Refused(2, "--kv-heads 3: 2 heads cannot share 3 heads of keys and values", "--kv-heads", "3");
        Refused(2, "--kv-heads 1: a GPT-2 has as many heads of keys and values as heads, 2, not 1: leave out --kv-heads", "--kv-heads", "1", "--architecture", "gpt2");
        Refused(2, "--lr 0: lr is 0, but it must be a finite number above 0", "--lr", "0");
        Refused(2, "--steps many: steps is 'many', but a whole number is needed", "--steps", "many");
        Refused(2, "--warmup 30: a warm-up of 30 steps does not end before the 30 steps", "--warmup", "30");
        Refused(2, "--min-lr-ratio 2: min_lr_ratio is 2, but it must be from 0 to 1", "--min-lr-ratio", "2");
        Refused(2, "--batch 16777216: 16777216 sequences of 12 tokens are more than 16777216 tokens at once", "--batch", "16777216");
        Refused(2, "--architecture bert: architecture is 'bert', but one of llama_simple_mlp, llama, gpt2 is needed", "--architecture", "bert");
        Refused(2, "there is no tokenizer '*nowhere': name its file with --tokenizer", "--tokenizer", "nowhere");
        Refused(2, "there is no file '*nowhere.txt': name the text with --text", "--text", "nowhere.txt");
        Refused(1, "the text in '*short.txt' has 10 tokens, fewer than one sequence of 12: use more text, or shorter sequences", "--text", "short.txt");
        var (code, _, error) = _spd.Run("pretrain", "new", "--text", "text.json");
        Assert.Equal((2, "spd: Option '--tokenizer' is required; `spd pretrain --help` shows the usage\n"), (code, error));
        File.Copy(SharedFiles.Find("models/stories260K/tok512.bin"), _spd.PathTo("tok512.bin"));
        Refused(2, "'*tok512.bin' is a llama2.c tokenizer, but the folder of a model holds a tokenizer.json: name one of these", "--tokenizer", "tok512.bin");

        void Refused(int expected, string sentence, params string[] options)
        {
            Refuses(expected, sentence, "new", [.. Small, .. options]);
            Assert.False(Directory.Exists(_spd.PathTo("new")));
        }
    }

    [Fact]
    public void ALossThatIsNoNumberEndsTheTrainingBeforeAnyOfItIsKept()
    {
        Refuses(1, "loss became NaN*: the same settings come to the same, so begin in another folder with a smaller --lr (it is 1E+30)", "out", [.. Small, "--lr", "1e30"]);
        Assert.False(Directory.Exists(_spd.PathTo("out", "checkpoints")));
        Assert.False(File.Exists(_spd.PathTo("out", "config.json")));
    }

    [Fact]
    public void IdsThatAreOfNoTokenAreNeverWritten()
    {
        string tokenizer = File.ReadAllText(_spd.PathTo("model", "tokenizer.json"));
        string last = $": {TinyLanguageModel.Words.Length - 1} }}";
        Assert.Contains(last, tokenizer, StringComparison.Ordinal);
        File.WriteAllText(_spd.PathTo("holes.json"), tokenizer.Replace(last, ": 500 }", StringComparison.Ordinal));
        Assert.Matches(@"(?m)^sample: [a-z ]+ \|", Trains("out", [.. Small, "--tokenizer", "holes.json", "--steps", "1"]));
        Assert.Equal(501, TransformerFiles.Load(_spd.PathTo("out")).VocabularySize);
    }

    [Fact]
    public void AFullDiskLosesNothingThatWasSaved()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("files are limited by a shell's ulimit, which Windows lacks");
        string[] wider = [.. Small, "--width", "64"];
        Trains("whole", wider);
        _spd.KillAt(new Moment(CheckpointName(9), 0, "-KILL"), Arguments("cut", wider));
        long size = new FileInfo(_spd.PathTo("cut", "checkpoints", CheckpointName(6))).Length;
        string command = string.Join(' ', Arguments("cut", wider));
        using (var process = _spd.StartProgram(
            "bash", "-c", $"export DOTNET_EnableDiagnostics=0 DOTNET_EnableWriteXorExecute=0; trap '' XFSZ; ulimit -f {size / 2048}; exec {_spd.Command} {command} --quiet"))
        {
            var (code, output, error) = SpdProgram.Finish(process);
            Assert.Equal((1, ""), (code, output));
            Assert.Matches(@"^spd: a file could not be written or read: [^\n]*\n$", error);
        }

        Trains("cut", wider);
        Assert.Equal(File.ReadAllBytes(_spd.PathTo("whole", "model.safetensors")), File.ReadAllBytes(_spd.PathTo("cut", "model.safetensors")));
        Assert.Equal(_spd.LogOf("whole"), _spd.LogOf("cut"));
    }

    private static string CheckpointName(int step) => Path.GetFileName(Checkpoint.PathOf("", step));

    private static string[] Arguments(string folder, string[] options)
    {
        // Of what is given twice, the last counts.
        string[] all = ["--text", "text.json", "--tokenizer", "model/tokenizer.json", .. options];
        return ["pretrain", folder, .. all.Chunk(2).GroupBy(pair => pair[0]).SelectMany(pairs => pairs.Last())];
    }

    private string Trains(string folder, string[] options)
    {
        var (code, output, error) = _spd.Run(Arguments(folder, options));
        Assert.Equal((0, ""), (code, error));
        return output;
    }

    private void Refuses(int expected, string sentence, string folder, string[] options)
    {
        var (code, _, error) = _spd.Run(Arguments(folder, options));
        Assert.Equal(expected, code);
        Assert.Matches(@"^spd: [^\n]*\n$", error);
        Assert.Matches(string.Join(".*", sentence.Split('*').Select(Regex.Escape)), error);
    }

    private void WriteText(string name, int sentences) =>
        File.WriteAllText(_spd.PathTo(name), JsonSerializer.Serialize(new[] { string.Join(' ', Enumerable.Repeat("the cat sat on a", sentences)) }));
}
