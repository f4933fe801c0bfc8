using Spd.Formats;

namespace Spd.Text;

/// <summary>What is done to the tokens of a text at last: which come before and after them, and whether spaces are left out of their places.</summary>
/// <param name="Prepended">The tokens that come before those of the text, where special tokens are asked for.</param>
/// <param name="Appended">Those that come after them.</param>
/// <param name="Trimmings">One for each time that spaces are left out: whether a space was put before the text.</param>
internal sealed record PostProcessor(int[] Prepended, int[] Appended, bool[] Trimmings)
{
    public static PostProcessor None { get; } = new([], [], []);

    /// <summary>Reads a post-processor.</summary>
    public static PostProcessor Read(Part part) => part.Type switch
    {
        "Sequence" => part.Get("processors").Elements().Select(Read).Aggregate(None, (inner, outer) => inner.Then(outer)),
        "ByteLevel" => new PostProcessor([], [], Trimming(part)),
        "BertProcessing" => new PostProcessor([Id(part.Get("cls"))], [Id(part.Get("sep"))], []),
        "RobertaProcessing" => new PostProcessor([Id(part.Get("cls"))], [Id(part.Get("sep"))], Trimming(part)),
        "TemplateProcessing" => Template(part),
        _ => throw part.Unsupported("post_processor"),
    };

    /// <summary>The place of a token, in code points, as it is at last.</summary>
    /// <param name="isFirst">Whether the token is the first of the text.</param>
    /// <param name="token">Its text.</param>
    /// <param name="start">Where it starts.</param>
    /// <param name="end">Where it ends.</param>
    public (int Start, int End) Trim(bool isFirst, string token, int start, int end)
    {
        foreach (bool addPrefixSpace in Trimmings)
        {
            int leading = 0, trailing = 0;
            while (leading < token.Length && IsSpace(token[leading])) leading++;
            while (trailing < token.Length && IsSpace(token[^(trailing + 1)])) trailing++;
            // The space that was put before the text takes no room in it.
            if ((isFirst || start == 0) && addPrefixSpace && leading == 1) leading = 0;
            start = Math.Min(start + leading, end);
            if (end >= trailing) end = Math.Max(end - trailing, start);
        }

        return (start, end);
    }

    private static bool IsSpace(char letter) => letter == ByteAlphabet.Space || char.IsWhiteSpace(letter);

    private PostProcessor Then(PostProcessor outer) =>
        new([.. outer.Prepended, .. Prepended], [.. Appended, .. outer.Appended], [.. Trimmings, .. outer.Trimmings]);

    private static bool[] Trimming(Part part) => part.Flag("trim_offsets", true) ? [part.Flag("add_prefix_space", true)] : [];

    /// <summary>The id of <c>["[SEP]", 102]</c>.</summary>
    private static int Id(Part part) => part.Elements() is [_, var id] ? id.AsNumber() : throw new FormatException($"{part.Where} must be a list of a token and its id");

    private static PostProcessor Template(Part part)
    {
        var ids = part.Find("special_tokens") is { } tokens
            ? tokens.Entries().ToDictionary(token => token.Key, token => token.Value.Get("ids").Elements().Select(id => id.AsNumber()).ToArray())
            : [];
        List<int> prepended = [], appended = [];
        int texts = 0;
        foreach (var piece in part.Get("single").Elements())
        {
            if (piece.Find("SpecialToken") is not { } token)
            {
                if (piece.Get("Sequence").Text("id") != "A" || ++texts > 1)
                    throw new FormatException($"{piece.Where} is a second text; templates of one text are supported");
                continue;
            }

            string name = token.Text("id");
            if (!ids.TryGetValue(name, out int[]? added)) throw new FormatException($"{token.Where} names {Quoted.Of(name)}, which is not among its special_tokens");
            (texts == 0 ? prepended : appended).AddRange(added);
        }

        return texts == 1 ? new PostProcessor([.. prepended], [.. appended], []) : throw new FormatException($"{part.Where}.single has no place for the text");
    }
}
