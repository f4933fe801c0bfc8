using System.ComponentModel.DataAnnotations;
using Spd.Networks;
using Spd.Networks.Training;
using Spd.Networks.Transformers;
using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>A transformer that adds modulo a number: <c>a b =</c> has <c>(a + b) mod p</c> as the largest of its first p logits behind <c>=</c>, the token p.</summary>
public sealed record ModularAdditionConfig : TrainedTargetConfig
{
    public override TrainedTargetKind Kind => ModularAdditionTarget.Instance;

    /// <summary>p. All p² pairs are measured.</summary>
    [Range(3, 512)]
    public int Modulus { get; init; }

    /// <summary>The shape of the network.</summary>
    public TransformerLensConfig Model { get; init; } =
        new() { DVocab = 0, NCtx = 0, DModel = 0, DHead = 0, DMlp = 0, NLayers = 0, NHeads = 0, ActFn = ActivationName.Relu };

    /// <summary>The share of all pairs that it is trained on; the others are its test.</summary>
    [Probability]
    public double FracTrain { get; init; } = 0.3;

    /// <summary>Seed of the choice of these pairs.</summary>
    public ulong DatasetSeed { get; init; }

    /// <summary>AdamW's weight decay, without which it learns its pairs by heart.</summary>
    [NotNegative]
    public double WeightDecay { get; init; } = 1;

    // Tokens are one feature: their number.
    public override int Features => 1;

    public override TrainingOptions Training => base.Training with { WeightDecay = WeightDecay, Beta2 = 0.98 };

    /// <summary>The pairs that it is trained on, each as a · p + b: one at least, in the order of the choice.</summary>
    public IReadOnlyList<int> TrainingPairs()
    {
        int all = Modulus * Modulus;
        // Epochs have the numbers from 0.
        var order = new Permutation(all, DatasetSeed, stream: ulong.MaxValue);
        return [.. Enumerable.Range(0, Math.Max(1, (int)Math.Round(FracTrain * all))).Select(place => (int)order[place])];
    }

    public override Module Build() => new LastLogits(Model.Build());

    public bool Equals(ModularAdditionConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
