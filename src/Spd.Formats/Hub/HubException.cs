namespace Spd.Formats;

/// <summary>A hub does not give what is asked of it, or a name is none of a hub's; the message is one sentence that says what to do.</summary>
public sealed class HubException : IOException
{
    /// <summary>An exception with its sentence.</summary>
    public HubException(string message, Exception? inner = null) : base(message, inner) { }
}
