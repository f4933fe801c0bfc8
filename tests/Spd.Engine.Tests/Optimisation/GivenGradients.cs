using Spd.Engine.Execution;

namespace Spd.Engine.Tests.Optimisation;

/// <summary>Gradients written by the test.</summary>
internal sealed class GivenGradients
{
    public GivenGradients(params Parameter[] parameters)
    {
        Set = new ParameterSet(parameters);
        var offsets = new Dictionary<Parameter, int>();
        int length = 0;
        foreach (var parameter in Set.Parameters)
        {
            offsets[parameter] = length;
            length += parameter.Count;
        }

        Gradients = new ParameterGradients(new AlignedBuffer(length), offsets);
    }

    public ParameterSet Set { get; }

    public ParameterGradients Gradients { get; }

    public Span<float> Of(Parameter parameter) => Gradients.Of(parameter);
}
