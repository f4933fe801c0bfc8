using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Networks.Training;

namespace Spd.Decomposition.Tests.Training;

public sealed class OptionTests
{
    public static TheoryData<string, DecompositionOptions> OutOfRange => new()
    {
        { "C is 0", new() { C = 0 } },
        { "CBySite of 'linear1' is 0", new() { CBySite = new Dictionary<string, int> { ["linear1"] = 0 } } },
        { "CBySite is empty", new() { CBySite = new Dictionary<string, int>() } },
        { "NMaskSamples is 0", new() { NMaskSamples = 0 } },
        { "NCiMlpNeurons is -1", new() { NCiMlpNeurons = -1 } },
        { "Pnorm is 0", new() { Pnorm = 0 } },
        { "Lr is NaN", new() { Lr = double.NaN } },
        { "LrWarmupPct is 1.5", new() { LrWarmupPct = 1.5 } },
        { "LrExponentialHalflife is null", new() { LrSchedule = Engine.Optimisation.ScheduleShape.Exponential } },
        { "Steps is 0", new() { Steps = 0 } },
        { "BatchSize is 0", new() { BatchSize = 0 } },
        { "C is 100001, but it must be from 1 to 100000", new() { C = 100_001 } },
        { "NMaskSamples is 1001, but it must be from 1 to 1000", new() { NMaskSamples = 1001 } },
        { "Lr is 0, but it must be a finite number above 0", new() { Lr = 0 } },
        { "FaithfulnessCoeff is -1, but it must be a finite number of at least 0", new() { FaithfulnessCoeff = -1 } },
        { "ReconCoeff is NaN", new() { ReconCoeff = double.NaN } },
        { "SchattenCoeff is Infinity", new() { SchattenCoeff = double.PositiveInfinity } },
        { "BatchSize is 16777217, but it must be from 1 to 16777216", new() { BatchSize = (1 << 24) + 1 } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange), DisableDiscoveryEnumeration = true)]
    public void AnOptionOutOfItsRangeIsNamed(string beginning, DecompositionOptions options) =>
        Assert.StartsWith(beginning, Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);

    [Fact]
    public void TheDefaultsAreInRange() => new DecompositionOptions().Validate();

    [Theory]
    [InlineData(typeof(DecompositionOptions))]
    [InlineData(typeof(TrainingOptions))]
    [InlineData(typeof(TmsModelConfig))]
    [InlineData(typeof(ResidualMlpConfig))]
    [InlineData(typeof(ResidualMlpTask))]
    public void EveryNumberHasARange(Type options) => Assert.All(
        options.GetProperties().Where(property => (Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType) is var type
            && (type == typeof(int) || type == typeof(double))),
        property => Assert.NotNull(OptionRanges.Of(options, property.Name)));
}
