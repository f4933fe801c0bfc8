using System.ComponentModel.DataAnnotations;
using Spd.Networks;
using Spd.Networks.Transformers;

namespace Spd.Runs.Targets;

/// <summary>A transformer that was trained elsewhere to add modulo a number: <c>a b =</c> has <c>(a + b) mod p</c> as the largest of its first p logits behind <c>=</c>, the token p.</summary>
public sealed record ModularAdditionConfig : TargetConfig
{
    public override TargetKind Kind => ModularAdditionTarget.Instance;

    /// <summary>p. All p² pairs are measured.</summary>
    [Range(3, 512)]
    public int Modulus { get; init; }

    /// <summary>The shape of the network.</summary>
    public TransformerLensConfig Model { get; init; } =
        new() { DVocab = 0, NCtx = 0, DModel = 0, DHead = 0, DMlp = 0, NLayers = 0, NHeads = 0, ActFn = ActivationName.Relu };

    // Tokens are one feature: their number.
    public override int Features => 1;

    public override Module Build() => new LastLogits(Model.Build());

    public bool Equals(ModularAdditionConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
