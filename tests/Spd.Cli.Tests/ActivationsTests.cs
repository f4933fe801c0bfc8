using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Spd.Cli.Tests;

/// <summary><c>spd activations</c>, and the pages at the end of a run of a language model.</summary>
public sealed class ActivationsTests : IDisposable
{
    private const string Site = "model.layers.0.mlp.down_proj";

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void ARunOfALanguageModelTellsWhatItsSubcomponentsDo()
    {
        TinyLanguageModel.Write(_spd.Folder);
        Succeeds("run", "tiny_lm.yaml", "--out", "run", "--quiet");
        string page = _spd.PathTo("run", "activations", $"{Site}.html");
        Assert.Contains($"<li><a href=\"activations/{Site}.html\">{Site}</a></li>", File.ReadAllText(_spd.PathTo("run", "report.html")), StringComparison.Ordinal);
        Assert.Equal(4, Directory.GetFiles(_spd.PathTo("run", "activations")).Length);
        string told = File.ReadAllText(page);
        Directory.Delete(_spd.PathTo("run", "activations"), recursive: true);
        Succeeds("report", "run");
        Assert.Equal(told, File.ReadAllText(page));

        string table = Succeeds("activations", "run", "--site", Site);
        Assert.Contains($"{Site}: ", table, StringComparison.Ordinal);
        Assert.Contains("of 6 subcomponents are needed anywhere", table, StringComparison.Ordinal);
        Assert.Contains("promotes", table, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", table, StringComparison.Ordinal);

        var site = Json(Succeeds("activations", "run", "--site", Site, "--json", "--sequences", "5"))[0];
        Assert.Equal((Site, 5, 60), (site.GetProperty("site").GetString(), site.GetProperty("sequences").GetInt32(), site.GetProperty("positions").GetInt32()));
        int first = site.GetProperty("subcomponents")[0].GetProperty("component").GetInt32();
        var one = Json(Succeeds("activations", "run", "--site", Site, "--component", $"{first}", "--top", "2", "--json"))[0].GetProperty("subcomponents")[0];
        Assert.Equal(2, one.GetProperty("contexts").GetArrayLength());
        Assert.Equal(8, one.GetProperty("promoted").GetArrayLength());
        string contexts = Succeeds("activations", "run", "--site", Site, "--component", $"{first}", "--top", "2");
        Assert.Contains($"subcomponent {first}: norm ", contexts, StringComparison.Ordinal);
        Assert.Contains("without it in these contexts (mean of 2): KL ", contexts, StringComparison.Ordinal);
        Assert.Equal(2, contexts.Split('»').Length - 1);

        File.Delete(page);
        Assert.Equal(4, Json(Succeeds("activations", "run", "--json")).Count);
        Assert.False(File.Exists(page));
        Assert.Contains($"{Site}.html", Succeeds("activations", "run"), StringComparison.Ordinal);
        Assert.EndsWith("</html>\n", File.ReadAllText(page), StringComparison.Ordinal);

        // What was asked for stays, as long as it is; what was not is written anew.
        string asked = File.ReadAllText(page), other = _spd.PathTo("run", "activations", "model.layers.0.mlp.up_proj.html");
        Assert.NotEqual(told, asked);
        File.WriteAllText(other, "");
        Succeeds("report", "run");
        Assert.Equal(asked, File.ReadAllText(page));
        Assert.EndsWith("</html>\n", File.ReadAllText(other), StringComparison.Ordinal);
        Assert.Contains($"activations/{Site}.html", File.ReadAllText(_spd.PathTo("run", "report.html")), StringComparison.Ordinal);

        Refuses("there is no site 'down_prj' in this run; there are model.layers.0.self_attn.v_proj, ", "activations", "run", "--site", "down_prj");
        Assert.Contains($"{Site}: ", Succeeds("activations", "run", "--site", "mlp.down_proj"), StringComparison.Ordinal);
        Refuses("did you mean model.layers.0.mlp.down_proj", "activations", "run", "--site", "model.layers.0.mlp.down_prj");
        Refuses($"'{Site}' has no subcomponent 6: its 6 subcomponents are numbered 0 to 5", "activations", "run", "--site", Site, "--component", "6");
        Refuses("--component is 'x', but the number of a subcomponent is needed, from 0", "activations", "run", "--site", Site, "--component", "x");
        Refuses("--component needs the site that it is of", "activations", "run", "--component", "1");
    }

    [Fact]
    public void ARunKnowsTheConfigurationOfItsModel()
    {
        TinyLanguageModel.Write(_spd.Folder);
        Succeeds("run", "tiny_lm.yaml", "--out", "run");
        string file = _spd.PathTo("model", "config.json"), kept = File.ReadAllText(file), summary = File.ReadAllText(_spd.PathTo("run", "summary.json"));
        var changed = JsonNode.Parse(kept)!;
        changed["rope_theta"] = 77;
        File.WriteAllText(file, changed.ToJsonString());
        foreach (string command in new[] { "eval", "report", "activations" })
            Refuses("config.json' (target.model) is not the file that the run's summary.json tells of", command, "run");
        Refuses("target.model is another file or was changed", "resume", "run", "--steps", "9");
        File.WriteAllText(file, kept);
        Directory.Move(_spd.PathTo("model"), _spd.PathTo("moved"));
        Refuses("model', but there is no such file: name it with --set target.model=PATH", "eval", "run");
        Succeeds("eval", "run", "--set", "target.model=moved");
        Assert.Equal(summary, File.ReadAllText(_spd.PathTo("run", "summary.json")));
    }

    [Theory]
    [InlineData("report", "batch_size=2", "--set batch_size=2: `spd report` writes what the run came to")]
    [InlineData("report", "target.data.held_out_share=0.5", "--set target.data.held_out_share=0.5: `spd report` writes what the run came to")]
    [InlineData("eval", "target.data.held_out_share=0.5", "--set target.data.held_out_share=0.5: what a run decomposes, and which part of the data it was kept from, cannot be changed behind it")]
    public void WhatARunWasIsNotChangedBehindIt(string command, string setting, string sentence)
    {
        TinyLanguageModel.Write(_spd.Folder);
        Succeeds("run", "tiny_lm.yaml", "--out", "run");
        string summary = File.ReadAllText(_spd.PathTo("run", "summary.json"));
        Refuses(sentence, command, "run", "--set", setting);
        Assert.Equal(summary, File.ReadAllText(_spd.PathTo("run", "summary.json")));
    }

    [Fact]
    public void ANetworkIsTriedOnSequencesOfTheRunsLength()
    {
        TinyLanguageModel.Write(_spd.Folder);
        Assert.Contains("held-out sequences of 8 tokens", Succeeds("run", "tiny_lm.yaml", "--out", "run", "--set", "task_config.max_seq_len=8"), StringComparison.Ordinal);
    }

    [Fact]
    public void AnInputIsCalledAToken()
    {
        TinyLanguageModel.Write(_spd.Folder);
        string output = Succeeds("run", "tiny_lm.yaml", "--out", "run", "--set", "importance_minimality_coeff=1000");
        Assert.Contains("mean number of subcomponents in use on a token", output, StringComparison.Ordinal);
        Assert.Contains("subcomponents that any token needs", output, StringComparison.Ordinal);
        string report = File.ReadAllText(_spd.PathTo("run", "report.html"));
        Assert.Contains("most subcomponents are unneeded on most tokens", report, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"on (an|any|all|most|an average) inputs?\b|per input|evaluated inputs?\b", output + report);
    }

    [Theory]
    [InlineData("target.data.text=nowhere.json", "--set target.data.text=nowhere.json: target.data.text is '*nowhere.json', but there is no such file: name it with --set target.data.text=PATH")]
    [InlineData("target.data.text=nowhere/*.json", "no file fits '*nowhere/*.json'")]
    [InlineData("target.tokenizer=nowhere.json", "--set target.tokenizer=nowhere.json: target.tokenizer is '*nowhere.json', but there is no such file: name it with --set target.tokenizer=PATH")]
    [InlineData("target.model=nowhere", "--set target.model=nowhere: target.model is '*nowhere', but there is no such file: name it with --set target.model=PATH")]
    [InlineData("target.model=bare", "'*bare' holds no tokenizer.json, and target.tokenizer names none: name it with --set target.tokenizer=PATH")]
    [InlineData("embedding_recon_coeff=1", "embedding_recon_coeff is set, which is for a network of which one embedding and nothing else is decomposed, *or leave embedding_recon_coeff out")]
    public void WhatIsMissingIsToldWithItsKeyAndTheRemedy(string setting, string sentence)
    {
        TinyLanguageModel.Write(_spd.Folder);
        Directory.CreateDirectory(_spd.PathTo("bare"));
        foreach (string name in new[] { "config.json", "model.safetensors" }) File.Copy(_spd.PathTo("model", name), _spd.PathTo("bare", name));
        var (code, _, error) = _spd.Run("run", "tiny_lm.yaml", "--out", "run", "--set", setting);
        Assert.InRange(code, 1, 2);
        Assert.Matches($"^spd: [^\n]*{string.Join("[^\n]*", sentence.Split('*').Select(Regex.Escape))}\n$", error);
        Assert.False(Directory.Exists(_spd.PathTo("run")));
    }

    [Fact]
    public void AFileThatIsMissingIsToldWithTheLineThatNamesIt()
    {
        TinyLanguageModel.Write(_spd.Folder);
        File.Delete(_spd.PathTo("text.json"));
        Refuses("tiny_lm.yaml, line 17: target.data.text is '", "run", "tiny_lm.yaml");
        Refuses("experiment 'lm_stories260K', line ", "run", "lm_stories260K");
    }

    [Fact]
    public void ATextOfSeveralFilesMayBeAPattern()
    {
        TinyLanguageModel.Write(_spd.Folder);
        Directory.CreateDirectory(_spd.PathTo("texts"));
        foreach (string name in new[] { "a.json", "b.json" }) File.Copy(_spd.PathTo("text.json"), _spd.PathTo("texts", name));
        Succeeds("run", "tiny_lm.yaml", "--out", "run", "--quiet", "--set", "target.data.text=texts/*.json");
        string summary = File.ReadAllText(_spd.PathTo("run", "summary.json"));
        Assert.All(new[] { "\"target.data.text.0\"", "\"target.data.text.1\"" }, key => Assert.Contains(key, summary, StringComparison.Ordinal));
        Succeeds("eval", "run");
        File.Delete(_spd.PathTo("texts", "b.json"));
        Refuses("target.data.text names 1 file, but 2 when the run ended: bring its text back", "eval", "run");
    }

    [Fact]
    public void ARunThatIsKilledGoesOnToTheSameBitsAndWithItsTextAlone()
    {
        TinyLanguageModel.Write(_spd.Folder);
        string[] run = ["run", "tiny_lm.yaml", "--quiet", "--set", "save_freq=1", "--set", "print_freq=1", "--out"];
        Succeeds([.. run, "whole"]);
        _spd.KillAt(new Moment("step-00000003.safetensors", 100, "-KILL"), [.. run, "cut"]);
        // A text of the same name, size and time is another all the same.
        string path = _spd.PathTo("text.json"), text = File.ReadAllText(path);
        var time = File.GetLastWriteTimeUtc(path);
        Write(text.Replace("sat", "mat", StringComparison.Ordinal));
        Refuses("target.data.text is another file or was changed", "resume", "cut");
        Write(text);
        Succeeds("resume", "cut", "--quiet");
        _spd.AssertSameRun("whole", "cut");

        void Write(string content)
        {
            File.WriteAllText(path, content);
            File.SetLastWriteTimeUtc(path, time);
        }
    }

    [Fact]
    public void ARunOfAnotherNetworkIsToldOfByItsInputs()
    {
        Succeeds("run", "tms_5-2", "--out", "run", "--quiet", "--steps", "5", "--set", "batch_size=64", "--set", "n_eval_steps=1", "--set", "target.train.steps=4000");
        Assert.Contains("linear1: ", Succeeds("activations", "run", "--site", "linear1"), StringComparison.Ordinal);
        Assert.Contains("href=\"activations/linear1.html\"", File.ReadAllText(_spd.PathTo("run", "report.html")), StringComparison.Ordinal);
        Assert.Contains("on 4096 inputs", File.ReadAllText(_spd.PathTo("run", "activations", "linear1.html")), StringComparison.Ordinal);
    }

    private static List<JsonElement> Json(string text) => [.. JsonDocument.Parse(text).RootElement.EnumerateArray()];

    private string Succeeds(params string[] arguments)
    {
        var (code, output, error) = _spd.Run(arguments);
        Assert.Equal((0, ""), (code, error));
        return output;
    }

    private void Refuses(string expected, params string[] arguments)
    {
        var (code, _, error) = _spd.Run(arguments);
        Assert.InRange(code, 1, 2);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }
}
