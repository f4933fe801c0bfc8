using Spd.Cli.Tests;

/// <summary>
/// What the runtime calls in the program before <c>Main</c>, where <c>DOTNET_STARTUP_HOOKS</c> names this assembly; the name, outside any namespace, is its choice.
/// </summary>
#pragma warning disable CA1050, MA0047 // The runtime looks for it outside any namespace.
internal static class StartupHook
#pragma warning restore CA1050, MA0047
{
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(Moment.Variable) is { Length: > 0 } text) Moment.Parse(text).Arm();
    }
}
