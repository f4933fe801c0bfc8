using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Spd.Cli.Tests;

/// <summary>Pages of small runs, and a browser to open them in where there is one.</summary>
public sealed class PagesInABrowser : IAsyncLifetime
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private readonly SpdProgram _spd = new();
    private IPlaywright? _playwright;

    /// <summary>The browser; null where none is found.</summary>
    public IBrowser? Browser { get; private set; }

    /// <summary>The address of a file.</summary>
    public Uri AddressOf(string page) => new(_spd.PathTo(page.Split('/')));

    public async ValueTask InitializeAsync()
    {
        if (Places.FirstOrDefault(File.Exists) is not { } chromium) return;
        TinyLanguageModel.Write(_spd.Folder);
        Run(0, "run", "tiny_lm.yaml", "--out", "lm", "--set", "target_module_patterns=[model.layers.0.*.*_proj]");
        PaperTests.UseShortExperiments(_spd, steps: 50);
        Run(0, "sweep", "tms_5-2", "--grid", "importance_minimality_coeff=1e-3,3e-3", "--seeds", "2", "--out", "sweep");
        // Two experiments of this part are not there, which the page tells of.
        Run(1, "paper", "--only", "tms", "--seeds", "1", "--out", "paper");
        _playwright = await Playwright.CreateAsync();
        Browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = chromium, Args = ["--no-sandbox"] });
    }

    public async ValueTask DisposeAsync()
    {
        if (Browser is not null) await Browser.DisposeAsync();
        _playwright?.Dispose();
        _spd.Dispose();
    }

    private void Run(int expected, params string[] arguments)
    {
        var (code, _, error) = _spd.Run([.. arguments, "--quiet"]);
        Assert.True(code == expected, $"{string.Join(' ', arguments)}: {error}");
    }
}

/// <summary>Every kind of page works in a browser: by itself, at any width, in light and dark.</summary>
public sealed class BrowserTests(PagesInABrowser pages) : IClassFixture<PagesInABrowser>
{
    private const int Narrow = 500, Wide = 1300, Height = 900, PaperWidth = 700;

    private const string Report = "lm/report.html", Site = "lm/activations/model.layers.0.self_attn.q_proj.html", Features = "sweep/importance_minimality_coeff=1e-3/seed1/activations/linear1.html",
        Sweep = "sweep/sweep.html", Paper = "paper/paper.html";

    /// <summary>Where a plot has something to tell, as shares of its width and height: the first of its points, or its middle.</summary>
    private const string Somewhere = """
        plot => {
          if (plot.dataset.hover !== 'points') return [0.5, 0.5];
          const [x0, x1, y0, y1] = plot.dataset.range.split(',').map(Number), of = plot.dataset.log ? Math.log10 : y => y;
          const one = JSON.parse(plot.dataset.series).find(series => series.x.length > 0);
          return [(one.x[0] - x0) / (x1 - x0), 1 - (of(one.y[0]) - of(y0)) / (of(y1) - of(y0))];
        }
        """;

    [Theory]
    [InlineData(Report)]
    [InlineData(Site)]
    [InlineData(Features)]
    [InlineData(Sweep)]
    [InlineData(Paper)]
    public async Task APageAsksForNothingAndFitsInLightAndDark(string name)
    {
        var grounds = new List<string>();
        foreach (var (width, scheme) in new[] { (Wide, ColorScheme.Light), (Narrow, ColorScheme.Dark) })
        {
            var (page, faults) = await Open(name, width, scheme);
            int[] widths = await page.EvaluateAsync<int[]>("[document.documentElement.scrollWidth, document.documentElement.clientWidth]");
            Assert.True(widths[0] <= widths[1], $"{name} is {widths[0]} wide in a window of {widths[1]}");
            grounds.Add(await page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color"));
            var violations = (await page.RunAxe()).Violations.Where(violation => violation.Impact is "serious" or "critical").ToList();
            Assert.True(
                violations.Count == 0,
                string.Join('\n', violations.Select(violation => $"{name} at {width}, {scheme}: {violation.Help}: {string.Join(" | ", violation.Nodes.Take(3).Select(node => node.Html))}")));
            Assert.Empty(faults);
            await page.Context.CloseAsync();
        }

        Assert.NotEqual(grounds[0], grounds[1]);
    }

    [Theory]
    [InlineData(Report)]
    [InlineData(Site)]
    [InlineData(Features)]
    [InlineData(Sweep)]
    [InlineData(Paper)]
    public async Task OnPaperEveryFigureIsWholeAndNothingIsCutOff(string name)
    {
        var (page, faults) = await Open(name, PaperWidth, ColorScheme.Light);
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { Media = Media.Print });
        await page.EvaluateAsync("document.querySelectorAll('details:has(figure)').forEach(one => one.open = false)");
        await page.EvaluateAsync("dispatchEvent(new Event('beforeprint'))");
        string[] cut = await page.EvaluateAsync<string[]>("""
            [...document.querySelectorAll('figure')].filter(figure => {
              const drawing = figure.querySelector('svg').getBoundingClientRect(), whole = figure.getBoundingClientRect();
              return drawing.height < 50 || drawing.bottom > whole.bottom || drawing.right > innerWidth;
            }).map(figure => figure.innerHTML.slice(0, 200))
            """);
        Assert.Empty(cut);
        Assert.Equal(0, await page.Locator("details:not([open]):has(figure)").CountAsync());
        int[] widths = await page.EvaluateAsync<int[]>("[document.documentElement.scrollWidth, document.documentElement.clientWidth]");
        Assert.True(widths[0] <= widths[1], $"{name} is {widths[0]} wide on paper of {widths[1]}");
        Assert.Empty(faults);
        await page.Context.CloseAsync();
    }

