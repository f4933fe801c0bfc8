using System.Text.Json;

namespace Spd.Formats;

/// <summary>
/// The texts in JSON: lists, or values one behind the other (JSON lines), of texts or of objects that have one under a key. No more of a file is in memory than
/// one text with what stands around it. Errors are a <see cref="FormatException"/> with a clause.
/// </summary>
/// <param name="content">The file.</param>
/// <param name="column">The key; null for the usual.</param>
internal sealed class JsonTexts(Stream content, string? column)
{
    private const int MaxDepth = 64, LongestEntry = 1 << 28;

    private readonly string _key = column ?? TextFile.DefaultColumn;
    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end;
    private long _entries;
    private bool _isAtEnd;
    private JsonReaderState _state = new(new JsonReaderOptions { MaxDepth = MaxDepth, AllowMultipleValues = true });

    private enum Entry
    {
        Incomplete,
        Empty,
        Text,
    }

    /// <summary>Reads the texts that are neither null nor empty.</summary>
    public IEnumerable<string> Read()
    {
        Fill();
        if (_buffer.AsSpan(0, _end) is [0xef, 0xbb, 0xbf, ..]) _start = 3;
        while (true)
        {
            var entry = Next(out string? text);
            if (entry == Entry.Text && text!.Length > 0) yield return text;
            if (entry != Entry.Incomplete) continue;
            if (_isAtEnd) yield break;
            Fill();
        }
    }

    /// <summary>Reads on in the file; makes room where an entry fills the buffer.</summary>
    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (_end == _buffer.Length)
        {
            if (_end >= LongestEntry) throw new FormatException($"its entry {_entries + 1} has more than {LongestEntry} bytes; texts so long are read from plain files");
            Array.Resize(ref _buffer, 2 * _end);
        }

        // All that there is room for: an entry is read again from its start whenever there is more of it.
        int room = _buffer.Length - _end, count = content.ReadAtLeast(_buffer.AsSpan(_end), room, throwOnEndOfStream: false);
        _end += count;
        _isAtEnd = count < room;
    }

    private Entry Next(out string? text)
    {
        text = null;
        var json = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _isAtEnd, _state);
        try
        {
            var entry = Next(ref json, ref text);
            if (entry == Entry.Incomplete) return entry;
            _start += (int)json.BytesConsumed;
            _state = json.CurrentState;
            return entry;
        }
        catch (JsonException exception)
        {
            throw new FormatException($"it is no valid JSON in line {exception.LineNumber + 1}", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new FormatException($"its entry {_entries + 1} is no text in UTF-8", exception);
        }
    }

    private Entry Next(ref Utf8JsonReader json, ref string? text)
    {
        if (!json.Read()) return Entry.Incomplete;
        switch (json.TokenType)
        {
            case JsonTokenType.StartArray when json.CurrentDepth == 0:
            case JsonTokenType.EndArray:
                return Entry.Empty;
            case JsonTokenType.Null:
                break;
            case JsonTokenType.String:
                if (column is not null) throw new FormatException($"its entry {_entries + 1} is a text, which has no column {Quoted.Of(column)}");
                text = json.GetString();
                break;
            case JsonTokenType.StartObject:
                if (!TryReadObject(ref json, ref text)) return Entry.Incomplete;
                break;
            default:
                throw new FormatException($"its entry {_entries + 1} is neither a text nor an object with a text under {Quoted.Of(_key)}");
        }

        _entries++;
        return text is null ? Entry.Empty : Entry.Text;
    }

    private bool TryReadObject(ref Utf8JsonReader json, ref string? text)
    {
        bool isFound = false;
        var others = new List<string>();
        while (json.Read())
        {
            if (json.TokenType == JsonTokenType.EndObject)
            {
                return isFound ? true : throw new FormatException(
                    $"its entry {_entries + 1} has no {Quoted.Of(_key)}{(others.Count > 0 ? $"; it has {Quoted.List(others)}: name the one with the text" : "")}");
            }

            bool isMeant = json.ValueTextEquals(_key);
            if (!isMeant && !isFound) others.Add(json.GetString()!);
            if (isMeant && isFound) throw new FormatException($"its entry {_entries + 1} has {Quoted.Of(_key)} twice");
            if (!isMeant)
            {
                if (!json.TrySkip()) return false;
                continue;
            }

            if (!json.Read()) return false;
            if (json.TokenType is not (JsonTokenType.String or JsonTokenType.Null)) throw new FormatException($"{Quoted.Of(_key)} of its entry {_entries + 1} is no text");
            text = json.GetString();
            isFound = true;
        }

        return false;
    }
}
