using Spd.Networks;
using Spd.Runs.Configuration;

namespace Spd.Runs.Tests.Configuration;

/// <summary>Numbers, flags and texts as people write them.</summary>
public sealed class ValueTextTests
{
    [Theory]
    [InlineData("10000", 10_000)]
    [InlineData("1e4", 10_000)]
    [InlineData("1E+4", 10_000)]
    [InlineData("1.5e3", 1500)]
    [InlineData("10000.0", 10_000)]
    [InlineData("10_000", 10_000)]
    [InlineData("+7", 7)]
    [InlineData("'12'", 12)]
    [InlineData("007", 7)]
    public void AWholeNumberIsTakenAsItIsWritten(string text, int expected) => Assert.Equal(expected, ValueKind.WholeNumber(new AtLeastAttribute(1)).Read(Node(text), "steps"));

    [Theory]
    [InlineData("1e999", "steps is 1e999, but it must be from 1 to 2147483647")]
    [InlineData("-1e999", "steps is -1e999, but it must be at least 1")]
    [InlineData("1e-1", "steps is '1e-1', but a whole number is needed")]
    [InlineData("1e-400", "steps is 1e-400, but it must be at least 1")]
    [InlineData("1.0000001", "steps is '1.0000001', but a whole number is needed")]
    [InlineData("2147483648", "steps is 2147483648, but it must be from 1 to 2147483647")]
    [InlineData(".inf", "steps is '.inf', but a whole number is needed")]
    [InlineData("0x10", "steps is '0x10', but a whole number in decimal digits is needed")]
    [InlineData("0o17", "steps is '0o17', but a whole number in decimal digits is needed")]
    [InlineData("0b11", "steps is '0b11', but a whole number in decimal digits is needed")]
    [InlineData("010", "steps is '010', which some readers of YAML take for an octal number: leave out the zero before it")]
    [InlineData("40,000", "steps is '40,000', but a whole number is needed: write it without commas, and with a point before decimals")]
    [InlineData("1__0", "steps is '1__0', but a whole number is needed")]
    [InlineData("_1", "steps is '_1', but a whole number is needed")]
    [InlineData("1:30", "steps is '1:30', but a whole number is needed")]
    [InlineData("ten", "steps is 'ten', but a whole number is needed")]
    [InlineData("~", "steps is null, but a whole number is needed")]
    [InlineData("{}", "steps is an empty mapping, but a whole number is needed")]
    [InlineData("{a: 1}", "steps is a mapping, but a whole number is needed")]
    public void WhatIsNoWholeNumberIsSaid(string text, string expected) => Assert.Equal(expected, Told(ValueKind.WholeNumber(new AtLeastAttribute(1)), text, "steps"));

    [Theory]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    [InlineData("18446744073709551614", ulong.MaxValue - 1)]
    [InlineData("1e3", 1000)]
    [InlineData("0", 0)]
    public void ASeedKeepsAllItsDigits(string text, ulong expected) => Assert.Equal(expected, ValueKind.Seed.Read(Node(text), "seed"));

    [Theory]
    [InlineData("-1")]
    [InlineData("18446744073709551616")]
    [InlineData("1e999")]
    [InlineData("0.5")]
    public void WhatIsNoSeedIsSaid(string text) =>
        Assert.Equal($"seed is '{text}', but a whole number from 0 to 18446744073709551615 is needed", Told(ValueKind.Seed, text, "seed"));

    [Theory]
    [InlineData("1e-3", 1e-3)]
    [InlineData(".5", 0.5)]
    [InlineData("5.", 5)]
    [InlineData("1_000.25", 1000.25)]
    [InlineData("4.9406564584124654e-324", 4.9406564584124654e-324)]
    public void ANumberIsTakenAsItIsWritten(string text, double expected) => Assert.Equal(expected, ValueKind.Number(new NotNegativeAttribute()).Read(Node(text), "lr"));

