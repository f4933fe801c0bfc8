using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Tests;
using static Spd.Engine.Tests.Samples;

namespace Spd.Engine.Tests.Graphs;

/// <summary>What can be asked for of derivatives.</summary>
public sealed class DerivativeTests
{
    [Fact]
    public void WhatNothingDependsOnHasNone()
    {
        var graph = new Graph();
        Value x = graph.Input(2), other = graph.Input(2), unused = graph.Relu(other), cotangent = graph.Input(2);
        var gradients = Derivative.Of(graph, [(graph.Relu(x), cotangent)], [x, other, unused]);
        Assert.Equal(3, gradients.Count);
        Assert.NotNull(gradients[x]);
        Assert.Null(gradients[other]);
        Assert.Null(gradients[unused]);
        Assert.Null(Derivative.Of(graph, [], [x])[x]);
    }

    [Fact]
    public void AValueAskedForTwiceIsThereOnce()
    {
        var graph = new Graph();
        Value x = graph.Input(2), cotangent = graph.Input(2);
        var gradients = Derivative.Of(graph, [(graph.Relu(x), cotangent)], [x, x]);
        Assert.IsType<MapGradient>(Assert.Single(gradients).Value!.Source);
    }

    [Fact]
    public void AValueByItselfIsItsCotangent()
    {
        var graph = new Graph();
        Value x = graph.Input(2), cotangent = graph.Input(2);
        Assert.Same(cotangent, Derivative.Of(graph, [(x, cotangent)], [x])[x]);
    }

    [Fact]
    public void WhatHasNoDerivativeIsRefusedByName()
    {
        var graph = new Graph();
        Value x = graph.Input(2), cotangent = graph.Input(2), vector = graph.Weight(new Parameter("vector", 2));
        Assert.Equal("Smallest has no derivative, but a gradient through it was asked for", Refusal(graph.Add(new Smallest(x, 1)), cotangent));
        Assert.Equal("Maximum has no derivative, but a gradient through it was asked for", Refusal(graph.Add(new Maximum(x)), vector));
        var gradient = Derivative.Of(graph, [(graph.Relu(x), cotangent)], [x])[x]!;
        Assert.Equal("ReluGradient has no derivative, but a gradient through it was asked for", Refusal(gradient, cotangent));
        // Beside the way there may be such operations.
        Assert.NotNull(Derivative.Of(graph, [(graph.Multiply(x, graph.Add(new Smallest(cotangent, 1))), cotangent)], [x])[x]);

        string Refusal(Value of, Value d) => Assert.Throws<NotSupportedException>(() => Derivative.Of(graph, [(of, d)], [x])).Message;
    }

    [Fact]
    public void ACotangentOfAnotherShapeIsRefused()
    {
        var graph = new Graph();
        Value x = graph.Input(2), three = graph.Input(3), vector = graph.Weight(new Parameter("vector", 2));
        foreach (var cotangent in new[] { three, vector, graph.Number(1) })
        {
            string refusal = Assert.Throws<ArgumentException>(() => Derivative.Of(graph, [(graph.Relu(x), cotangent)], [x])).Message;
            Assert.Contains("does not fit", refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AGradientIsThatOfTheSumOfAllCotangents()
    {
        const int Rows = 40;
        var graph = new Graph();
        Value x = graph.Input(1), square = graph.Multiply(x, x), cube = graph.Multiply(square, x);
        var gradient = Derivative.Of(graph, [(square, graph.Scale(x, 2)), (cube, x)], [x])[x]!;
        using var backend = TestBackend.Create();
        float[] batch = Numbers(Rows, seed: 1);
        float[] actual = backend.Compute(graph, x, batch, [gradient])[0];
        // 2x · 2x + x · 3x².
        Close(batch.Select(value => 4.0 * value * value + 3.0 * value * value * value), actual);
    }
}
