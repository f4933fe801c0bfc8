namespace Spd.Formats;

/// <summary>The content of a file is damaged, or is something that is not read; the message is one sentence that names the file. The file itself could be read.</summary>
public sealed class FileContentException : IOException
{
    /// <summary>An exception with its sentence.</summary>
    public FileContentException(string message, Exception? inner = null) : base(message, inner) { }
}
