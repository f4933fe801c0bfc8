using Spd.Engine.Optimisation;
using Spd.Networks;

namespace Spd.Baselines.Tests;

public sealed class ApdOptionTests
{
    public static TheoryData<string, ApdOptions> OutOfRange => new()
    {
        { "C is 0, but it must be from 1 to 10000", new() { C = 0 } },
        { "Topk is 6, but there are only 5 components", new() { Topk = 6 } },
        { "M is 0", new() { M = 0 } },
        { "SchattenPnorm is 0", new() { SchattenPnorm = 0 } },
        { "LrExponentialHalflife is null", new() { LrSchedule = ScheduleShape.Exponential } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange), DisableDiscoveryEnumeration = true)]
    public void AnOptionOutOfItsRangeIsNamed(string beginning, ApdOptions options) =>
        Assert.StartsWith(beginning, Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);

    [Fact]
    public void TheDefaultsAreInRange() => new ApdOptions().Validate();

    [Fact]
    public void EveryNumberHasARange() => Assert.All(
        typeof(ApdOptions).GetProperties().Where(property => (Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType) is var type
            && (type == typeof(int) || type == typeof(double))),
        property => Assert.NotNull(OptionRanges.Of(typeof(ApdOptions), property.Name)));
}
