using System.Net;
using System.Text.RegularExpressions;
using Spd.Decomposition;
using Spd.Runs.Activations;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Activations;

/// <summary>What is told of the subcomponents of a small language model, with its texts, and the page of it.</summary>
public sealed class RunActivationsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Spd.Engine.Cpu.CpuBackend _backend = TestBackend.Create();
    private readonly ComponentModel _model;
    private readonly TargetData _data;

    public RunActivationsTests()
    {
        var catalog = new ExperimentCatalog(_folder.Root) { TokenFolder = _folder["tokens"] };
        var config = ExperimentConfig.Load(TinyLanguageModel.Write(_folder.Root), [], catalog).Config;
        var network = config.Target.Build();
        config.Target.Kind.Load(config.Target, network);
        _model = ComponentModel.Create(network, config.Decomposition.TargetModulePatterns, c: 6, k: 0, seed: 1);
        _data = config.Target.Kind.Data(config.Target, config.Task);
    }

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void ContextsHaveTheTextAroundTheirToken()
    {
        var text = _data.Text!;
        foreach (var report in Activations(new ActivationOptions { Top = 3 }).Of(_model.Sites))
        {
            Assert.Equal(text.Sequences.Count, report.Sequences);
            Assert.Equal(text.Sequences.Count * TinyLanguageModel.Length, report.Positions);
            Assert.Equal(report.Needed, report.Subcomponents.Count);
            Assert.Equal(report.Subcomponents.OrderByDescending(one => one.Frequency[^1]).Select(one => one.Component), report.Subcomponents.Select(one => one.Component));
            bool isDown = report.Site.EndsWith("down_proj", StringComparison.Ordinal);
            foreach (var one in report.Subcomponents)
            {
                Assert.InRange(one.Contexts.Count, 1, 3);
                foreach (var context in one.Contexts)
                {
                    int[] ids = new int[TinyLanguageModel.Length];
                    text.Sequences.Read(context.Sequence, ids);
                    string[] words = [.. ids.Select(id => $" {TinyLanguageModel.Words[id]}")];
                    Assert.Equal(
                        (string.Concat(words[..context.Position]), words[context.Position], string.Concat(words[(context.Position + 1)..][..Math.Min(8, 11 - context.Position)])),
                        (context.Before, context.Token, context.After));
                }

                Assert.Contains(one.Contexts, context => context.Token == one.TopToken);
                Assert.True(2 * one.Contexts.Count(context => context.Inner >= 0) >= one.Contexts.Count);
                Assert.Equal((isDown, !isDown), (one.Promoted is not null, one.Read is not null));
                Assert.Equal(one.Contexts.Count, one.Ablation!.Contexts);
                Assert.All(one.Ablation.Losing, token => Assert.True(token.Score < 0));
            }

            Assert.Equal(isDown, report.Writes.StartsWith("Promoted", StringComparison.Ordinal));
            Assert.Equal(isDown, report.Reads.StartsWith("The input direction does not", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void ADirectionHasTheSignOfItsContexts()
    {
        var site = Site("down_proj");
        var before = Activations().Of([site], component: 0).Single().Subcomponents[0];
        foreach (ref float value in site.V.Row(0)) value *= -1;
        foreach (ref float value in site.U.Row(0)) value *= -1;
        site.Gate.Weight![0, 0] *= -1;
        var after = Activations().Of([site], component: 0).Single().Subcomponents[0];
        Assert.NotEmpty(before.Contexts);
        Assert.NotEqual(before.IsTurned, after.IsTurned);
        Assert.Equal(before.Contexts, after.Contexts);
        Assert.Equal(before.Promoted, after.Promoted);
        Assert.Equal(before.Suppressed, after.Suppressed);
    }

    [Fact]
    public void AContextOfAttentionHasWhoAttendsToItsToken()
    {
        var report = Activations(new ActivationOptions { Top = 3 }).Of([Site("v_proj")]).Single();
        Assert.StartsWith("In a context those of the next positions are underlined that attend to the marked one", report.Attention, StringComparison.Ordinal);
        var contexts = report.Subcomponents.SelectMany(one => one.Contexts).ToList();
        foreach (var context in contexts)
        {
            int[] ids = new int[TinyLanguageModel.Length];
            _data.Text!.Sequences.Read(context.Sequence, ids);
            Assert.All(context.Attention!, each =>
            {
                Assert.InRange(each.Position, context.Position, Math.Min(context.Position + 8, TinyLanguageModel.Length - 1));
                Assert.Equal((null, $" {TinyLanguageModel.Words[ids[each.Position]]}"), (each.Without, each.Token));
                Assert.InRange(each.Head, 0, 1);
                Assert.InRange(each.Weight, 0.1, 1);
            });
            Assert.All(context.Attention!.GroupBy(each => each.Head), head => Assert.InRange(head.Count(), 1, 2));
            Assert.Equal(context.Before + context.Token + context.After, string.Concat(context.Pieces!.Select(piece => piece.Text)));
        }

        Assert.Contains(contexts, context => context.Attention!.Count > 0);
        string html = SitePage.Of(report).Html;
        Assert.Equal(contexts.Sum(context => context.Attention!.DistinctBy(each => each.Position).Count()), html.Split("attended\" style=\"--with:").Length - 1);
        Assert.Contains("<th>Attention</th>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("ttention", SitePage.Of(Activations().Of([Site("up_proj")]).Single()).Html.Split("<main>")[1], StringComparison.Ordinal);
        Assert.Null(Activations(new ActivationOptions { Ablated = 0 }).Of([Site("v_proj")]).Single().Subcomponents[0].Contexts[0].Attention);
    }

    [Fact]
    public void OnlyThoseNeededMostAreShownAndAblated()
    {
        var report = Activations(new ActivationOptions { Shown = 2, Ablated = 1, Sequences = 4 }).Of([Site("gate_proj")]).Single();
        Assert.Equal(4, report.Sequences);
        Assert.Equal([true, false], report.Subcomponents.Select(one => one.Ablation is not null));
        Assert.True(report.Needed > 2);
        Assert.Contains("the 2 that are needed most often are shown", SitePage.Of(report).Html, StringComparison.Ordinal);
        Assert.Contains(", which was measured of the first 1.", SitePage.Of(report).Html, StringComparison.Ordinal);
        Assert.Contains(
            "has no subcomponent 6: its 6 subcomponents are numbered 0 to 5", Assert.Throws<ConfigException>(() => Activations().Of([Site("gate_proj")], 6).ToList()).Message, StringComparison.Ordinal);
        Assert.Contains(
            "did you mean model.layers.0.mlp.gate_proj", Assert.Throws<ConfigException>(() => RunActivations.Find(_model.Sites, "model.layers.0.mlp.gate_prj")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HowFarItIsIsTold()
    {
        var told = new List<string>();
        Assert.Single(Activations(new ActivationOptions { Shown = 2, Sequences = 4 }).Of([Site("gate_proj")], onProgress: told.Add));
        Assert.Equal("looked at 4 of 4 sequences", told[^3]);
        Assert.Equal(["model.layers.0.mlp.gate_proj: looked at 0 of 2 subcomponents", "model.layers.0.mlp.gate_proj: looked at 1 of 2 subcomponents"], told[^2..]);
    }

    [Theory]
    [InlineData("gate_proj", false, true)]
    [InlineData("down_proj", true, false)]
    public void ThePageHasColumnsOfWhatASiteWritesOrReads(string site, bool promotes, bool reads)
    {
        string html = SitePage.Of(Activations().Of([Site(site)]).Single()).Html;
        Assert.Equal((promotes, reads), (html.Contains("<th>Promotes</th>", StringComparison.Ordinal), html.Contains("<th>Reads</th>", StringComparison.Ordinal)));
    }

    [Fact]
    public void ASubcomponentThatIsNeededNowhereIsToldOf()
    {
        var site = Site("up_proj");
        site.Gate.Weight!.Values.Clear();
        site.Gate.Bias!.Values.Fill(-1);
        var report = Activations().Of([site]).Single();
        Assert.Equal((0, 0), (report.Needed, report.Subcomponents.Count));
        var one = Activations().Of([site], component: 3).Single().Subcomponents[0];
        Assert.Equal(((string?)null, (AblationReport?)null, 0), (one.TopToken, one.Ablation, one.Contexts.Count));
        Assert.EndsWith("</html>\n", SitePage.Of(report).Html, StringComparison.Ordinal);
    }

    [Fact]
    public void NothingOfATextIsMarkupOfThePage()
    {
        var pages = Activations().Of(_model.Sites).Select(report => SitePage.Of(report)).ToList();
        Assert.Equal(_model.Sites.Select(site => $"activations/{site.Name}.html"), pages.Select(page => page.File));
        Assert.Contains(pages, page => page.Html.Contains(WebUtility.HtmlEncode("<script>alert(1)</script>"), StringComparison.Ordinal));
        Assert.Contains(pages, page => page.Html.Contains("mat&amp;amp;", StringComparison.Ordinal));
        string[] known = ["!DOCTYPE", "html", "head", "meta", "title", "style", "body", "main", "div", "h1", "h2", "p", "a", "table", "thead", "tbody", "tr", "th", "td", "section", "span", "mark", "script"];
        Assert.All(pages, page => Assert.All(Regex.Matches(Regex.Replace(page.Html, "(?s)<script>.*</script>", "<script>"), "<\\s*/?\\s*([^\\s>/]+)"), tag => Assert.Contains(tag.Groups[1].Value, known)));
        Assert.All(pages, page => Assert.DoesNotContain(page.Html, letter => letter != '\n' && (char.IsControl(letter) || letter == '\u202e')));
        // One file that needs no other.
        Assert.All(pages, page => Assert.All(Regex.Matches(page.Html, "(?:src|href)=\"([^\"]*)\""), link => Assert.Matches("^(#c[0-9]+|\\.\\./report\\.html)$", link.Groups[1].Value)));
    }

    [Theory]
    [InlineData(2.6e5, 256, 7, 64, true)]
    [InlineData(1.2e8, 1024, 48, 1, false)]
    [InlineData(1e12, 4096, 100, 1, false)]
    public void WhatIsMeasuredUnaskedIsBoundedByTheSizeOfTheNetwork(double weights, int length, int sites, int sequences, bool isAblated)
    {
        var options = ActivationOptions.Quick(weights, length, sites, standard: 64);
        Assert.Equal(((int?)sequences, isAblated), (options.Sequences, options.Ablated > 0));
        Assert.InRange(options.Ablated * options.Top * (double)sites * weights * length, 0, 1e11);
    }

    private Site Site(string end) => _model.Sites.Single(site => site.Name.EndsWith(end, StringComparison.Ordinal));

    private RunActivations Activations(ActivationOptions? options = null)
    {
        options ??= new ActivationOptions();
        return new TokenActivations(_model, TokenExamples.Of(_data, options.Sequences ?? ActivationOptions.StandardOf(_data), seed: 0, _backend), options, _backend);
    }
}
