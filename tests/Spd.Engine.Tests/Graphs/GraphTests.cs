using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Tests;

namespace Spd.Engine.Tests.Graphs;

public sealed class GraphTests
{
    [Fact]
    public void EqualOperationsAreOne()
    {
        Parameter weight = new("weight", 3, 3), bias = new("bias", 3);
        var graph = new Graph();
        var x = graph.Input(3);
        Assert.Same(graph.MatMul(weight, x), graph.MatMul(weight, x));
        Assert.Same(graph.AddBias(x, bias), graph.AddBias(x, bias));
        Assert.Same(graph.Relu(graph.MatMul(weight, x)), graph.Relu(graph.MatMul(weight, x)));
        Assert.Same(graph.Plus(x, x), graph.Plus(x, x));
        Assert.Same(graph.Uniform(3, 1), graph.Uniform(3, 1));
        Assert.Same(graph.Add(new Broadcast(graph.Weight(bias))), graph.Add(new Broadcast(graph.Weight(bias))));
        Assert.Equal(9, graph.Operations.Count);
    }

    [Fact]
    public void OperationsThatDifferInAnythingAreTwo()
    {
        Parameter weight = new("weight", 3, 3), twin = Parameter.SharingMemoryWith(weight, "twin"), vector = new("vector", 3), other = new("other", 3);
        var graph = new Graph();
        var (x, y) = (graph.Input(3), graph.Input(3));
        Value[] values =
        [
            x, y,
            graph.MatMul(weight, x), graph.MatMul(weight, x, transposed: true), graph.MatMul(twin, x), graph.MatMul(weight, y),
            graph.RowAffine(x, vector, null), graph.RowAffine(x, null, vector), graph.RowAffine(x, vector, other),
            graph.RowAffine(x, other, vector), graph.RowAffine(x, null, null),
            graph.Relu(x), graph.Add(new Gelu(x)), graph.Add(new Absolute(x)), graph.Relu(y),
            graph.Plus(x, y), graph.Plus(y, x), graph.Multiply(x, y),
            graph.Uniform(3, 1), graph.Uniform(3, 2), graph.Uniform(2, 1), graph.Uniform(3, uint.MaxValue),
            graph.Add(new Broadcast(graph.Weight(vector))), graph.Add(new Broadcast(graph.Weight(other))),
        ];
        Assert.Equal(values.Length, values.Distinct().Count());
        Assert.Equal(values.Length, graph.Operations.Count(operation => operation is not Weight));
    }

    [Fact]
    public void AFunctionWithAttributesIsComparedByTheirValues()
    {
        var graph = new Graph();
        var x = graph.Input(1);
        Assert.Same(graph.Add(new Power(x, 2, 1)), graph.Add(new Power(x, 2, 1)));
        Assert.NotSame(graph.Add(new Power(x, 2, 1)), graph.Add(new Power(x, 3, 1)));
    }

