namespace Spd.Text.Tests;

/// <summary>The reference, the Hugging Face tokenizers library in Rust, where its native library loads; a test skips elsewhere.</summary>
internal sealed class ReferenceTokenizer : IDisposable
{
    private readonly Tokenizers.DotNet.Tokenizer _tokenizer;

    public ReferenceTokenizer(string path)
    {
        try
        {
            _tokenizer = new Tokenizers.DotNet.Tokenizer(path);
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
        {
            Assert.Skip($"the reference's native library does not load here: {exception.Message.Split('\n')[0]}");
            throw;
        }
    }

    /// <summary>The ids with special tokens; the text has no halves of surrogate pairs.</summary>
    public int[] Encode(string text) => [.. _tokenizer.Encode(text).Select(id => (int)id)];

    /// <summary>The text without special tokens.</summary>
    public string Decode(int[] ids) => _tokenizer.Decode([.. ids.Select(id => (uint)id)]);

    public void Dispose() => _tokenizer.Dispose();
}
