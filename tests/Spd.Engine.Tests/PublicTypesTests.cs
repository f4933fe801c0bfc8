namespace Spd.Engine.Tests;

/// <summary>What others build on, in full: whoever adds a type to it, or takes one away, says so here.</summary>
public sealed class PublicTypesTests
{
    [Fact]
    public void TheyAreThese()
    {
        string[] expected =
        [
        ];
        Assert.Equal(expected, typeof(Parameter).Assembly.GetExportedTypes().Select(type => type.FullName!["Spd.Engine.".Length..]).Order(StringComparer.Ordinal));
    }
}
