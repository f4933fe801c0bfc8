using Spd.Decomposition;
using Spd.Engine.Operations;
using Spd.Figures;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Runs.Activations;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Activations;

/// <summary>What is told of the subcomponents of a network whose inputs are rows.</summary>
public sealed class InputActivationsTests : IDisposable
{
    private const int Features = 5, Hidden = 3, C = 4, Inputs = 200;

    private readonly Spd.Engine.Cpu.CpuBackend _backend = TestBackend.Create();
    private readonly Tms _network = new(new TmsModelConfig { NFeatures = Features, NHidden = Hidden });
    private readonly ComponentModel _model;
    private readonly TargetData _data;

    public InputActivationsTests()
    {
        _network.Initialise(seed: 3);
        _model = ComponentModel.Create(_network, ["linear1", "linear2"], C, k: 0, seed: 1);
        var source = new SparseFeatures(Features, 0.3);
        _data = new TargetData(source, source);
    }

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void WhatReadsOneFeatureIsToldSo()
    {
        var report = Report("linear1");
        Assert.Equal(("linear1", C, "input", "MSE", (long)Inputs), (report.Site, report.C, report.Input, report.Error, report.Positions));
        var one = Assert.Single(report.Subcomponents);
        Assert.Equal(1, one.Component);
        Assert.Equal(2 * Math.Sqrt(0.3 * 0.3 + 3 * 3 + 0.1 * 0.1), one.Norm, 1e-5);
        Assert.Equal(["feature 2"], one.Read!.Select(read => read.Token));
        Assert.Equal(1, one.Read![0].Score, 1e-6);
        Assert.Empty(one.ReadNegative!);
        // U with all of the norm; what is a twentieth of the largest or less is left out.
        Assert.Equal([("hidden unit 1", 6.0)], one.Promoted!.Select(written => (written.Token, Math.Round(written.Score, 5))));
        Assert.Equal([("hidden unit 0", 0.6)], one.Suppressed!.Select(written => (written.Token, Math.Round(written.Score, 5))));
        // A short list has both signs, the largest first.
        Assert.Equal(["hidden unit 1", "−hidden unit 0"], report.Shortly(one.Promoted, one.Suppressed).Select(written => written.Token));
        Assert.Equal(["−hidden unit 1", "hidden unit 0"], report.Shortly(one.Suppressed, one.Promoted).Select(written => written.Token));
        Assert.Equal(["hidden unit 1"], (report with { Input = "token" }).Shortly(one.Promoted, one.Suppressed).Select(written => written.Token));
        Assert.Equal(10, one.Contexts.Count);
        Assert.All(one.Contexts, context => Assert.Contains("feature 2: ", context.Token, StringComparison.Ordinal));
        Assert.Equal(one.Contexts.OrderByDescending(context => context.Importance), one.Contexts);
    }

    [Fact]
    public void TheEffectOfTakingItAwayIsThatOfItsMatrix()
    {
        var effect = Report("linear1").Subcomponents[0].Ablation!;
        float[] drawn = _data.Evaluation.Draw(Inputs, seed: 7, _backend);
        long[] rows = [.. Report("linear1").Subcomponents[0].Contexts.Select(context => context.Sequence)];
        var site = _model.Sites[0];
        double error = 0;
        double[] change = new double[Features];
        foreach (long row in rows)
        {
            float[] x = drawn[((int)row * Features)..((int)(row + 1) * Features)];
            double[] with = Outputs(x, c => true), without = Outputs(x, c => c != 1);
            for (int i = 0; i < Features; i++)
            {
                error += (with[i] - without[i]) * (with[i] - without[i]) / Features / rows.Length;
                change[i] += (without[i] - with[i]) / rows.Length;
            }
        }

        Assert.Equal((10, null), (effect.Contexts, effect.LogProbabilityChange));
        Assert.Equal(error, effect.Divergence, 1e-5 * error);
        Assert.True(error > 0.01, $"{error}");
        int least = Enumerable.Range(0, Features).MinBy(i => change[i]);
        Assert.Equal($"output {least}", effect.Losing[0].Token);
        Assert.Equal(-change[least], effect.Losing[0].Score, 1e-5);

        // relu(W2 h + b) with W2 the target's, and h by the sum of the subcomponents of linear1 that are there.
        double[] Outputs(float[] x, Func<int, bool> isThere)
        {
            double[] h = new double[Hidden];
            for (int c = 0; c < C; c++)
            {
                if (!isThere(c)) continue;
                double inner = Enumerable.Range(0, Features).Sum(i => (double)site.V[c, i] * x[i]);
                for (int j = 0; j < Hidden; j++) h[j] += inner * site.U[c, j];
            }

            float[] weight = _network.Linear2.EffectiveWeight();
            return [.. Enumerable.Range(0, Features).Select(i => Math.Max(0, _network.Linear2.Bias!.Values[i] + Enumerable.Range(0, Hidden).Sum(j => weight[i * Hidden + j] * h[j])))];
        }
    }

