using Spd.Formats;

namespace Spd.Text.Tests;

public sealed class RegexPatternTests
{
    [Theory]
    [InlineData("")]
    [InlineData("🙂")]
    public void AnExpressionThatDoesNotEndIsRefused(string beginning)
    {
        var pattern = new RegexPattern("((((a+)+)+)+)+$", TimeSpan.FromMilliseconds(50));
        string text = $"{beginning}{new string('a', 44)}!";
        string message = Assert.Throws<FileContentException>(() => pattern.Find(text, [])).Message;
        Assert.StartsWith("the tokenizer's regular expression '((((a+)+)+)+)+$' tries so many ways through a text of 4", message, StringComparison.Ordinal);
    }
}
