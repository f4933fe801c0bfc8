using Spd.Engine.Graphs;
using Spd.Decomposition;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests;

/// <summary>
/// Each situation that makes numbers mislead is made with a small network: layers that multiply four features by 1, 2, 3 and 4, and subcomponents that are
/// these columns, each needed where its feature is active.
/// </summary>
public sealed class RemarksTests
{
    private const int Features = 4, Count = 200;

    // Shuffled: the class of a row is its active feature.
    private static readonly int[] Classes = [.. Enumerable.Range(0, Count).Select(row => row * 7 % 13 % Features)];

    [Fact]
    public void AGoodDecompositionHasNoRemark()
    {
        Assert.Empty(Remarks(Perfect(c: 4)));
        Assert.Empty(Remarks(Perfect(c: 6)));
        Assert.Empty(Remarks(Perfect(c: 6, layers: 2)));
        Assert.Empty(Remarks(Perfect(c: 6), Rows(Classes, heldOut: 0)));
        Assert.Empty(Remarks(Perfect(c: 6), Rows(labels: null)));
        Assert.Empty(Remarks(Perfect(c: 6), rows: null));
    }

    [Fact]
    public void HeldOutRowsOfClassesThatWereNeverTrainedOnAreTold()
    {
        int[] sorted = [.. Classes.Order()];
        int last = sorted.Count(label => label == 3);
        Assert.Equal(
            $"{last} of the {last} held-out rows are of classes that no training row has (3), because the labels are sorted: what is measured on them is not what was trained; "
            + "shuffle the rows of inputs and labels together, and run again",
            Assert.Single(Remarks(Perfect(4), Rows(sorted, last), isClassOnly: true)));
    }

    [Fact]
    public void ARareClassThatIsHeldOutWholeIsToldWithoutCallingTheLabelsSorted()
    {
        int[] labels = [.. Classes.Select((label, row) => label == 3 ? 0 : label)];
        labels[^1] = 3;
        Assert.StartsWith("1 of the 40 held-out rows are of classes that no training row has (3): ", Assert.Single(Remarks(Perfect(4), Rows(labels))), StringComparison.Ordinal);
    }

    [Fact]
    public void HeldOutRowsOfOneClassAreTold()
    {
        // Both classes are trained on, but the second half of the rows is of one.
        int[] labels = [.. Enumerable.Range(0, Count).Select(row => row < 100 ? 0 : 1)];
        Assert.StartsWith("all 40 held-out rows are of class 1, because the labels are sorted, so that nothing", Assert.Single(Remarks(Perfect(4), Rows(labels), isClassOnly: true)), StringComparison.Ordinal);
    }

    [Fact]
    public void LabelsThatAreAllAlikeAreTold() => Assert.Equal(
        "all labels are 2, so accuracies say nothing: look at target.data.labels", Assert.Single(Remarks(Perfect(4), Rows([.. Enumerable.Repeat(2, Count)]), isClassOnly: true)));

    [Fact]
    public void InputsThatNeverVaryAreTold()
    {
        var rows = Rows(Classes);
        for (int row = 0; row < Count; row++) rows.Inputs[row * Features + 2] = 0.25f;
        string remark = Assert.Single(Remarks(Perfect(4), rows), remark => remark.Contains("never vary", StringComparison.Ordinal));
        Assert.StartsWith("1 of 4 inputs never vary in the training rows (2), ", remark, StringComparison.Ordinal);
        // One that varies in the held-out rows alone was not trained on either.
        rows.Inputs[^2] = 3;
        Assert.Contains(Remarks(Perfect(4), rows), other => other.StartsWith("1 of 4 inputs never vary", StringComparison.Ordinal));
    }

    [Fact]
    public void ANetworkThatHasLearntNothingIsTold()
    {
        int[] shifted = [.. Classes.Select(label => (label + 1) % Features)];
        var rows = Rows(Classes) with { Labels = shifted };
        Assert.StartsWith(
            "the network itself classifies 0.00 % of the inputs correctly, no more than the share of the commonest class (",
            Assert.Single(Remarks(Perfect(4), rows)), StringComparison.Ordinal);
    }

    [Fact]
    public void ARegressionThatHasLearntNothingIsTold()
    {
        var learnt = Rows(Classes) with { Labels = null };
        learnt = learnt with { Targets = [.. learnt.Inputs.Select((value, i) => value * (1 + i % Features * 0.1f))] };
        Assert.Empty(Remarks(Perfect(4), learnt));
        // The outputs of the network are another feature's targets.
        var other = learnt with { Targets = [.. learnt.Targets!.Select((_, i) => learnt.Targets![i - i % Features + (i + 1) % Features])] };
        Assert.StartsWith("the network itself has an error of ", Assert.Single(Remarks(Perfect(4), other)), StringComparison.Ordinal);
    }