    [Fact]
    public void OneThatIsNeededNowhereIsToldOf()
    {
        Report("linear1");
        var one = Activations().Of([_model.Sites[0]], component: 3).Single().Subcomponents.Single();
        Assert.Equal((3, 0, null), (one.Component, one.Contexts.Count, one.Ablation));
        Assert.Throws<ConfigException>(() => Activations().Of([_model.Sites[0]], component: C).ToList());
    }

    [Fact]
    public void ThePageSpeaksOfInputs()
    {
        string html = SitePage.Of(Report("linear1")).Html;
        Assert.Contains("What its subcomponents do, on 200 inputs.", html, StringComparison.Ordinal);
        Assert.Contains("<th>Ablated: MSE</th>", html, StringComparison.Ordinal);
        Assert.Contains("<th>Raises</th>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("oken", html[html.IndexOf("<main>", StringComparison.Ordinal)..html.IndexOf("<script>", StringComparison.Ordinal)].Replace("class=\"tokens\"", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void InputsAndDirectionsThatAreImagesAreDrawn(bool hasLabels)
    {
        const int Height = 2, Width = 3, Count = 20;
        float[] inputs = new float[Count * Height * Width];
        new Spd.Engine.RandomSequence(1, Spd.Networks.NetworkStreams.RowChoice).FillUniform(inputs, 0, 1);
        inputs[7] = 4;
        var rows = new LabelledRows(inputs, Count, HeldOutCount: 0, [1, Height, Width]) { Labels = hasLabels ? new int[Count] : null };
        var source = new TableData(rows.Table());
        var network = new Mlp([Height * Width, 5, Height * Width], Spd.Networks.ActivationName.Relu, bias: false);
        network.Initialise(seed: 3);
        var model = ComponentModel.Create(network, ["layers.*"], C, k: 0, seed: 1);
        foreach (var site in model.Sites) site.Gate.Bias!.Values.Fill(1);
        var reports = new InputActivations(model, MlpTarget.Instance, new TargetData(source, source, rows), new ActivationOptions { Top = 2 }, OutputLoss.Mse, seed: 7, _backend).Of(model.Sites).ToList();
        foreach (var report in reports)
        {
            bool isFirst = report.Site == "layers.0";
            Assert.Equal(isFirst, report.Pictures!.Contains(" Pictures of V go from blue for −", StringComparison.Ordinal));
            Assert.Equal(!isFirst && !hasLabels, report.Pictures.Contains(" Pictures of U go from blue for −", StringComparison.Ordinal));
            Assert.StartsWith("Pictures of inputs go from white for 0 to dark blue for 4, all on this page alike.", report.Pictures, StringComparison.Ordinal);
            Assert.Equal(C, report.Subcomponents.Count);
            foreach (var one in report.Subcomponents)
            {
                Assert.Equal((isFirst, !isFirst && !hasLabels), (one.ReadPicture is not null, one.PromotedPicture is not null));
                Assert.All(one.Contexts, context => Assert.Equal(new PictureScale(4, IsSigned: false).Draw(Height, Width, inputs.AsSpan((int)context.Sequence * Height * Width, Height * Width)), context.Picture));
                Assert.Equal(2, one.Contexts.Count);
            }

            // On the table, in the section, and of each input.
            string html = SitePage.Of(report).Html;
            Assert.Equal(C * (2 + (isFirst || !hasLabels ? 2 : 0)), html.Split("<img class=\"picture\" src=\"data:image/png;base64,").Length - 1);
            Assert.Equal(isFirst, html.Contains("alt=\"V of subcomponent 3\"", StringComparison.Ordinal));
            Assert.DoesNotContain("base64", SiteReport.ToJson([report]), StringComparison.Ordinal);
        }

        var first = model.Sites[0];
        double[] lengths = [.. Enumerable.Range(0, C).Select(c => Math.Sqrt(first.V.Row(c).ToArray().Sum(value => (double)value * value)))];
        double largest = Enumerable.Range(0, C).Max(c => first.V.Row(c).ToArray().Max(value => Math.Abs(value / lengths[c])));
        var turned = reports[0].Subcomponents[0];
        float[] v = [.. first.V.Row(turned.Component).ToArray().Select(value => (float)(value / lengths[turned.Component] * (turned.IsTurned ? -1 : 1)))];
        Assert.Equal(new PictureScale(largest, IsSigned: true).Draw(Height, Width, v), turned.ReadPicture);
    }

    /// <summary>The report of a site of which subcomponent 1 alone is needed: it reads feature 2 and writes mostly to hidden unit 1.</summary>
    private SiteReport Report(string name)
    {
        var site = _model.Sites.Single(one => one.Name == name);
        site.V.Row(1).Clear();
        site.V[1, 2] = 2;
        float[] written = [-0.3f, 3, 0.1f];
        written.CopyTo(site.U.Row(1));
        site.Gate.Weight!.Values.Clear();
        site.Gate.Bias!.Values.Fill(-1);
        site.Gate.Weight.Values[1] = 0.5f;
        site.Gate.Bias.Values[1] = 0;
        return Activations().Of([site]).Single();
    }

    private InputActivations Activations() =>
        new(_model, TmsTarget.Instance, _data, new ActivationOptions { Sequences = Inputs, Top = 10 }, OutputLoss.Mse, seed: 7, _backend);
}
