using System.Text.RegularExpressions;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Tests.Reporting;

public sealed class ReportPageTests
{
    private const string Hostile = "<script>alert(1)</script>&\"'\u001b[31m\u0000\u202e\u2028";

    private static readonly RunSummary Finished = new()
    {
        Experiment = "tms_5-2",
        Seed = 7,
        Steps = 30,
        BatchSize = 64,
        Threads = 3,
        Status = RunStatus.Finished,
        Kernels = "scalar",
        WallSeconds = 12.34,
        MsPerStep = new StepTime(1.5, 1.25, 2.5),
        Target = new TargetOrigin { Seed = 4, SeedsTried = 1, FromCache = false },
        Losses = new Dictionary<string, double> { ["faithfulness"] = 0.00345, ["total"] = 0.0678 },
        Sites = new Dictionary<string, SiteUse> { ["linear1"] = new(20, 0.2345, 5) },
        Metrics = new Dictionary<string, MetricValue>
        {
            ["mmcs"] = new(0.98765),
            ["ml2r"] = new(0.87654),
            ["one_to_one"] = new(true),
            ["significant_subcomponents"] = new(new Dictionary<string, double> { ["linear1"] = 6 }),
            ["adversarial_mse"] = new(0.0123),
        },
        Published = new Dictionary<string, string> { ["mmcs"] = "1.000 ± 0.000", ["ml2r"] = "0.993 ± 0.002", ["significant_subcomponents.linear1"] = "5" },
    };

    [Theory]
    [InlineData(1, "seed 4; it has learnt what it should")]
    [InlineData(2, "seed 4, after 1 seed that did not learn enough; it has learnt what it should")]
    [InlineData(5, "seed 4, after 4 seeds that did not learn enough; it has learnt what it should")]
    public void TheSeedsTriedAreTold(int seedsTried, string expected) =>
        Assert.Contains(expected, Page(Finished with { Target = new TargetOrigin { Seed = 4, SeedsTried = seedsTried, FromCache = false } }), StringComparison.Ordinal);

    [Fact]
    public void EveryNumberStandsInItsRowWithThePapersBesideIt()
    {
        string page = Page(Finished);
        Assert.Contains("<title>tms_5-2, seed 7</title>", page, StringComparison.Ordinal);
        Assert.Contains("30 steps of batch 64 in 12.3 s.", page, StringComparison.Ordinal);
        HasRow("MMCS, linear1", "0.9877", "1.000 ± 0.000");
        HasRow("ML2R, linear1", "0.8765", "0.993 ± 0.002");
        HasRow("one subcomponent per column", "yes", "");
        HasRow("significant subcomponents, linear1", "6", "5");
        HasRow("L0 (importance above 0.01), linear1", "0.234", "");
        HasRow("alive (ever above 0.1), linear1", "5 of 20", "");
        HasRow("faithfulness loss", "3.45e-3", "");
        HasRow("total loss", "6.78e-2", "");
        HasRow("adversarial error (MSE)", "1.23e-2", "");
        HasRow("ms per step", "1.50", "");
        Assert.Contains("from 1.25 (10 %) to 2.50 (90 %), 3 threads, scalar kernels", page, StringComparison.Ordinal);

        void HasRow(string quantity, string value, string paper) => Assert.Contains(
            $"<tr><td>{quantity}</td><td class=\"number\">{value}</td><td class=\"number\">{paper}</td>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void FiguresStandWithTheirCaptionsAndTheConfigurationBelow()
    {
        string page = ReportPage.Of(
            Finished, "about <it>", 30,
            [new RunFigure("one", "First & best", new DrawnFigure("<svg id=\"a\"/>"), "Read <so>."), new RunFigure("two", "Second", new DrawnFigure("<svg id=\"b\"/>"), "Or so.")],
            "seed: 7 # <mine>\n");
        Assert.Matches("(?s)about &lt;it&gt;.*<h2 id=\"figure-one\">First &amp; best</h2>\\s*<figure>\\s*<div class=\"drawing\">\\s*<svg id=\"a\"/>\\s*</div>\\s*"
            + "<figcaption>Read &lt;so&gt;\\.\\s*<a href=\"figures/one.svg\".*<h2 id=\"figure-two\">Second</h2>.*<svg id=\"b\"/>.*"
            + "<h2 id=\"configuration\">Configuration</h2>\\s*<pre>seed: 7 # &lt;mine&gt;", page);
    }

    [Fact]
    public void PagesAreLinked()
    {
        Assert.DoesNotContain("activations", Page(Finished), StringComparison.Ordinal);
        string page = ReportPage.Of(Finished, "", 30, [], "", [new RunPage("activations/a b\".html", "a <b>", "<html>"), new RunPage("activations/c.html", "c", "<html>")]);
        Assert.Contains("<ul><li><a href=\"activations/a%20b%22.html\">a &lt;b&gt;</a></li><li><a href=\"activations/c.html\">c</a></li></ul>", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RunStatus.Interrupted, true)]
    [InlineData(RunStatus.Failed, true)]
    [InlineData(RunStatus.Finished, false)]
    [InlineData(RunStatus.Imported, false)]
    public void AnUnfinishedDecompositionIsCalledThat(RunStatus status, bool isWarned) => Assert.Equal(
        isWarned, Page(Finished with { Status = status, Steps = 12 }).Contains("stopped after 12 of 30 steps", StringComparison.Ordinal));

    [Fact]
    public void NothingFromAFileIsMarkup()
    {
        string text = string.Concat(Enumerable.Repeat(Hostile, 1_000_000 / Hostile.Length + 1));
        string page = ReportPage.Of(
            Finished with
            {
                Experiment = text,
                Kernels = text,
                Error = text,
                Remarks = [text],
                Status = RunStatus.Failed,
                Target = new TargetOrigin { LoadedFrom = text },
                Losses = new Dictionary<string, double> { [text] = 1 },
                Sites = new Dictionary<string, SiteUse> { [text] = new(3, 1, 1) },
                Metrics = new Dictionary<string, MetricValue> { [text] = new(1), ["significant_subcomponents"] = new(new Dictionary<string, double> { [text] = 1 }) },
            },
            text, 30, [new RunFigure("x", text, new DrawnFigure("<svg/>"), text)], text);
        Assert.Equal(1, Regex.Count(page, "<script"));
        Assert.DoesNotContain(page, letter => letter != '\n' && (char.IsControl(letter) || letter is '\u202e' or '\u2028'));
        Assert.EndsWith("</html>\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public void RemarksStandAboveTheTable()
    {
        Assert.DoesNotContain("<ul class", Page(Finished), StringComparison.Ordinal);
        Assert.Matches(
            "(?s)<h2 id=\"results\">Results</h2>\\s*<ul class=\"warning remarks\">\\s*<li>nothing is in use\\.</li>\\s*<li>a &lt; b\\.</li>\\s*</ul>\\s*<div class=\"wide\"><table class=\"sortable results\">",
            Page(Finished with { Remarks = ["nothing is in use", "a < b"] }));
    }

    private static string Page(RunSummary summary) => ReportPage.Of(summary, "", 30, [], "seed: 7\n");
}
