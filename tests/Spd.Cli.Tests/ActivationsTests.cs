using System.Text.Json;

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
        Assert.Contains($"subcomponent {first}: importance above 0.01 at ", contexts, StringComparison.Ordinal);
        Assert.Contains("without it in these contexts (mean of 2): KL ", contexts, StringComparison.Ordinal);
        Assert.Equal(2, contexts.Split('»').Length - 1);

        File.Delete(page);
        Assert.Equal(4, Json(Succeeds("activations", "run", "--json")).Count);
        Assert.False(File.Exists(page));
        Assert.Contains($"{Site}.html", Succeeds("activations", "run"), StringComparison.Ordinal);
        Assert.EndsWith("</html>\n", File.ReadAllText(page), StringComparison.Ordinal);

        Refuses("there is no site 'down_prj' in this run; there are model.layers.0.self_attn.v_proj, ", "activations", "run", "--site", "down_prj");
        Refuses("did you mean model.layers.0.mlp.down_proj", "activations", "run", "--site", "model.layers.0.mlp.down_prj");
        Refuses($"'{Site}' has no subcomponent 6: its 6 subcomponents are numbered 0 to 5", "activations", "run", "--site", Site, "--component", "6");
        Refuses("--component needs the site that it is of", "activations", "run", "--component", "1");
    }

    [Fact]
    public void ARunOfAnotherNetworkHasNoTokens()
    {
        Succeeds("run", "tms_5-2", "--out", "run", "--quiet", "--steps", "5", "--set", "batch_size=64", "--set", "n_eval_steps=1", "--set", "target.train.steps=4000");
        Refuses("is of no language model (task_name is 'tms', not 'lm')", "activations", "run");
        Assert.False(Directory.Exists(_spd.PathTo("run", "activations")));
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
        Assert.Equal(2, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }
}
