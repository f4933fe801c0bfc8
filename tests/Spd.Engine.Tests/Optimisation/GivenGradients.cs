using Spd.Engine.Execution;

namespace Spd.Engine.Tests.Optimisation;

/// <summary>Gradients written by the test.</summary>
internal sealed class GivenGradients
{
    public GivenGradients(params Parameter[] parameters)
    {
        Set = new ParameterSet(parameters);
        Gradients = new ParameterGradients(new AlignedBuffer(Set.FlatLength), Set.Parameters.ToDictionary(parameter => parameter, Set.OffsetOf));
    }

    public ParameterSet Set { get; }

    public ParameterGradients Gradients { get; }

    public Span<float> Of(Parameter parameter) => Gradients.Of(parameter);
}
