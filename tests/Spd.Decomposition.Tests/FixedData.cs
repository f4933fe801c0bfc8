using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;

namespace Spd.Decomposition.Tests;

/// <summary>Batches that the test gives to the program, as the values of <see cref="Input"/>.</summary>
internal sealed class GivenData(int features) : DataSource
{
    public override int Features => features;

    /// <summary>The input of the graph that was built last.</summary>
    public Value Input { get; private set; } = null!;

    public override Value Build(Graph graph) => Input = graph.Input(features);
}

/// <summary>Small networks and numbers for tests.</summary>
internal static class Given
{
    public static float[] Numbers(int count, int seed, double low = -1, double high = 1)
    {
        float[] numbers = new float[count];
        new RandomSequence((ulong)seed, NetworkStreams.RowChoice).FillUniform(numbers, low, high);
        return numbers;
    }

    public static Tms Tms(TmsModelConfig? config = null, ulong seed = 3)
    {
        var network = new Tms(config ?? new TmsModelConfig());
        network.Initialise(seed);
        return network;
    }

    /// <summary>Linear maps, random with biases, with a ReLU or GELU between any two.</summary>
    public static Sequential Chain(params int[] sizes)
    {
        var modules = new List<(string, Module)>();
        for (int i = 0; i + 1 < sizes.Length; i++)
        {
            var linear = new Linear(sizes[i], sizes[i + 1]);
            linear.Initialise(new RandomSequence(9, NetworkStreams.Initialisation.Stream(i)));
            modules.Add(($"linear{i}", linear));
            if (i + 2 < sizes.Length) modules.Add(($"activation{i}", i % 2 == 0 ? new Activation(ActivationName.Relu) : new Activation(ActivationName.Gelu)));
        }

        return new Sequential([.. modules]);
    }
}
