using System.Text.Json;
using System.Text.Unicode;
using Spd.Formats;

namespace Spd.Text;

/// <summary>What a tokenizer is made of.</summary>
/// <param name="Format">What it was read from, for people.</param>
/// <param name="Normalizer">Changes the letters; null where nothing does.</param>
/// <param name="PreTokenizer">Cuts texts into words; null where a text is one word.</param>
/// <param name="Model">Cuts words into tokens.</param>
/// <param name="Added">The tokens that the model does not see.</param>
/// <param name="SpecialIds">The tokens that are signs and no text.</param>
/// <param name="PostProcessor">What is done at last.</param>
/// <param name="Decoder">Makes text of tokens; null where they are joined by spaces.</param>
/// <param name="BeginningId">The token of a beginning.</param>
/// <param name="EndId">The token of an end.</param>
internal sealed record TokenizerParts(
    string Format, Normalizer? Normalizer, PreTokenizer? PreTokenizer, TokenModel Model, IReadOnlyList<AddedToken> Added,
    IReadOnlyList<int> SpecialIds, PostProcessor PostProcessor, Decoder? Decoder, int? BeginningId, int? EndId)
{
    private const int MaxDepth = 64;

    // What files call the tokens, the commonest first, where nothing beside them says which it is.
    private static readonly string[] Beginnings = ["<s>", "<|begin_of_text|>", "<bos>", "[BOS]", "<|startoftext|>", "[CLS]", "<|endoftext|>"];
    private static readonly string[] Ends = ["</s>", "<|end_of_text|>", "<eos>", "[EOS]", "<|endoftext|>", "[SEP]"];

    /// <summary>Reads <c>tokenizer.json</c>.</summary>
    /// <param name="bytes">Its text.</param>
    /// <param name="configuration">
    /// The text of the <c>tokenizer_config.json</c> beside it, which names the tokens of a beginning and an end; empty where there is none.
    /// </param>
    /// <exception cref="FormatException">It is damaged, or has what is not supported.</exception>
    public static TokenizerParts Read(ReadOnlyMemory<byte> bytes, ReadOnlyMemory<byte> configuration)
    {
        using var document = Parse(bytes, "the file");
        var root = new Part(document.RootElement, "");
        if (root.Value.ValueKind != JsonValueKind.Object) throw new FormatException("it must be an object");
        var model = TokenModel.Read(root.Get("model"));
        List<AddedToken> added = [.. (root.Find("added_tokens")?.Elements() ?? []).Select(AddedToken.Read).Where(token => token.Content.Length > 0)];
        var ids = Ids(model, added);
        var processor = root.Find("post_processor") is { } processing ? PostProcessor.Read(processing) : PostProcessor.None;
        var known = ids.Values.ToHashSet();
        foreach (int id in processor.Prepended.Concat(processor.Appended).Where(id => !known.Contains(id)))
            throw new FormatException($"post_processor adds the token {id}, which is not in the vocabulary");

        using var names = configuration.IsEmpty ? null : Parse(configuration, "tokenizer_config.json beside it");
        var special = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var token in added.Where(token => token.IsSpecial)) special[token.Content] = token.Id;
        return new TokenizerParts(
            "tokenizer.json",
            root.Find("normalizer") is { } normalizer ? Normalizer.Read(normalizer) : null,
            root.Find("pre_tokenizer") is { } preTokenizer ? PreTokenizer.Read(preTokenizer) : null,
            model,
            added,
            [.. special.Values],
            processor,
            root.Find("decoder") is { } decoder ? Decoder.Read(decoder) : null,
            IdOf(names, "bos_token", Beginnings, special, ids),
            IdOf(names, "eos_token", Ends, special, ids));
    }

    /// <summary>All tokens by their spellings.</summary>
    public Dictionary<string, int> Ids() => Ids(Model, Added);

    private static JsonDocument Parse(ReadOnlyMemory<byte> bytes, string what)
    {
        if (bytes.Span is [0xef, 0xbb, 0xbf, ..]) bytes = bytes[3..];
        // The parser checks the encoding only of the texts that are asked for.
        if (!Utf8.IsValid(bytes.Span)) throw new FormatException($"{what} is no valid JSON text");
        try
        {
            return JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new FormatException(
                exception.Message.Contains("uplicate", StringComparison.Ordinal) ? $"{what} has a key twice in one object" : $"{what} is no valid JSON text", exception);
        }
    }

    /// <summary>All tokens; refuses two that are one.</summary>
    private static Dictionary<string, int> Ids(TokenModel model, IReadOnlyList<AddedToken> added)
    {
        var ids = new Dictionary<string, int>(model.Vocabulary, StringComparer.Ordinal);
        var names = ids.ToDictionary(token => token.Value, token => token.Key);
        foreach (var token in added)
        {
            if (ids.TryGetValue(token.Content, out int id) && id != token.Id)
                throw new FormatException($"the added token {Quoted.Of(token.Content)} has the id {token.Id}, and {id} too");
            if (names.TryGetValue(token.Id, out string? other) && other != token.Content)
                throw new FormatException($"the added token {Quoted.Of(token.Content)} has the id {token.Id} of {Quoted.Of(other)}");
            ids[token.Content] = token.Id;
            names[token.Id] = token.Content;
        }

        return ids;
    }

    private static int? IdOf(JsonDocument? names, string key, string[] usual, Dictionary<string, int> special, Dictionary<string, int> ids)
    {
        if (names is not null && new Part(names.RootElement, "").Find(key) is { } part)
        {
            string name = part.Value.ValueKind == JsonValueKind.Object ? part.Text("content") : part.AsText();
            return ids.TryGetValue(name, out int id)
                ? id
                : throw new FormatException($"tokenizer_config.json beside it has the {key} {Quoted.Of(name)}, which is not in the vocabulary");
        }

        return names is null && usual.FirstOrDefault(special.ContainsKey) is { } found ? special[found] : null;
    }
}
