using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary>A block of a transformer: attention and then an MLP read the residual stream, normalised, and add to it; or it is normalised behind each sum.</summary>
public sealed class TransformerBlock : Module
{
    private readonly Module? _attentionNorm, _mlpNorm, _mlp;

    /// <summary>A block of modules under their names.</summary>
    /// <param name="attentionNorm">What normalises before attention, or behind it; null for nothing.</param>
    /// <param name="attention">Attention.</param>
    /// <param name="mlpNorm">What normalises before the MLP, or behind it; null for nothing.</param>
    /// <param name="mlp">The MLP; null for none.</param>
    public TransformerBlock(
        (string Name, Module Module)? attentionNorm, (string Name, Attention Module) attention,
        (string Name, Module Module)? mlpNorm = null, (string Name, Module Module)? mlp = null)
    {
        _attentionNorm = Added(attentionNorm);
        Attention = Add(attention.Name, attention.Module);
        _mlpNorm = Added(mlpNorm);
        _mlp = Added(mlp);

        Module? Added((string Name, Module Module)? part) => part is var (name, module) ? Add(name, module) : null;
    }

    /// <summary>Attention.</summary>
    public Attention Attention { get; }

    /// <summary>Whether the residual stream itself is normalised, behind attention and behind the MLP, as the first transformers had it.</summary>
    public bool NormalisesStream { get; init; }

    /// <summary>The linear maps that read the residual stream, each with what normalises it for them, or null.</summary>
    internal IEnumerable<(Linear Linear, Module? Norm)> Readers =>
    [
        .. Attention.LinearMaps().Where(map => map.Linear != Attention.Output).Select(map => (map.Linear, NormBefore(_attentionNorm))),
        .. (_mlp?.LinearMaps().SkipLast(1) ?? []).Select(map => (map.Linear, NormBefore(_mlpNorm))),
    ];

    /// <summary>The linear maps whose outputs are added to the residual stream.</summary>
    internal IEnumerable<Linear> Writers => (_mlp?.LinearMaps().Select(map => map.Linear).TakeLast(1) ?? []).Prepend(Attention.Output);

    /// <summary>The residual stream as attention reads it, normalised.</summary>
    public Value AttentionInput(ForwardPass pass, Value x) => NormBefore(_attentionNorm)?.Forward(pass, x) ?? x;

    /// <summary>The residual stream between attention and the MLP.</summary>
    public Value AfterAttention(ForwardPass pass, Value x) =>
        Sum(pass, x, Attention.Forward(pass, AttentionInput(pass, x)), _attentionNorm);

    public override Value Forward(ForwardPass pass, Value x)
    {
        var between = AfterAttention(pass, x);
        return _mlp is null ? between : Sum(pass, between, _mlp.Forward(pass, NormBefore(_mlpNorm)?.Forward(pass, between) ?? between), _mlpNorm);
    }

    private Module? NormBefore(Module? norm) => NormalisesStream ? null : norm;

    private Value Sum(ForwardPass pass, Value stream, Value added, Module? norm)
    {
        var sum = pass.Graph.Plus(stream, added);
        return NormalisesStream && norm is not null ? norm.Forward(pass, sum) : sum;
    }
}
