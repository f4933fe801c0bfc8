using System.Text.Json.Nodes;
using Spd.Formats;
using Spd.Networks.Transformers;

namespace Spd.Cli.Tests;

/// <summary><c>spd sample</c>, and what <c>spd inspect</c> and <c>spd init</c> say of a language model.</summary>
public sealed class LanguageModelTests : IDisposable
{
    private const int Context = 6;

    // Each is followed by the next, "b" by "a".
    private static readonly string[] Words = ["one", "zwei", "drei🙂", "<|endoftext|>", "a", "b\u001b[2J\u202e"];

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Theory]
    [InlineData("stories260K.bin")]
    [InlineData("hf")]
    public void StoriesGoOnAsTheReferenceProgramHasThem(string name)
    {
        string file = SharedFiles.Find($"models/stories260K/{(name == "hf" ? "hf/config.json" : name)}");
        var (code, output, error) = _spd.Run("sample", name == "hf" ? Path.GetDirectoryName(file)! : file, "Once upon a time", "--temperature", "0", "--tokens", "60");
        Assert.Equal((0, ""), (code, error));
        Assert.StartsWith(
            "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball.", output, StringComparison.Ordinal);
    }

    [Fact]
    public void ATextIsLookedAtBeforeAConfigurationIsWritten()
    {
        string file = SharedFiles.Find("models/stories260K/stories260K.bin"), stories = SharedFiles.Find("text/tinystories_1000.json");
        File.WriteAllText(_spd.PathTo("short.txt"), "once");
        File.WriteAllText(_spd.PathTo("table.csv"), "text\nonce\n");
        File.WriteAllText(_spd.PathTo("keys.jsonl"), string.Concat(Enumerable.Repeat("{\"story\": \"Once upon a time there was a cat.\"}\n", 100)));
        Refused("fewer than 2 sequences of 256 tokens", "short.txt");
        Refused("it is a table (CSV)", "table.csv");
        Refused("has no 'text'; it has 'story'", "keys.jsonl");
        Refused("which has no column 'story'", stories, "--column", "story");
        var (code, output, _) = _spd.Run("init", file, "--text", "keys.jsonl", "--column", "story", "--out", "my model.yaml");
        Assert.Equal(0, code);
        Assert.EndsWith(": spd run 'my model.yaml'\n", output, StringComparison.Ordinal);
        Assert.Contains("keys.jsonl\n    column: story\n", File.ReadAllText(_spd.PathTo("my model.yaml")), StringComparison.Ordinal);

        void Refused(string sentence, params string[] text)
        {
            var (code, output, error) = _spd.Run(["init", file, "--text", .. text, "--out", "a.yaml"]);
            Assert.Equal((1, ""), (code, output));
            Assert.Contains(sentence, Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
            Assert.False(File.Exists(_spd.PathTo("a.yaml")));
        }
    }

    [Fact]
    public void AModelOfLlama2cIsDraftedToo()
    {
        string file = SharedFiles.Find("models/stories260K/stories260K.bin");
        var (code, output, error) = _spd.Run("init", file, "--text", SharedFiles.Find("text/tinystories_1000.json"));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Then: spd run stories260K.yaml", output, StringComparison.Ordinal);
        Assert.Contains("C: {model.layers.2.self_attn.q_proj: 192, model.layers.2.self_attn.k_proj: 96, ", File.ReadAllText(_spd.PathTo("stories260K.yaml")), StringComparison.Ordinal);
        (code, _, error) = _spd.Run(
            "run", "stories260K.yaml", "--steps", "1", "--set", "C=4", "--set", "n_eval_steps=1", "--set", "task_config.max_seq_len=16", "--out", "run");
        Assert.Equal((0, ""), (code, error));
    }

    [Fact]
    public void TokensThatAreDrawnDependOnTheSeedAlone()
    {
        string file = SharedFiles.Find("models/stories260K/stories260K.bin");
        string first = Sampled("--seed", "1"), again = Sampled("--seed", "1", "--threads", "1");
        Assert.Equal(first, again);
        Assert.NotEqual(first, Sampled());
        Assert.Equal(Sampled("--seed", "0"), Sampled());

        string Sampled(params string[] options)
        {
            var (code, output, error) = _spd.Run(["sample", file, "--tokens", "30", .. options]);
            Assert.Equal((0, ""), (code, error));
            Assert.True(output.Length > 30, output);
            return output;
        }
    }

    [Fact]
    public void ATextGoesOnUntilItEndsOrHasEnoughOrTheContextIsFull()
    {
        MakeModel();
        Assert.Equal((0, "one zwei drei🙂\n", ""), Sampled("one"));
        Assert.Equal((0, "one zwei\n", ""), Sampled("one", "--tokens", "1"));
        // What would move the cursor is shown as a sign, and once six tokens are read a seventh comes.
        const string B = "b\ufffd[2J\ufffd";
        Assert.Equal((0, $"a {B} a {B} a {B} a\n", "spd: the context is full: the model reads at most 6 tokens\n"), Sampled("a"));
        Assert.Equal((0, $"a {B} a {B} a {B} a\n", ""), Sampled("a", "--tokens", "6"));
        // An empty text begins with the token that parts texts, which is not shown.
        Assert.Equal((0, $"a {B} a\n", ""), Sampled("", "--tokens", "3"));
    }

    [Fact]
    public void LogitsBeyondAllNumbersAreToldInOneSentence()
    {
        MakeModel(headWeight: 3e38f);
        Assert.Equal((1, "a\n", "spd: the network's logits are not finite: its weights are damaged or too large, or not of this configuration\n"), Sampled("a"));
    }

    [Fact]
    public void QuantisedWeightsAreRefusedByName()
    {
        MakeModel();
        string file = _spd.PathTo("model", "model.safetensors");
        byte[] bytes = File.ReadAllBytes(file);
        "I32"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf("F32"u8)));
        File.WriteAllBytes(file, bytes);
        var (code, output, error) = Sampled("a");
        Assert.Equal((1, ""), (code, output));
        Assert.Matches("^spd: 'model/model.safetensors' holds '[^']*' as I32: quantised weights are not supported; save the model in floating point\n$", error);
    }

    [Theory]
    [InlineData(2, "there is no model 'nowhere': name a folder", "nowhere")]
    [InlineData(1, "'empty' holds no config.json", "empty")]
    [InlineData(1, "'model/model.safetensors' holds weights alone: name the folder", "model/model.safetensors")]
    [InlineData(2, "no tokenizer lies beside the model 'bare': name its file with --tokenizer", "bare")]
    [InlineData(2, "there is no tokenizer 'nowhere'", "model", "a", "--tokenizer", "nowhere")]
    [InlineData(1, "is no usable tokenizer", "model", "a", "--tokenizer", "model/config.json")]
    [InlineData(2, "the tokenizer gives tokens up to 6, but the model knows 6, numbered from 0: name the tokenizer that belongs to it with --tokenizer", "model", "one", "--tokenizer", "other.json")]
    [InlineData(2, "the text is empty, and the tokenizer has no token for a beginning: give some words", "model", "", "--tokenizer", "bare.json")]
    [InlineData(2, "the text has 7 tokens, but the model reads at most 6: shorten it", "model", "a a a a a a a")]
    [InlineData(2, "--temperature is '-1', but a number from 0 to 100 is needed", "model", "a", "--temperature", "-1")]
    [InlineData(2, "--tokens is '0', but a whole number from 1 to 1048576 is needed", "model", "a", "--tokens", "0")]
    [InlineData(2, "--seed is 'x', but a whole number from 0 is needed", "model", "a", "--seed", "x")]
    public void WhatCannotBeSampledIsToldInOneSentence(int expected, string sentence, params string[] arguments)
    {
        MakeModel();
        Directory.CreateDirectory(_spd.PathTo("empty"));
        Directory.CreateDirectory(_spd.PathTo("bare"));
        foreach (string name in new[] { "config.json", "model.safetensors" }) File.Copy(_spd.PathTo("model", name), _spd.PathTo("bare", name));
        File.WriteAllText(_spd.PathTo("other.json"), Tokenizer([.. Words.Take(3), "c", "a", "b", "more"], special: null));
        File.WriteAllText(_spd.PathTo("bare.json"), Tokenizer([.. Words.Take(3), "c", "a", "b"], special: null));
        var (code, output, error) = _spd.Run(["sample", .. arguments]);
        Assert.Equal((expected, ""), (code, output));
        Assert.Matches(@"^spd: [^\n]*\n$", error);
        Assert.Contains(sentence, error, StringComparison.Ordinal);
    }

    [Fact]
    public void AModelIsInspected()
    {
        MakeModel();
        var (code, output, error) = _spd.Run("inspect", "model");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("model: gpt2, ", output, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^ *heads +2 of width 3 *$", output);
        Assert.Matches(@"(?m)^ *tokenizer +tokenizer.json, 6 tokens: model.tokenizer.json *$", output);
        Assert.Matches(@"(?m)^ *transformer\.h\.1\.attn\.c_attn +\[18, 6\] *$", output);

        var model = JsonNode.Parse(_spd.Run("inspect", "model/", "--json").Output)!;
        Assert.Equal(
            """["gpt2",2,6,2,2,3,6,6,false]""",
            new JsonArray([.. new[] { "architecture", "layers", "width", "heads", "key_heads", "head_width", "vocabulary", "context", "is_tied" }.Select(key => model[key]!.DeepClone())]).ToJsonString());
        Assert.Equal("""{"name":"transformer.wte","shape":[6,6]}""", model["linear_maps"]![0]!.ToJsonString());
        Assert.Equal("lm_head", (string?)model["linear_maps"]!.AsArray()[^1]!["name"]);
        Assert.Equal(6, (int)model["tokenizer"]!["tokens"]!);

        File.Delete(_spd.PathTo("model", "tokenizer.json"));
        Assert.Contains("No tokenizer lies beside the model.", _spd.Run("inspect", "model").Output, StringComparison.Ordinal);
        File.WriteAllText(_spd.PathTo("model", "tokenizer.json"), "{}");
        Assert.Contains("is no usable tokenizer", _spd.Run("inspect", "model").Output, StringComparison.Ordinal);
        File.Delete(_spd.PathTo("model", "model.safetensors"));
        (code, _, error) = _spd.Run("inspect", "model");
        Assert.Equal(1, code);
        Assert.StartsWith("spd: 'model' holds no weights", error, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatInitWritesOfAModelRunsAsItIs()
    {
        MakeModel();
        File.WriteAllLines(_spd.PathTo("text.txt"), Enumerable.Range(0, 60).Select(i => $"one zwei drei🙂 a {(i % 2 == 0 ? "one" : "a")}"));
        var (code, output, error) = _spd.Run("init", "model", "--text", "text.txt");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Then: spd run model.yaml", output, StringComparison.Ordinal);
        string yaml = File.ReadAllText(_spd.PathTo("model.yaml"));
        Assert.Contains("\n- transformer.h.1.attn.c_attn\n- transformer.h.1.attn.c_proj\n- transformer.h.1.mlp.c_fc\n- transformer.h.1.mlp.c_proj\n\n", yaml, StringComparison.Ordinal);
        Assert.StartsWith("# Drafted after the shipped experiment lm_stories260K", yaml, StringComparison.Ordinal);
        Assert.Contains("\n  max_seq_len: 6\n", yaml, StringComparison.Ordinal);
        // All four matrices of a width of 6 have that rank at most.
        Assert.Contains("# C of each: 3 times the largest rank that it can have", yaml, StringComparison.Ordinal);
        Assert.Contains("\nC: 18\n", yaml, StringComparison.Ordinal);
        (code, _, error) = _spd.Run("run", "model.yaml", "--steps", "3", "--set", "n_eval_steps=1", "--out", "run");
        Assert.Equal((0, ""), (code, error));
        // Never overwritten.
        Assert.Equal(2, _spd.Run("init", "model").ExitCode);
        Assert.Equal(yaml, File.ReadAllText(_spd.PathTo("model.yaml")));

        // Elsewhere, paths are full; what is not known is left to be decided.
        File.Delete(_spd.PathTo("model", "tokenizer.json"));
        (code, output, error) = _spd.Run("init", "model/", "--out", "other/lm.yaml");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("2 lines to decide (TO DECIDE); then: spd run other/lm.yaml", output, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^  model: ""?/.*/model/?""?$", File.ReadAllText(_spd.PathTo("other", "lm.yaml")));
    }

    [Theory]
    [InlineData("--data is for MLPs, but 'model' holds a language model", "model", "--data", "text.txt")]
    [InlineData("--ignore is for MLPs, but 'model' holds a language model", "model", "--ignore", "lm_head")]
    [InlineData("nowhere.txt", "model", "--text", "nowhere.txt")]
    [InlineData("--text is for a language model, but 'model/model.safetensors' is neither a folder with a config.json nor a model of llama2.c", "model/model.safetensors", "--text", "text.txt")]
    [InlineData("--text is for a language model, but 'empty.bin' is neither a folder with a config.json nor a model of llama2.c", "empty.bin", "--text", "text.txt")]
    public void WhatFitsNoConfigurationIsRefusedInOneSentence(string sentence, params string[] arguments)
    {
        MakeModel();
        File.WriteAllText(_spd.PathTo("empty.bin"), "");
        var (code, _, error) = _spd.Run(["init", .. arguments]);
        Assert.Contains(code, new[] { 1, 2 });
        Assert.Matches(@"^spd: [^\n]*\n$", error);
        Assert.Contains(sentence, error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_spd.Folder, "*.yaml"));
    }

    /// <summary>A GPT-2 whose blocks add nothing, so that its head alone says what follows.</summary>
    private void MakeModel(float headWeight = 1)
    {
        int size = Words.Length;
        var network = new Gpt2Config { VocabSize = size, NPositions = Context, NEmbd = size, NLayer = 2, NHead = 2, TieWordEmbeddings = false }.Build();
        var parameters = network.NamedParameters().ToDictionary(entry => entry.Path, entry => entry.Parameter);
        for (int word = 0; word < size; word++)
        {
            parameters["transformer.wte.weight"][word, word] = 1;
            parameters["lm_head.weight"][word + 1 == size ? word - 1 : word + 1, word] = headWeight;
        }

        Directory.CreateDirectory(_spd.PathTo("model"));
        Safetensors.Write(
            _spd.PathTo("model", "model.safetensors"),
            parameters.Select(entry => new TensorData(
                entry.Key, entry.Value.Columns == 1 ? [entry.Value.Rows] : [entry.Value.Rows, entry.Value.Columns], entry.Value.Values.ToArray())));
        File.WriteAllText(
            _spd.PathTo("model", "config.json"),
            $$"""{"model_type": "gpt2", "vocab_size": {{size}}, "n_positions": {{Context}}, "n_embd": {{size}}, "n_layer": 2, "n_head": 2, "tie_word_embeddings": false}""");
        File.WriteAllText(_spd.PathTo("model", "tokenizer.json"), Tokenizer(Words, Words[3]));
    }

    private static string Tokenizer(string[] words, string? special)
    {
        var vocabulary = new JsonObject(words.Select((word, id) => KeyValuePair.Create(word, (JsonNode?)id)));
        var added = special is null ? [] : new JsonArray(new JsonObject
        {
            ["id"] = Array.IndexOf(words, special),
            ["content"] = special,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
            ["special"] = true,
        });
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = added,
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "WhitespaceSplit" },
            ["post_processor"] = null,
            ["decoder"] = null,
            ["model"] = new JsonObject { ["type"] = "WordLevel", ["vocab"] = vocabulary, ["unk_token"] = words[0] },
        }.ToJsonString();
    }

    private (int ExitCode, string Output, string Error) Sampled(string text, params string[] options) =>
        _spd.Run(["sample", "model", text, "--temperature", "0", .. options]);
}