    [Fact]
    public void TheBorderOfImagesMayBeEmpty()
    {
        var rows = Rows(Classes) with { Shape = [2, 2] };
        for (int row = 0; row < Count; row++) rows.Inputs[row * Features] = rows.Inputs[row * Features + 1] = 0;
        Assert.DoesNotContain(Remarks(Perfect(4), rows), remark => remark.Contains("never vary", StringComparison.Ordinal));
        for (int row = 0; row < Count; row++) rows.Inputs[row * Features + 2] = 0;
        Assert.Contains(Remarks(Perfect(4), rows), remark => remark.StartsWith("3 of 4 inputs never vary", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(3, 4)]
    public void FewerSubcomponentsThanTheRankAreTold(int c, int rank)
    {
        Assert.Equal(
            $"C is {c} for layers.0, whose matrix has rank {rank}: its parts cannot sum to it, whatever their number of steps; set C to {rank} or more",
            Assert.Single(Remarks(Perfect(c)), remark => remark.StartsWith('C')));
        // The same numbers in a matrix of that rank are enough.
        var network = Network(1);
        var weight = network.LinearMaps().Single().Linear.Weight;
        weight.Values.Clear();
        for (int i = 0; i < Features; i++)
            for (int j = 0; j < Features; j++)
                for (int k = 0; k < c; k++) weight[i, j] += (i == k ? 1 : 0.25f) * ((j + k + 1) % 3);
        Assert.DoesNotContain(Remarks(ComponentModel.Create(network, ["*"], c, k: 0, seed: 0)), remark => remark.Contains("rank", StringComparison.Ordinal));
    }

    [Fact]
    public void NothingInUseIsTold()
    {
        var model = Perfect(6, layers: 2);
        Close(model.Sites[1]);
        Assert.Equal(
            "nothing is in use in layers.1: no importance there is above 0.1 on any input; a lower importance_minimality_coeff, or more steps, may help",
            Assert.Single(Remarks(model), remark => remark.StartsWith("nothing", StringComparison.Ordinal)));
        Close(model.Sites[0]);
        Assert.Equal(
            "nothing is in use: no subcomponent has an importance above 0.1 on any input, so that there is nothing to interpret; "
            + "a lower importance_minimality_coeff, or more steps, may help",
            Assert.Single(Remarks(model), remark => remark.StartsWith("nothing", StringComparison.Ordinal)));
    }

    [Fact]
    public void MoreInUseThanTheMatrixHasRankIsTold()
    {
        var model = Perfect(6);
        model.Sites[0].Gate.Bias!.Values.Fill(0.5f);
        Assert.Contains(
            "more subcomponents are in use on an average input than would make up the whole matrix (6.000 in layers.0, whose rank is 4 at most): "
            + "that is no simpler than the matrix itself; more steps, or a higher importance_minimality_coeff, may help",
            Remarks(model));
        // As many as that are what the matrix itself would need.
        var needed = Perfect(4);
        needed.Sites[0].Gate.Bias!.Values.Fill(0.5f);
        Assert.DoesNotContain(Remarks(needed), remark => remark.StartsWith("more subcomponents", StringComparison.Ordinal));
    }

    [Fact]
    public void ImportancesThatAreAllOneAreTold()
    {
        var model = Perfect(6);
        model.Sites[0].Gate.Bias!.Values.Fill(5);
        Assert.Contains(Remarks(model), remark => remark.StartsWith("nearly all importances in layers.0 are 1, though there are more subcomponents", StringComparison.Ordinal));
        // As many as the matrix has rank may all be needed.
        var needed = Perfect(4);
        needed.Sites[0].Gate.Bias!.Values.Fill(5);
        Assert.DoesNotContain(Remarks(needed), remark => remark.StartsWith("nearly all", StringComparison.Ordinal));
    }

    [Fact]
    public void ImportancesThatAreTheSameOnAllInputsAreTold()
    {
        var model = Perfect(6, layers: 2);
        foreach (var site in model.Sites)
        {
            site.Gate.Weight!.Values.Clear();
            for (int i = 0; i < 6; i++) site.Gate.Bias!.Values[i] = i < 4 ? 5 : -5;
        }

        Assert.StartsWith("importances are the same on all inputs, so that they tell no input from another", Assert.Single(Remarks(model)), StringComparison.Ordinal);
        // Where only one matrix is used alike, that is what it does.
        model.Sites[1].Gate.Weight!.Values.Fill(4);
        model.Sites[1].Gate.Bias!.Values.Clear();
        Assert.Empty(Remarks(model));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(0.1f, false)]
    public void AnAdversarialErrorFarAboveTheOthersIsTold(float size, bool isFar)
    {
        // Sixteen pairs of large subcomponents that cancel, none of them ever called needed: random masks leave little of them, the worst masks all.
        var model = Perfect(36);
        var site = model.Sites[0];
        for (int c = 4; c < 36; c++)
        {
            (site.V[c, 0], site.V[c, 1], site.U[c, 2]) = (1, 1, c % 2 == 0 ? size : -size);
            site.Gate.Weight!.Values[c] = -5;
        }

        // Something that random masks harm, though little.
        site.Gate.Weight!.Values[0] = 0.5f;
        var remarks = Remarks(model);
        if (!isFar) Assert.Empty(remarks);
        else Assert.Matches(@"^the worst masks that were found leave an error of \S+e\S+, \d{2,} times that of random and importance masks \(\S+\): .* may help$", Assert.Single(remarks));
    }

    [Fact]
    public void PartsThatDoNotSumToTheNetworkAreTold()
    {
        var model = Perfect(6);
        foreach (ref float value in model.Sites[0].U.Values) value *= 0.8f;
        Assert.Matches(
            @"^the error with all subcomponents \(\S+\) is not small against that with masks \(\S+\), and in weights they miss 20\.00 % of layers\.0: the parts do not sum to the network; ",
            Assert.Single(Remarks(model)));
        foreach (ref float value in model.Sites[0].U.Values) value *= 0.95f / 0.8f;
        Assert.Empty(Remarks(model));
    }

    [Fact]
    public void ColumnsThatShareASubcomponentAreToldOfAFinishedRun()
    {
        var network = new Tms(new TmsModelConfig { NFeatures = 3, NHidden = 3 });
        for (int i = 0; i < 3; i++) network.Linear1.Weight[i, i] = 1;
        var model = ComponentModel.Create(network, ["linear1"], c: 3, k: 0, seed: 0);
        model.Sites[0].V.Values.Clear();
        model.Sites[0].U.Values.Clear();
        (model.Sites[0].V[0, 0], model.Sites[0].V[0, 1], model.Sites[0].U[0, 0], model.Sites[0].U[0, 1]) = (1, 1, 1, 1);
        (model.Sites[0].V[1, 2], model.Sites[0].U[1, 2]) = (1, 1);
        var summary = Summary(RunStatus.Finished) with { Metrics = TmsEvidence.Of(model.Sites, network).ToDictionary(entry => entry.Metric, entry => entry.Value) };
        Assert.StartsWith("some columns share a subcomponent", Assert.Single(Runs.Remarks.Of(summary, model.Sites, null, null)), StringComparison.Ordinal);
        Assert.Empty(Runs.Remarks.Of(summary with { Status = RunStatus.Interrupted }, model.Sites, null, null));
        Assert.Empty(Runs.Remarks.Of(summary with { Metrics = new Dictionary<string, MetricValue> { [Metric.OneToOne] = new(true) } }, model.Sites, null, null));
    }

    private static IReadOnlyList<string> Remarks(ComponentModel model) => Remarks(model, Rows(Classes));

    /// <summary>The remarks of what is measured; without those of the importances where only the classes are looked at.</summary>
    private static IReadOnlyList<string> Remarks(ComponentModel model, LabelledRows? rows, bool isClassOnly = false)
    {
        using var backend = TestBackend.Create(1);
        var measured = rows?.HeldOut ?? Rows(Classes);
        var evaluation = new Evaluator(new Graph(), model, new TableData(measured.Table()), new DecompositionOptions { BatchSize = 64, TargetModulePatterns = ["*"] }, backend)
            .Evaluate(0, batches: 4, adversarialBatches: 2);
        var evidence = TaskEvidence.Of(model, rows?.HeldOut, seed: 0, backend);
        var summary = Summary(RunStatus.Finished) with { Metrics = evidence.ToDictionary(entry => entry.Metric, entry => entry.Value) };
        return Runs.Remarks.Of(summary, model.Sites, isClassOnly ? null : evaluation, rows);
    }

    private static RunSummary Summary(RunStatus status) => new() { Experiment = "own", Seed = 0, Steps = 1, Status = status, WallSeconds = 1 };

    /// <summary>Rows with one active feature at 0.5 to 1, the others at 0; by default a fifth is held out.</summary>
    private static LabelledRows Rows(int[]? labels, int heldOut = Count / 5)
    {
        float[] inputs = new float[Count * Features];
        for (int row = 0; row < Count; row++) inputs[row * Features + Classes[row]] = 0.5f + row % 10 * 0.05f;
        return new LabelledRows(inputs, Count, heldOut, [Features]) { Labels = labels };
    }

    private static Mlp Network(int layers)
    {
        var network = new Mlp([.. Enumerable.Repeat(Features, layers + 1)], ActivationName.Relu, bias: false);
        foreach (var (_, linear) in network.LinearMaps())
            for (int i = 0; i < Features; i++) linear.Weight[i, i] = 1 + i * 0.1f;
        return network;
    }

    /// <summary>Subcomponent i of each layer is what the layer does with feature i; those from 4 on are nothing.</summary>
    private static ComponentModel Perfect(int c, int layers = 1)
    {
        var model = ComponentModel.Create(Network(layers), ["*"], c, k: 0, seed: 0);
        foreach (var site in model.Sites)
        {
            site.V.Values.Clear();
            site.U.Values.Clear();
            for (int i = 0; i < Math.Min(c, Features); i++) (site.V[i, i], site.U[i, i]) = (1, 1 + i * 0.1f);
            site.Gate.Weight!.Values.Fill(4);
        }

        return model;
    }

    private static void Close(Site site)
    {
        site.Gate.Weight!.Values.Clear();
        site.Gate.Bias!.Values.Fill(-5);
    }
}
