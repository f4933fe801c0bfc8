namespace Spd.Decomposition.Tests.Training;

public sealed class OptionTests
{
    public static TheoryData<string, DecompositionOptions> OutOfRange => new()
    {
        { "C is 0", new() { C = 0 } },
        { "C of 'linear1' is 0", new() { CBySite = new Dictionary<string, int> { ["linear1"] = 0 } } },
        { "CBySite is empty", new() { CBySite = new Dictionary<string, int>() } },
        { "NMaskSamples is 0", new() { NMaskSamples = 0 } },
        { "NCiMlpNeurons is -1", new() { NCiMlpNeurons = -1 } },
        { "Pnorm is 0", new() { Pnorm = 0 } },
        { "Lr is NaN", new() { Lr = double.NaN } },
        { "LrWarmupPct is 1.5", new() { LrWarmupPct = 1.5 } },
        { "LrExponentialHalflife is null", new() { LrSchedule = Engine.Optimisation.ScheduleShape.Exponential } },
        { "Steps is 0", new() { Steps = 0 } },
        { "BatchSize is 0", new() { BatchSize = 0 } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange), DisableDiscoveryEnumeration = true)]
    public void AnOptionOutOfItsRangeIsNamed(string beginning, DecompositionOptions options) =>
        Assert.StartsWith(beginning, Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);

    [Fact]
    public void TheDefaultsAreInRange() => new DecompositionOptions().Validate();
}
