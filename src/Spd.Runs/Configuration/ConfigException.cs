namespace Spd.Runs.Configuration;

/// <summary>A configuration cannot be used as it is; the message is one sentence that says where, what, and what to do.</summary>
public sealed class ConfigException : Exception
{
    /// <summary>An exception with its sentence.</summary>
    public ConfigException(string message, Exception? inner = null) : base(message, inner) { }
}
