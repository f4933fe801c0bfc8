using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Spd.Formats;

/// <summary>What a hub says of a file: its hash, 64 digits of SHA-256 or 40 of Git's, and its length.</summary>
internal sealed record HubFile(string Name, string Hash, long Size);

/// <summary>Asks a hub for one model. What may go away by itself is tried again, each time after a longer pause.</summary>
internal sealed class HubClient : IDisposable
{
    private const int MostRedirects = 10, LargestList = 1 << 26, MaxDepth = 64;
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private readonly HubName _name;
    private readonly HubSettings _settings;
    private readonly Uri _endpoint;
    private readonly HttpClient _client;

    /// <summary>A client for a model.</summary>
    public HubClient(HubName name, HubSettings settings)
    {
        (_name, _settings, _endpoint) = (name, settings, new Uri(settings.Endpoint));
        // The library drops the token at every redirection, also within the hub; so redirections are followed here.
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = settings.Patience };
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("spd", null));
        // Lengths and hashes are of what the hub stores; it is not to compress on the way.
        _client.DefaultRequestHeaders.AcceptEncoding.ParseAdd("identity");
    }

    public void Dispose() => _client.Dispose();

    /// <summary>The commit that the revision is, and the files in it.</summary>
    public Task<(string Commit, IReadOnlyList<string> Files)> ListAsync(CancellationToken cancellation) => RetryAsync(async () =>
    {
        var address = Address($"api/models/{_name.Repository}/revision/{Uri.EscapeDataString(_name.Revision)}");
        using var response = await SendAsync(HttpMethod.Get, address, 0, cancellation);
        using var bytes = new MemoryStream();
        await ReadAsync(response, LargestList, part => bytes.Write(part.Span), cancellation);
        try
        {
            return StrictJson.Parse<(string, IReadOnlyList<string>)>(bytes.GetBuffer().AsSpan(0, (int)bytes.Length), MaxDepth, "its answer", ParseList);
        }
        catch (FormatException exception)
        {
            throw new HubException($"{Quoted.Path(address.ToString())} does not answer as a hub does: {exception.Message}", exception);
        }
    }, cancellation);

    /// <summary>The hash and the length of a file.</summary>
    public Task<HubFile> DescribeAsync(string commit, string file, CancellationToken cancellation) => RetryAsync(async () =>
    {
        using var response = await SendAsync(HttpMethod.Head, FileAddress(commit, file), 0, cancellation);
        string hash = (Header(response, "X-Linked-Etag") ?? Header(response, "ETag") ?? "").Replace("W/", "", StringComparison.Ordinal).Trim('"');
        if (hash.Length is not (40 or 64) || !hash.All(char.IsAsciiHexDigitLower))
            throw new HubException($"{Quoted.Path(_settings.Endpoint)} gives no hash of {Quoted.Of(file)}, so that it could not be verified: HF_ENDPOINT must name a hub that does");
        return long.TryParse(Header(response, "X-Linked-Size"), out long size) && size >= 0 ? new HubFile(file, hash, size)
            : response.Content.Headers.ContentLength is { } length && !IsRedirection(response) ? new HubFile(file, hash, length)
            : throw new HubException($"{Quoted.Path(_settings.Endpoint)} does not say how long {Quoted.Of(file)} is, so that it could not be verified: HF_ENDPOINT must name a hub that does");
    }, cancellation);

    /// <summary>Downloads a file, going on behind what there is of it; its length is then that of the whole.</summary>
    /// <param name="commit">The commit.</param>
    /// <param name="file">The file.</param>
    /// <param name="path">Where it is written to.</param>
    /// <param name="progress">Is told how far it has come.</param>
    /// <param name="cancellation">Ends the download; what there is stays.</param>
    public async Task DownloadAsync(string commit, HubFile file, string path, IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        await using var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        if (stream.Length > file.Size) stream.SetLength(0);
        stream.Position = stream.Length;
        Report();
        await RetryAsync(async () =>
        {
            if (stream.Position < file.Size) await AppendAsync();
            return true;
        }, cancellation, () => stream.Position);
        stream.Flush(flushToDisk: true);

        async Task AppendAsync()
        {
            using var response = await SendAsync(HttpMethod.Get, FileAddress(commit, file.Name), stream.Position, cancellation);
            if (stream.Position > 0 && (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != stream.Position))
            {
                stream.SetLength(0);
                stream.Position = 0;
                // Most who do not send a part send the whole.
                if (response.StatusCode != HttpStatusCode.OK) throw new LostConnectionException("it sends another part of a file than was asked for");
            }

            await ReadAsync(response, file.Size - stream.Position, part =>
            {
                stream.Write(part.Span);
                Report();
            }, cancellation);
            if (stream.Position < file.Size) throw new LostConnectionException("a transfer was interrupted");
        }

        void Report() => progress?.Report(new HubProgress(file.Name, stream.Position, file.Size));
    }

    private Uri Address(string path) => new($"{_settings.Endpoint}/{path}");

    private Uri FileAddress(string commit, string file) =>
        Address($"{_name.Repository}/resolve/{commit}/{string.Join('/', file.Split('/').Select(Uri.EscapeDataString))}");

    /// <summary>Sends a request, and again to where it is redirected; the token goes to the hub alone. The answer is a success, or a HEAD's that says all of a file.</summary>
    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri address, long from, CancellationToken cancellation)
    {
        for (int hop = 0; hop <= MostRedirects; hop++)
        {
            using var request = new HttpRequestMessage(method, address);
            bool isHub = address.Scheme == _endpoint.Scheme && address.Authority == _endpoint.Authority;
            if (isHub && _settings.Token is { } token) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            if (from > 0) request.Headers.Range = new RangeHeaderValue(from, null);
            var response = await PatientlyAsync(timeout => _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout), cancellation);
            try
            {
                // A file in Git LFS lies elsewhere, where nobody knows its hash.
                bool isComplete = response.IsSuccessStatusCode || (method == HttpMethod.Head && Header(response, "X-Linked-Etag") is not null);
                if (isComplete) return response;
                if (!IsRedirection(response) || response.Headers.Location is not { } location) throw Refusal(response, address, isHub);
                var next = new Uri(address, location);
                if (next.Scheme is not "https" && next.Scheme != address.Scheme)
                    throw new HubException($"{Quoted.Path(address.Host)} redirects to {Quoted.Of(next.ToString())}, which is not safe to follow");
                address = next;
            }
            catch
            {
                response.Dispose();
                throw;
            }

            response.Dispose();
        }

        throw new HubException($"{Quoted.Path(_settings.Endpoint)} redirects in circles: check HF_ENDPOINT");
    }

    /// <summary>Reads the body of an answer part by part.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="most">How many bytes it may have.</param>
    /// <param name="write">Takes each part.</param>
    /// <param name="cancellation">Ends it.</param>
    private async Task ReadAsync(HttpResponseMessage response, long most, Action<ReadOnlyMemory<byte>> write, CancellationToken cancellation)
    {
        await using var content = await PatientlyAsync(response.Content.ReadAsStreamAsync, cancellation);
        byte[] buffer = new byte[1 << 17];
        while (true)
        {
            int count = await PatientlyAsync(timeout => content.ReadAsync(buffer, timeout).AsTask(), cancellation);
            if (count == 0) return;
            most -= count;
            if (most < 0) throw new HubException($"{Quoted.Path(response.RequestMessage!.RequestUri!.Host)} sends more bytes than {Quoted.Of(_name.ToString())} should have: try again later");
            write(buffer.AsMemory(0, count));
        }
    }

    /// <summary>Waits for a network, but not without end.</summary>
    private async Task<T> PatientlyAsync<T>(Func<CancellationToken, Task<T>> wait, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(_settings.Patience);
        try
        {
            return await wait(timeout.Token);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new LostConnectionException($"nothing came for {_settings.Patience.TotalSeconds} s", exception);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            throw new LostConnectionException(exception.Message.TrimEnd('.'), exception);
        }
    }

    /// <summary>Tries something several times; each time that it comes further than before, it may fail as often again.</summary>
    private async Task<T> RetryAsync<T>(Func<Task<T>> attempt, CancellationToken cancellation, Func<long>? position = null)
    {
        long furthest = position?.Invoke() ?? 0;
        for (int failures = 1; ; failures++)
        {
            try
            {
                return await attempt();
            }
            catch (LostConnectionException exception)
            {
                if (position?.Invoke() is { } reached && reached > furthest) (failures, furthest) = (1, reached);
                if (failures >= _settings.Attempts)
                    throw new HubException($"the hub {Quoted.Path(_settings.Endpoint)} cannot be reached ({Quoted.Bare(exception.Message)}): try again later, name a folder with the files instead, or set HF_HUB_OFFLINE=1 to use what was downloaded before", exception);
                var pause = exception.Pause ?? _settings.Pause * Math.Pow(2, failures - 1);
                await Task.Delay(pause < LongestPause ? pause : LongestPause, cancellation);
            }
        }
    }

    private Exception Refusal(HttpResponseMessage response, Uri address, bool isHub)
    {
        string model = Quoted.Of(_name.Repository), page = $"{_settings.Endpoint}/{_name.Repository}";
        int status = (int)response.StatusCode;
        string answer = $"{address.Host} answers {status} {Quoted.Bare(response.ReasonPhrase ?? "")}".TrimEnd();
        if (status is 408 or 429 or >= 500)
            return new LostConnectionException(answer) { Pause = response.Headers.RetryAfter?.Delta };
        return (isHub, status, Header(response, "X-Error-Code")) switch
        {
            (true, 401 or 403, "GatedRepo") => new HubException(_settings.Token is null
                ? $"the model {model} is gated: ask for access at {page}, then set HF_TOKEN to a token of yours"
                : $"the model {model} is gated, and the owner of the token in HF_TOKEN has no access: ask for it at {page}"),
            (true, 401 or 403, _) => new HubException(_settings.Token is null
                ? $"the hub shows the model {model} to nobody without access, or there is none of that name: check the name, or set HF_TOKEN to a token that may read it"
                : $"the hub does not let the owner of the token in HF_TOKEN read the model {model}, or there is none of that name: check the name and HF_TOKEN, and whether {page} shows it"),
            (true, 404, "RevisionNotFound") => new HubException($"the model {model} has no revision {Quoted.Of(_name.Revision)}: {page} shows its branches and tags"),
            (true, 404, "EntryNotFound") => new HubException($"the model {model} lists a file which it does not have: {answer}"),
            (true, 404, _) => new HubException($"there is no model {model} at {Quoted.Path(_settings.Endpoint)}, or it has no revision {Quoted.Of(_name.Revision)}: check the name"),
            _ => new HubException($"the model {model} cannot be downloaded: {answer}"),
        };
    }

    private static bool IsRedirection(HttpResponseMessage response) => (int)response.StatusCode is 301 or 302 or 303 or 307 or 308;

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private static (string Commit, IReadOnlyList<string> Files) ParseList(ref Utf8JsonReader json)
    {
        string? commit = null;
        List<string>? files = null;
        StrictJson.Expect(ref json, JsonTokenType.StartObject, "its answer");
        var keys = new HashSet<string>();
        while (StrictJson.NextKey(ref json, keys, "its answer") is { } key)
        {
            if (key == "sha") commit = json.GetString();
            else if (key == "siblings") files = ParseFiles(ref json);
            else json.Skip();
        }

        // It becomes the name of a folder.
        if (commit is null || !HubName.IsCommit(commit)) throw new FormatException("it names no commit");
        return (commit, files ?? throw new FormatException("it lists no files"));
    }

    private static List<string> ParseFiles(ref Utf8JsonReader json)
    {
        var files = new List<string>();
        StrictJson.Expect(ref json, JsonTokenType.StartArray, "its list of files");
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            StrictJson.Expect(ref json, JsonTokenType.StartObject, "each of its files");
            string? name = null;
            var keys = new HashSet<string>();
            while (StrictJson.NextKey(ref json, keys, "one of its files") is { } key)
            {
                if (key == "rfilename") name = json.GetString();
                else json.Skip();
            }

            files.Add(name ?? throw new FormatException("one of its files has no name"));
        }

        return files;
    }

    /// <summary>A connection that could not be made or was lost, or an answer that may be another soon; the message is a clause.</summary>
    private sealed class LostConnectionException(string message, Exception? inner = null) : Exception(message, inner)
    {
        /// <summary>How long the other side asks to wait.</summary>
        public TimeSpan? Pause { get; init; }
    }
}