    [Theory]
    [InlineData(".inf", "lr is .inf, but it must be a finite number above 0")]
    [InlineData("-.Inf", "lr is -.Inf, but it must be a finite number above 0")]
    [InlineData(".NaN", "lr is .NaN, but it must be a finite number above 0")]
    [InlineData("nan", "lr is nan, but it must be a finite number above 0")]
    [InlineData("1e999", "lr is 1e999, but it must be a finite number above 0")]
    [InlineData("0,001", "lr is '0,001', but a number is needed: write it without commas, and with a point before decimals")]
    [InlineData("0x1p3", "lr is '0x1p3', but a number is needed")]
    [InlineData("5%", "lr is '5%', but a number is needed")]
    public void WhatIsNoNumberIsSaid(string text, string expected) => Assert.Equal(expected, Told(ValueKind.Number(new PositiveAttribute()), text, "lr"));

    [Theory]
    [InlineData("true", true)]
    [InlineData("True", true)]
    [InlineData("yes", true)]
    [InlineData("On", true)]
    [InlineData("FALSE", false)]
    [InlineData("no", false)]
    [InlineData("off", false)]
    public void AFlagIsTakenInTheWordsOfYaml(string text, bool expected) => Assert.Equal(expected, ValueKind.Flag.Read(Node(text), "tensorboard"));

    [Theory]
    [InlineData("1", "tensorboard is '1', but true or false is needed")]
    [InlineData("y", "tensorboard is 'y', but true or false is needed")]
    [InlineData("[yes]", "tensorboard is a list, but true or false is needed")]
    public void WhatIsNoFlagIsSaid(string text, string expected) => Assert.Equal(expected, Told(ValueKind.Flag, text, "tensorboard"));

    [Theory]
    [InlineData("123", "123")]
    [InlineData("1e3", "1e3")]
    [InlineData("0x10", "0x10")]
    [InlineData("yes", "yes")]
    [InlineData("2024-01-01", "2024-01-01")]
    [InlineData("'null'", "null")]
    [InlineData("!!str null", "null")]
    [InlineData("''", "")]
    public void ATextStaysAsItIsWritten(string text, string expected) => Assert.Equal(expected, ValueKind.AnyText.Read(Node(text), "name"));

    [Theory]
    [InlineData("null", "name is null, but a text is needed: put the word in quotes if it is meant as one")]
    [InlineData("", "name is null, but a text is needed")]
    [InlineData("[]", "name is an empty list, but a text is needed")]
    public void WhatIsNoTextIsSaid(string text, string expected) => Assert.Equal(expected, Told(ValueKind.AnyText, text, "name"));

    [Fact]
    public void ATildeIsTheHomeFolder()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Assert.Equal(home, ValueKind.FilePath.Read(Node("'~'"), "load"));
        Assert.Equal($"{home}/nets/w.pt", ValueKind.FilePath.Read(Node("~/nets/w.pt"), "load"));
        Assert.Equal("~nobody/w.pt", ValueKind.FilePath.Read(Node("~nobody/w.pt"), "load"));
        Assert.Equal("a/~/w.pt", ValueKind.FilePath.Read(Node("a/~/w.pt"), "load"));
    }

    [Theory]
    [InlineData("''", "load is empty, but the path of a file is needed")]
    [InlineData("\"a\\0b\"", "load is 'a\uFFFDb', but no path can hold the character U+0000")]
    [InlineData("[a]", "load is a list, but a text is needed")]
    public void WhatIsNoPathIsSaid(string text, string expected) => Assert.Equal(expected, Told(ValueKind.FilePath, text, "load"));

    private static ConfigNode Node(string text) => ConfigReader.ReadValue(text, "x");

    private static string Told<T>(ValueKind<T> kind, string text, string key)
    {
        string message = Assert.Throws<ConfigException>(() => kind.Read(Node(text), key)).Message;
        Assert.StartsWith("x: ", message, StringComparison.Ordinal);
        return message["x: ".Length..];
    }
}
