using System.Buffers;
using System.Buffers.Binary;
using Spd.Formats;

namespace Spd.Text;

/// <summary>Writes a cache of tokens: documents are encoded on several threads, and written in their order.</summary>
internal sealed class TokenCacheWriter
{
    // Texts are handed to threads so many characters at a time, since most documents are short.
    private const int BatchLength = 1 << 16;

    private readonly Stream _stream;
    private readonly int _vocabularySize;
    private readonly byte[] _source, _block = new byte[TokenCacheHeader.BlockBytes];
    private readonly ArrayBufferWriter<byte> _table = new();
    private int _filled;

    /// <summary>Begins a file.</summary>
    public TokenCacheWriter(Stream stream, int vocabularySize, byte[] source)
    {
        (_stream, _vocabularySize, _source) = (stream, vocabularySize, source);
        // What it says is known at the end.
        stream.Write(new byte[TokenCacheHeader.Length]);
    }

    /// <summary>The ids that are written.</summary>
    public long Count { get; private set; }

    /// <summary>Writes documents.</summary>
    public void Write(IEnumerable<TextPart> parts, DocumentEncoder encoder, IProgress<TokenCacheProgress>? progress, CancellationToken cancellation)
    {
        int most = 2 * Environment.ProcessorCount;
        var encoded = new Queue<Task<List<(TextPart Part, int[] Ids)>>>();
        var batch = new List<TextPart>();
        int length = 0;
        long documents = 0;
        bool isInDocument = false;
        foreach (var part in parts)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.Add(part);
            length += part.Text.Length;
            if (length >= BatchLength) Hand();
        }

        Hand();
        while (encoded.Count > 0) WriteFirst();

        void Hand()
        {
            if (encoded.Count == most) WriteFirst();
            var texts = batch;
            encoded.Enqueue(Task.Run(() => texts.ConvertAll(part => (part, encoder.Encode(part.Text))), cancellation));
            (batch, length) = ([], 0);
        }

        void WriteFirst()
        {
            foreach (var (part, ids) in encoded.Dequeue().GetAwaiter().GetResult())
            {
                if (!isInDocument && encoder.Start is { } start) Write(start);
                foreach (int id in ids) Write(id);
                isInDocument = !part.EndsDocument;
                if (isInDocument) continue;
                if (encoder.End is { } end) Write(end);
                documents++;
            }

            progress?.Report(new TokenCacheProgress(documents, Count));
        }
    }

    /// <summary>Writes the table of checksums and the header.</summary>
    public void Finish()
    {
        if (_filled > 0) WriteBlock();
        var table = _table.WrittenSpan;
        _stream.Write(table);
        _stream.Position = 0;
        _stream.Write(new TokenCacheHeader(TokenCacheHeader.WidthFor(_vocabularySize), _vocabularySize, Count, _source).ToBytes(table));
    }

    private void Write(int id)
    {
        if ((uint)id >= (uint)_vocabularySize) throw new ArgumentException($"the tokenizer gives the id {id}, beyond its vocabulary of {_vocabularySize}");
        if (TokenCacheHeader.WidthFor(_vocabularySize) == sizeof(ushort))
        {
            BinaryPrimitives.WriteUInt16LittleEndian(_block.AsSpan(_filled), (ushort)id);
            _filled += sizeof(ushort);
        }
        else
        {
            BinaryPrimitives.WriteInt32LittleEndian(_block.AsSpan(_filled), id);
            _filled += sizeof(int);
        }

        Count++;
        if (_filled == _block.Length) WriteBlock();
    }

    private void WriteBlock()
    {
        var block = _block.AsSpan(0, _filled);
        _stream.Write(block);
        BinaryPrimitives.WriteUInt64LittleEndian(_table.GetSpan(sizeof(ulong)), TokenCacheHeader.Checksum(block));
        _table.Advance(sizeof(ulong));
        _filled = 0;
    }
}