    [Theory]
    [InlineData(Report, 1)]
    [InlineData(Site, 1)]
    [InlineData(Features, 1)]
    [InlineData(Sweep, 2)]
    [InlineData(Paper, 1)]
    public async Task TablesSortOnAClick(string name, int column)
    {
        var (page, faults) = await Open(name, Wide, ColorScheme.Light);
        var table = page.Locator("table.sortable").First;
        var title = table.Locator("th").Nth(column);
        Assert.Null(await title.GetAttributeAsync("aria-sort"));
        await title.ClickAsync();
        string? sorted = await title.GetAttributeAsync("aria-sort");
        var first = await Cells();
        await title.ClickAsync();
        Assert.Equal(new[] { "ascending", "descending" }.Order(), new[] { sorted!, (await title.GetAttributeAsync("aria-sort"))! }.Order());
        var second = await Cells();
        Assert.Equal(first.Order(StringComparer.Ordinal), second.Order(StringComparer.Ordinal));
        if (first.Distinct().Count() > 1) Assert.NotEqual(first, second);
        // By the keys of the keyboard too.
        await title.FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        Assert.Equal(first, await Cells());
        Assert.Empty(faults);
        await page.Context.CloseAsync();

        Task<string[]> Cells() => table.EvaluateAsync<string[]>("(table, column) => [...table.tBodies[0].rows].map(row => row.cells[column]?.textContent ?? '')", column);
    }

    [Theory]
    [InlineData(Report)]
    [InlineData(Sweep)]
    [InlineData(Paper)]
    public async Task FiguresTellTheirValuesAndContentsJump(string name)
    {
        var (page, faults) = await Open(name, Wide, ColorScheme.Light);
        var plots = await page.Locator("[data-hover]").AllAsync();
        // The points of a sweep tell theirs by titles of their own.
        Assert.Equal(name != Sweep, plots.Count > 0);
        if (name == Sweep)
        {
            Assert.NotEqual(0, await page.Locator("circle.point > title").CountAsync());
            Assert.Matches(@"^\S+ \(\S+ to \S+\)", await page.Locator("td.spread").First.InnerTextAsync());
            return;
        }

        foreach (var plot in plots.Take(5))
        {
            await plot.ScrollIntoViewIfNeededAsync();
            var box = (await plot.BoundingBoxAsync())!;
            double[] at = await plot.EvaluateAsync<double[]>(Somewhere);
            await page.Mouse.MoveAsync((float)(box.X + at[0] * box.Width), (float)(box.Y + at[1] * box.Height));
            await Assertions.Expect(page.Locator(".tip")).ToBeVisibleAsync();
            Assert.Matches("[0-9]", (await page.Locator(".tip").InnerTextAsync()).Split('\n')[^1]);
        }

        var link = page.Locator("nav.contents a").Last;
        string target = (await link.GetAttributeAsync("href"))![1..];
        await page.EvaluateAsync("scrollTo(0, 0)");
        await link.ClickAsync();
        await page.WaitForFunctionAsync("id => { const top = document.getElementById(id).getBoundingClientRect().top; return top > -5 && top < innerHeight; }", target);
        Assert.Empty(faults);
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task AttentionIsDrawnInTheContexts()
    {
        var (page, faults) = await Open(Site, Wide, ColorScheme.Light);
        var attended = page.Locator(".attended");
        Assert.NotEqual(0, await attended.CountAsync());
        Assert.Matches(@"^head \d: \d\.\d\d, without it \d\.\d\d", await attended.First.GetAttributeAsync("title"));
        string[] borders = await attended.EvaluateAllAsync<string[]>("all => all.map(one => getComputedStyle(one).borderBottomColor)");
        Assert.True(borders.Distinct().Count() > 1, $"every attention is drawn alike: {borders[0]}");
        Assert.Empty(faults);
        await page.Context.CloseAsync();
    }

    /// <summary>Opens a page; what goes wrong in it, and what it asks for, comes into the list.</summary>
    private async Task<(IPage Page, List<string> Faults)> Open(string name, int width, ColorScheme scheme)
    {
        Assert.SkipWhen(pages.Browser is null, "no Chromium is found on this machine, in which pages could be opened");
        var context = await pages.Browser.NewContextAsync(new BrowserNewContextOptions { ViewportSize = new ViewportSize { Width = width, Height = Height }, ColorScheme = scheme });
        var page = await context.NewPageAsync();
        var faults = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning") faults.Add(message.Text);
        };
        page.PageError += (_, error) => faults.Add(error);
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith("file:", StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal)) faults.Add($"asks for {request.Url}");
        };
        await page.GotoAsync(pages.AddressOf(name).AbsoluteUri);
        // All of it is seen and laid out now, and does not move when it comes into the window.
        await page.EvaluateAsync("document.querySelectorAll('details').forEach(one => one.open = true)");
        await page.AddStyleTagAsync(new PageAddStyleTagOptions { Content = "* { content-visibility: visible !important; }" });
        return (page, faults);
    }
}