    [Fact]
    public void LossesAddUpUnderTheirName()
    {
        var graph = new Graph();
        Value x = graph.Input(1), zero = graph.Input(1);
        var objective = new Objective(graph);
        objective.Add("square", graph.SquaredError(x, zero), weight: 0.5);
        objective.Add("square", graph.SquaredError(x, zero), weight: 0.25);
        objective.Add("other", graph.SquaredError(x, zero), weight: 1, coefficient: 10);
        Assert.Equal(["square", "other"], objective.LossNames);
        Assert.Equal(3, graph.Operations.Count);
        using var backend = TestBackend.Create(threads: 1);
        var program = backend.Compile(objective, 1);
        program.Set(x, [3]);
        program.Set(zero, [0]);
        program.Run(0, 0);
        Assert.Equal(6.75, program.Loss("square"), 1e-6);
        Assert.Equal(9, program.Loss("other"), 1e-6);
        Assert.Equal(96.75, program.TotalLoss, 1e-5);
        Assert.Equal(["square", "other"], program.LossNames);
        Assert.Equal(2, program.Losses.Length);
        Assert.Contains("square, other", Assert.Throws<KeyNotFoundException>(() => program.Loss("third")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ALossIsANumberAndPartsOfOneShareACoefficient()
    {
        var graph = new Graph();
        var x = graph.Input(2);
        var objective = new Objective(graph);
        objective.Add("loss", graph.SquaredError(x, x), coefficient: 2);
        objective.Add("loss", graph.SquaredError(x, x), coefficient: 2);
        Assert.Contains("the coefficient 2 already and cannot have 3", Refusal(() => objective.Add("loss", graph.SquaredError(x, x), coefficient: 3)), StringComparison.Ordinal);
        Assert.Contains("a loss is a number", Refusal(() => objective.Add("panel", x)), StringComparison.Ordinal);
        Assert.Equal(2, objective.Terms.Count);
    }

    [Fact]
    public void ValuesOfAnotherGraphAreRefusedWhereverTheyAreUsed()
    {
        var other = new Graph();
        var elsewhere = other.Input(2);
        var graph = new Graph();
        var here = graph.Input(2);
        Assert.Contains("belongs to another graph", Refusal(() => graph.Relu(elsewhere)), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => graph.Plus(here, elsewhere));
        Assert.Throws<ArgumentException>(() => graph.SquaredError(here, elsewhere));
        Assert.Throws<ArgumentException>(() => new Objective(graph).Add("loss", other.SquaredError(elsewhere, elsewhere)));
        using var backend = TestBackend.Create(threads: 1);
        Assert.Throws<ArgumentException>(() => backend.Compile(new Objective(graph), 1, keep: [elsewhere]));
        Assert.Single(graph.Operations);
    }

    [Fact]
    public void SizesThatDoNotFitAreRefusedInASentence()
    {
        var graph = new Graph();
        var (two, three) = (graph.Input(2), graph.Input(3));
        Value vector = graph.Weight(new Parameter("vector", 2)), matrix = graph.Weight(new Parameter("matrix", 3, 4)), number = graph.Number(1), one = graph.Input(1);
        (Action Build, string Part)[] cases =
        [
            (() => graph.MatMul(new Parameter("weight", 2, 4), two), "'weight' [2, 4] takes 4 features, but its input has 2"),
            (() => graph.MatMul(new Parameter("weight", 3, 2), two, transposed: true), "'weight' [3, 2] transposed takes 3 features"),
            (() => graph.MatMul(two, three), "takes"),
            (() => graph.AddBias(two, new Parameter("bias", 3)), "'bias' has 3 values, but its input has 2 features"),
            (() => graph.Plus(two, three), "[2, lanes]"),
            (() => graph.Multiply(two, three), "two values of one size"),
            (() => graph.SquaredError(three, two), "two values of one size"),
            (() => graph.SquaredError(two, vector), "two values of one size"),
            (() => graph.Divergence(three, two), "two panels of one size"),
            (() => graph.Divergence(vector, vector), "two panels of one size"),
            (() => graph.PowerSum(two, 1, new Parameter("weights", 3, 1)), "as many row weights"),
            (() => graph.Add(new PowerSum(two, vector)), "needs a number p"),
            (() => graph.RowMlp(two, Of(2, 3), Of(2, 3), Of(2, 4), Of(2, 1)), "need [2, 3]"),
            (() => graph.RowMlp(two, Of(3, 3), Of(3, 3), Of(3, 3), Of(3, 1)), "need [2, 3]"),
            (() => graph.Add(new Outer(two, matrix)), "no columns or lanes in common"),
            (() => graph.Add(new RowDot(two, three)), "cannot be multiplied"),
            (() => graph.Add(new InnerProduct(two, two)), "two matrices of one size"),
            (() => graph.Add(new Broadcast(matrix)), "only a vector"),
            (() => graph.Add(new Scale(two, vector)), "a factor is a number"),
            (() => graph.Add(new SequenceSum(matrix)), "has no sequences"),
            (() => graph.Add(new Input(new Shape(Domain.Step, 1))), "an input is a batch or a matrix"),
            (() => graph.Add(new Uniform(2, 1, Domain.Weights)), "for lanes or sequences"),
            (() => graph.Add(new TableRows(new float[2, 2], two)), "one number chooses a row"),
            // A number, a vector and a panel of one size are stored apart.
            (() => graph.Multiply(one, number), "two values of one size"),
            (() => graph.Multiply(two, vector), "two values of one size"),
            (() => graph.Plus(one, number), "a sum of"),
            (() => graph.Plus(two, vector), "a sum of"),
            (() => graph.Relu(number), "number"),
            (() => graph.Add(new RowAffine(number, null, null)), "number"),
            (() => graph.Add(new RowSum(number)), "number"),
            (() => graph.Add(new RowDot(number, number)), "number"),
        ];
        int operations = graph.Operations.Count;
        foreach (var (build, part) in cases) Assert.Contains(part, Refusal(build), StringComparison.Ordinal);
        Assert.DoesNotContain(graph.Operations.Skip(operations), operation => operation is not (Weight or RowDot or Number));

        Parameter Of(int rows, int columns) => new("gate", rows, columns);
    }

    [Fact]
    public void NothingUpstreamOfFrozenParametersHasAGradientAndNothingUnusedIsComputed()
    {
        Parameter frozen = new("frozen", 2, 2), trained = new("trained", 2, 2);
        frozen.Values.Fill(1);
        trained.Values.Fill(0.5f);
        var graph = new Graph();
        var x = graph.Input(2);
        var before = graph.Relu(graph.MatMul(frozen, x));
        var middle = graph.MatMul(trained, before);
        var after = graph.MatMul(frozen, middle);
        var unused = graph.Add(new Gelu(after));
        var kept = graph.Add(new Absolute(after));
        var objective = new Objective(graph);
        objective.Add("loss", graph.SquaredError(after, before));
        using var backend = TestBackend.Create(threads: 1);
        var program = backend.Compile(objective, 1, new ParameterSet([trained]), keep: [kept]);
        program.Set(x, [1, 2]);
        program.Run(0, 0);
        Assert.All(new[] { x, before, middle, after, kept }, value => Assert.NotNull(program.Plan.Find(value)));
        Assert.Null(program.Plan.Find(unused));
        Assert.Single(graph.Operations.OfType<Outer>());
        Assert.Single(graph.Operations.OfType<MatMul>(), product => product.IsTransposed);
        Assert.DoesNotContain(graph.Operations, operation => operation is MapGradient);
        Assert.True(program.Gradients.Of(frozen).IsEmpty);
        Assert.Equal(4, program.Gradients.Of(trained).Length);
    }

    [Fact]
    public void ACoefficientOfZeroTrainsNothingButIsComputed()
    {
        Parameter v = new("v", 2, 2), u = new("u", 2, 2);
        v.Values.Fill(1);
        u.Values.Fill(2);
        var graph = new Graph();
        var x = graph.Input(2);
        var objective = new Objective(graph);
        objective.Add("square", graph.SquaredError(graph.MatMul(v, x), x), weight: 1, coefficient: 0);
        objective.Add("weights", graph.SquaredError(graph.MatMul(u, graph.Weight(v), transposed: true), graph.Weight(new Parameter("zero", 2, 2))), coefficient: 0);
        using var backend = TestBackend.Create(threads: 1);
        var program = backend.Compile(objective, 1, new ParameterSet([v, u]));
        program.Set(x, [1, 2]);
        program.Run(0, 0);
        Assert.DoesNotContain(graph.Operations, operation => operation is Outer);
        Assert.Equal((4.0 + 1) / 2, program.Loss("square"), 1e-6);
        Assert.Equal(16, program.Loss("weights"), 1e-6);
        Assert.Equal(0, program.TotalLoss);
        Assert.All(program.Gradients.Of(v).ToArray(), value => Assert.Equal(0, value));
        Assert.All(program.Gradients.Of(u).ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void AProgramKeepsItsLossesWhenTheGraphAndTheObjectiveGrow()
    {
        var graph = new Graph();
        Value x = graph.Input(2), zero = graph.Input(2);
        var objective = new Objective(graph);
        objective.Add("loss", graph.SquaredError(x, zero));
        using var backend = TestBackend.Create(threads: 1);
        var program = backend.Compile(objective, 1);
        program.Set(x, [1, 2]);
        program.Set(zero, [0, 0]);
        objective.Add("late", graph.SquaredError(graph.Relu(x), zero));
        program.Run(0, 0);
        Assert.Equal(2.5, program.TotalLoss, 1e-6);
        Assert.Equal(["loss"], program.LossNames);
    }

    [Fact]
    public void NumbersWherePanelsAreMeantEmptyShapesAndGradientsOfOtherSizesAreRefused()
    {
        var graph = new Graph();
        Value x = graph.Input(3), number = graph.Number(2), row = graph.Input(1), vector = graph.Weight(new Parameter("vector", 3));
        foreach (var operation in new Operation[]
        {
            new SquaredError(number, graph.Number(5)), new Maximum(number), new CountAbove(number, 1), new Histogram(number, 4), new RepeatRows(number, 2),
            new TableRows(new float[2, 2], number), new Outer(number, vector), new Outer(vector, number), new GroupMinimum(number, [[0]]), new Smallest(number, 1),
            new MapGradient(new Relu(x), row), new MapGradient(new Relu(x), number), new CombineGradient(new Multiply(x, x), row),
            new Uniform(0, 1), new Uniform(-1, 1), new RepeatRows(x, 0), new Histogram(x, 0), new Input(new Shape(Domain.Lane, 0)),
        })
            Assert.False(string.IsNullOrEmpty(Refusal(() => graph.Add(operation))), operation.Name);
        Assert.Equal("ReluGradient needs a gradient of the shape of Input [3, lanes], but got [1, lanes]", Refusal(() => graph.Add(new MapGradient(new Relu(x), row))));
        Assert.Equal("a result of Uniform has the shape [0, lanes], but rows and columns are at least 1", Refusal(() => graph.Uniform(0, 1)));
        var other = new Graph();
        Assert.Contains("another graph", Refusal(() => Derivative.Of(graph, [(graph.Relu(x), other.Input(3))], [x])), StringComparison.Ordinal);
        Assert.Contains("another graph", Refusal(() => Derivative.Of(graph, [(graph.Relu(x), x)], [other.Input(3)])), StringComparison.Ordinal);
    }

    [Fact]
    public void ValuesAreGivenByAProgramOfTheSameGraphThatHasRun()
    {
        var graph = new Graph();
        Value x = graph.Input(2), y = graph.Relu(x);
        using var backend = TestBackend.Create(threads: 1);
        var giver = backend.Compile(new Objective(graph), 1, keep: [y]);
        var taker = backend.Compile(new Objective(graph), 1, keep: [graph.Scale(y, 2)], given: giver);
        Assert.Contains("has not run", Assert.Throws<InvalidOperationException>(() => taker.Run(0, 0)).Message, StringComparison.Ordinal);
        giver.Set(x, [1, -1]);
        giver.Run(0, 0);
        taker.Run(0, 0);
        Assert.Equal([2, 0], taker.Read(graph.Scale(y, 2)));
        var other = new Graph();
        Assert.Contains("another graph", Refusal(() => backend.Compile(new Objective(other), 1, given: giver)), StringComparison.Ordinal);
    }

    private static string Refusal(Action build) => Assert.Throws<ArgumentException>(build).Message;
}
