using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Spd.Formats.Tests;

/// <summary>A request as the server saw it.</summary>
internal sealed record HubRequest(string Method, string Path, string? Authorization, string? Range, bool IsAtStore);

/// <summary>
/// Answers on this machine as huggingface.co does, for one model: a list of files, small files after a redirection within the hub, files in Git LFS after one to
/// a store on another host; and misbehaves as it is told.
/// </summary>
internal sealed class HubServer : IAsyncDisposable
{
    public const string Model = "tiny/model", Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly WebApplication _hub, _store;
    private int _failures, _cuts;

    private HubServer() => (_hub, _store) = (Build(AnswerAsync), Build(AnswerFromStoreAsync));

    /// <summary>The files: content, and whether it is in Git LFS.</summary>
    public Dictionary<string, (byte[] Content, bool IsLarge)> Files { get; } = [];

    /// <summary>What was asked, in order.</summary>
    public ConcurrentQueue<HubRequest> Requests { get; } = [];

    /// <summary>The token without which nothing is given.</summary>
    public string? Token { get; set; }

    /// <summary>What the hub calls the reason of a refusal.</summary>
    public string? RefusalCode { get; set; }

    /// <summary>The next so many requests fail with this status.</summary>
    public (int Count, int Status) Failures { set => (_failures, FailureStatus) = value; }

    /// <summary>The next so many transfers end after so many bytes.</summary>
    public (int Count, int Bytes) Cuts { set => (_cuts, CutBytes) = value; }

    public bool IgnoresRanges { get; set; }

    /// <summary>Sends bytes that do not fit the hash.</summary>
    public bool IsDamaged { get; set; }

    /// <summary>The hub does not compute hashes.</summary>
    public bool HasNoHashes { get; set; }

    /// <summary>Sends nothing any more after the head of an answer.</summary>
    public bool Stalls { get; set; }

    public string Endpoint => _hub.Urls.Single();

    private int FailureStatus { get; set; }

    private int CutBytes { get; set; }

    public static async Task<HubServer> StartAsync()
    {
        var server = new HubServer();
        await server._hub.StartAsync();
        await server._store.StartAsync();
        return server;
    }

    /// <summary>The hash that the hub gives of a file: by Git's rule, or SHA-256.</summary>
    public static string HashOf(byte[] content, bool isLarge) => Convert.ToHexStringLower(isLarge
        ? SHA256.HashData(content)
        : CryptographicOperations.HashData(HashAlgorithmName.SHA1, [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {content.Length}\0")), .. content]));

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        await _store.DisposeAsync();
    }

    private static WebApplication Build(RequestDelegate answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.SetMinimumLevel(LogLevel.None);
        var application = builder.Build();
        application.Run(answer);
        return application;
    }

    private void Record(HttpContext context, bool isAtStore) => Requests.Enqueue(new HubRequest(
        context.Request.Method, context.Request.Path, (string?)context.Request.Headers.Authorization, (string?)context.Request.Headers.Range, isAtStore));

    private async Task AnswerAsync(HttpContext context)
    {
        Record(context, isAtStore: false);
        var response = context.Response;
        string path = context.Request.Path.Value!;
        if (Interlocked.Decrement(ref _failures) >= 0)
        {
            response.StatusCode = FailureStatus;
        }
        else if (Token is not null && context.Request.Headers.Authorization != $"Bearer {Token}")
        {
            Refuse(response, context.Request.Headers.Authorization.Count > 0 ? 403 : 401, RefusalCode ?? "RepoNotFound");
        }
        else if (path.StartsWith($"/api/models/{Model}/revision/", StringComparison.Ordinal))
        {
            string revision = Uri.UnescapeDataString(path.Split('/')[^1]);
            if (revision is not ("main" or "v1" or "refs/pr/1" or Commit)) Refuse(response, 404, "RevisionNotFound");
            else await response.WriteAsync(List());
        }
        else if (path == "/api/models/old/name/revision/main")
        {
            response.Redirect($"/api/models/{Model}/revision/main", permanent: false, preserveMethod: true);
        }
        else if (path.StartsWith("/api/resolve-cache/", StringComparison.Ordinal))
        {
            await SendFileAsync(context, Files[path["/api/resolve-cache/".Length..]].Content);
        }
        else if (path.Split($"/resolve/{Commit}/") is ["/tiny/model" or "/old/name", var name])
        {
            if (Files.TryGetValue(name, out var file)) Resolve(context, name, file.Content, file.IsLarge);
            else Refuse(response, 404, "EntryNotFound");
        }
        else
        {
            Refuse(response, 404, "RepoNotFound");
        }
    }

    private Task AnswerFromStoreAsync(HttpContext context)
    {
        Record(context, isAtStore: true);
        return SendFileAsync(context, Files[context.Request.Path.Value!.TrimStart('/')].Content);
    }

    private string List() => JsonSerializer.Serialize(new
    {
        id = Model,
        sha = Commit,
        cardData = new { language = new[] { "en" } },
        siblings = Files.Keys.Select(name => new { rfilename = name }),
    });

    private static void Refuse(HttpResponse response, int status, string code)
    {
        response.StatusCode = status;
        response.Headers["X-Error-Code"] = code;
    }

    private void Resolve(HttpContext context, string name, byte[] content, bool isLarge)
    {
        var response = context.Response;
        response.Headers["X-Repo-Commit"] = Commit;
        if (isLarge)
        {
            response.Headers["X-Linked-Size"] = content.Length.ToString(CultureInfo.InvariantCulture);
            if (!HasNoHashes) response.Headers["X-Linked-Etag"] = $"\"{HashOf(content, isLarge)}\"";
            response.Redirect($"{_store.Urls.Single()}/{Escaped(name)}");
        }
        else
        {
            response.Redirect($"/api/resolve-cache/{Escaped(name)}", permanent: false, preserveMethod: true);
        }
    }

    private static string Escaped(string name) => string.Join('/', name.Split('/').Select(Uri.EscapeDataString));

    private async Task SendFileAsync(HttpContext context, byte[] content)
    {
        var (request, response) = (context.Request, context.Response);
        bool isLarge = Files.Values.First(file => ReferenceEquals(file.Content, content)).IsLarge;
        // A store has hashes of its own.
        if (!HasNoHashes) response.Headers.ETag = isLarge ? "\"0123456789abcdef\"" : $"W/\"{HashOf(content, isLarge)}\"";
        int from = 0;
        if (!IgnoresRanges && request.GetTypedHeaders().Range?.Ranges.Single().From is { } start)
        {
            from = (int)start;
            response.StatusCode = 206;
            response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {from}-{content.Length - 1}/{content.Length}");
        }

        response.ContentLength = content.Length - from;
        if (HttpMethods.IsHead(request.Method)) return;
        byte[] sent = [.. content[from..]];
        if (IsDamaged) sent[^1] ^= 1;
        if (Stalls)
        {
            await response.StartAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        }

        if (Interlocked.Decrement(ref _cuts) >= 0 && CutBytes < sent.Length)
        {
            await response.Body.WriteAsync(sent.AsMemory(0, CutBytes));
            await response.Body.FlushAsync();
            // So that what was sent arrives before the connection is torn down.
            await Task.Delay(50);
            context.Abort();
            return;
        }

        await response.Body.WriteAsync(sent);
    }
}
