namespace Spd.Formats;

/// <summary>Where a hub is, who asks, and where what it gave is kept: what the variables say that the hub's own library for Python reads.</summary>
public sealed record HubSettings
{
    private const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>The address that all others begin with, without a slash at its end (<c>HF_ENDPOINT</c>).</summary>
    public string Endpoint { get; init; } = DefaultEndpoint;

    /// <summary>The folder of what was downloaded, which is shared with programs in Python (<c>HF_HUB_CACHE</c>; <c>hub</c> in the folder <c>HF_HOME</c>).</summary>
    public required string Cache { get; init; }

    /// <summary>The token of the user, which is sent to the hub alone (<c>HF_TOKEN</c>; the file <c>token</c> in the folder <c>HF_HOME</c>); null where there is none.</summary>
    public string? Token { get; init; }

    /// <summary>Whether only what was downloaded before is used (<c>HF_HUB_OFFLINE</c>).</summary>
    public bool IsOffline { get; init; }

    /// <summary>How often in a row a request may fail that can be tried again.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>The pause before the second attempt; each further one is twice as long.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long no byte may come before a connection counts as lost.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The settings that the environment asks for.</summary>
    /// <param name="environment">Looks up an environment variable; null when it is not set.</param>
    /// <exception cref="HubException">A variable holds what cannot be used.</exception>
    /// <exception cref="IOException">The file with the token cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file with the token may not be read.</exception>
    public static HubSettings FromEnvironment(Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        string user = Given("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string home = Folder("HF_HOME") ?? Path.Combine(Folder("XDG_CACHE_HOME") ?? Path.Combine(user, ".cache"), "huggingface");
        string tokenFile = Folder("HF_TOKEN_PATH") ?? Path.Combine(home, "token");
        string? token = (Given("HF_TOKEN") ?? (File.Exists(tokenFile) ? File.ReadAllText(tokenFile) : null))?.Trim();
        if (token is not null && !token.All(letter => letter is > ' ' and < '\x7f'))
            throw new HubException($"the hub's token, in HF_TOKEN or in {Quoted.Path(tokenFile)}, has characters that no token has: copy it again");
        string endpoint = (Given("HF_ENDPOINT") ?? DefaultEndpoint).TrimEnd('/');
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new HubException($"HF_ENDPOINT is {Quoted.Of(endpoint)}, which is no address of a hub: write one as {DefaultEndpoint}");
        return new HubSettings
        {
            Endpoint = endpoint,
            Cache = Path.GetFullPath(Folder("HF_HUB_CACHE") ?? Folder("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub")),
            Token = token is { Length: > 0 } ? token : null,
            IsOffline = (Given("HF_HUB_OFFLINE") ?? Given("TRANSFORMERS_OFFLINE"))?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE",
        };

        string? Given(string variable) => environment(variable) is { Length: > 0 } value ? value : null;

        string? Folder(string variable) => Given(variable) is not { } path ? null : path == "~" || path.StartsWith("~/", StringComparison.Ordinal) ? user + path[1..] : path;
    }

    /// <summary>The settings but the token, which belongs in no log.</summary>
    public override string ToString() => $"{Endpoint}, {Cache}{(IsOffline ? ", offline" : "")}";
}
