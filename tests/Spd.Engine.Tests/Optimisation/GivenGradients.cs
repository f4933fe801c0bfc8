using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Engine.Tests.Optimisation;

/// <summary>Gradients written by the test.</summary>
internal sealed class GivenGradients : IDisposable
{
    private readonly WorkerPool _pool = new(1);
    private readonly PanelRunner _runner;

    public GivenGradients(params Parameter[] parameters)
    {
        Set = new ParameterSet(parameters);
        var graph = new Graph(Set);
        graph.Keep(graph.Uniform(1, new StreamId(StreamPurpose.FeatureValues)));
        _runner = new PanelRunner(graph, 1, _pool);
    }

    public ParameterSet Set { get; }

    public ParameterGradients Gradients => _runner.Gradients;

    public Span<float> Of(Parameter parameter) => Gradients.Of(parameter);

    public void Dispose() => _pool.Dispose();
}
