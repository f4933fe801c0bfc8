using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Spd.Formats;

/// <summary>What stands before the numbers of an array, in NumPy's <c>.npy</c> or in an IDX file. All errors are a <see cref="FormatException"/>.</summary>
/// <param name="Type">The type of the numbers.</param>
/// <param name="IsBigEndian">Whether their bytes lie in the reverse order.</param>
/// <param name="IsFortran">Whether the first index runs fastest.</param>
/// <param name="Shape">The dimensions.</param>
/// <param name="Length">Bytes of the header itself.</param>
internal sealed record ArrayHeader(NumberType Type, bool IsBigEndian, bool IsFortran, int[] Shape, long Length)
{
    private const int LargestText = 1 << 16, MostDimensions = 64;

    private static readonly Dictionary<string, NumberType> NumpyTypes = new()
    {
        ["f8"] = NumberType.F64,
        ["f4"] = NumberType.F32,
        ["f2"] = NumberType.F16,
        ["i8"] = NumberType.I64,
        ["i4"] = NumberType.I32,
        ["i2"] = NumberType.I16,
        ["i1"] = NumberType.I8,
        ["u8"] = NumberType.U64,
        ["u4"] = NumberType.U32,
        ["u2"] = NumberType.U16,
        ["u1"] = NumberType.U8,
        ["b1"] = NumberType.BOOL,
    };

    /// <summary>Reads a header, and leaves the stream at the first number.</summary>
    /// <exception cref="EndOfStreamException">The stream ends before.</exception>
    public static ArrayHeader Read(Stream stream)
    {
        byte[] start = Take(stream, 4);
        return start switch
        {
            [0x93, (byte)'N', (byte)'U', (byte)'M'] => ReadNumpy(stream),
            [0, 0, var type, var dimensions] => ReadIdx(stream, type, dimensions),
            _ => throw new FormatException("it is neither NumPy's (.npy, .npz), nor IDX (as MNIST's), nor a table (CSV, Parquet)"),
        };
    }

    /// <summary>Refuses a header that claims more numbers than there can be.</summary>
    /// <param name="available">The most bytes that header and numbers can have.</param>
    public void CheckFits(long available)
    {
        Int128 count = Shape.Contains(0) ? 0 : 1;
        int size = Type.Size();
        foreach (int dimension in Shape)
        {
            count *= dimension;
            if (count * size > available - Length || count > Array.MaxLength)
            {
                throw new FormatException(
                    $"its header claims the shape [{string.Join(", ", Shape)}] of numbers of {size} bytes, more than the file can hold; "
                    + "it is cut short or damaged");
            }
        }
    }

    /// <summary>Reads the numbers behind a header that fits, to the end of the stream.</summary>
    /// <exception cref="EndOfStreamException">There are fewer.</exception>
    public float[] ReadNumbers(Stream stream)
    {
        long count = Strided.Count(Shape);
        float[] values = Numbers.Read(stream, Type, count, "it", IsBigEndian);
        if (stream.ReadByte() >= 0) throw new FormatException($"bytes that belong to nothing follow its {count} numbers");
        return IsFortran ? Strided.ToRowMajor(values, 0, Shape, Strided.ColumnMajorStrides(Shape)) : values;
    }

    private static ArrayHeader ReadIdx(Stream stream, byte code, int dimensions)
    {
        var type = code switch
        {
            0x08 => NumberType.U8,
            0x09 => NumberType.I8,
            0x0b => NumberType.I16,
            0x0c => NumberType.I32,
            0x0d => NumberType.F32,
            0x0e => NumberType.F64,
            _ => throw new FormatException($"it begins as an IDX file, but there is no type of numbers 0x{code:x2}"),
        };
        if (dimensions is 0 or > MostDimensions) throw new FormatException($"it has {dimensions} dimensions; 1 to {MostDimensions} are read");
        byte[] sizes = Take(stream, dimensions * sizeof(uint));
        int[] shape = [.. Enumerable.Range(0, dimensions).Select(axis => Dimension(BinaryPrimitives.ReadUInt32BigEndian(sizes.AsSpan(axis * sizeof(uint)))))];
        return new ArrayHeader(type, IsBigEndian: true, IsFortran: false, shape, 4 + sizes.Length);
    }

    private static ArrayHeader ReadNumpy(Stream stream)
    {
        byte[] rest = Take(stream, 4);
        if (rest is not [(byte)'P', (byte)'Y', 1 or 2 or 3, 0])
            throw new FormatException("it is of a version of .npy that is not known; 1.0, 2.0 and 3.0 are read");
        long length = rest[2] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(Take(stream, 2)) : BinaryPrimitives.ReadUInt32LittleEndian(Take(stream, 4));
        if (length > LargestText) throw new FormatException($"its header claims {length} bytes; at most {LargestText} are read");
        var header = new NumpyText(Encoding.Latin1.GetString(Take(stream, (int)length)));
        return header.Parse() with { Length = (rest[2] == 1 ? 10 : 12) + length };
    }

    private static byte[] Take(Stream stream, int count)
    {
        byte[] bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static int Dimension(long size) =>
        size <= int.MaxValue ? (int)size : throw new FormatException($"it has a dimension of {size}; at most {int.MaxValue} is read");

    /// <summary>Reads a dictionary as Python writes it: <c>{'descr': '&lt;f4', 'fortran_order': False, 'shape': (3, 4), }</c>. Nothing is evaluated.</summary>
    private sealed class NumpyText(string text)
    {
        private int _at;

        public ArrayHeader Parse()
        {
            (NumberType Type, bool IsBigEndian)? numbers = null;
            bool? isFortran = null;
            int[]? shape = null;
            Expect('{');
            while (!Accept('}'))
            {
                string key = Quotation();
                Expect(':');
                switch (key)
                {
                    case "descr" when numbers is null: numbers = Numbers(); break;
                    case "fortran_order" when isFortran is null: isFortran = Accept("True") || (Accept("False") ? false : throw Damaged()); break;
                    case "shape" when shape is null: shape = Shape(); break;
                    default: throw new FormatException($"its header has the key {Quoted.Of(key)}, which is unknown or stands twice");
                }

                if (!Accept(','))
                {
                    Expect('}');
                    break;
                }
            }

            SkipSpace();
            if (_at < text.Length || numbers is null || isFortran is null || shape is null) throw Damaged();
            return new ArrayHeader(numbers.Value.Type, numbers.Value.IsBigEndian, isFortran.Value, shape, 0);
        }

        private (NumberType Type, bool IsBigEndian) Numbers()
        {
            if (Accept('[')) throw new FormatException("it is a table of named fields: save each field as an array of its own");
            string type = Quotation();
            if (type.Contains('O', StringComparison.Ordinal))
                throw new FormatException("it holds Python objects, whose reading might run code: save it as an array of numbers");
            if (type.Length == 0 || !"<>|=".Contains(type[0], StringComparison.Ordinal) || !NumpyTypes.TryGetValue(type[1..], out var numbers))
                throw new FormatException($"its numbers are of the type {Quoted.Of(type)}; {string.Join(", ", NumpyTypes.Keys)} are read");
            return (numbers, type[0] == '>');
        }

        private int[] Shape()
        {
            var shape = new List<int>();
            Expect('(');
            while (!Accept(')'))
            {
                SkipSpace();
                int start = _at;
                while (_at < text.Length && char.IsAsciiDigit(text[_at])) _at++;
                if (!long.TryParse(text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out long size)) throw Damaged();
                // Python 2 wrote long numbers so.
                Accept('L');
                shape.Add(Dimension(size));
                if (shape.Count > MostDimensions) throw new FormatException($"it has more than {MostDimensions} dimensions");
                if (!Accept(','))
                {
                    Expect(')');
                    break;
                }
            }

            return [.. shape];
        }

        private string Quotation()
        {
            char quote = Accept('\'') ? '\'' : Accept('"') ? '"' : throw Damaged();
            int end = text.IndexOf(quote, _at);
            if (end < 0) throw Damaged();
            string quotation = text[_at..end];
            _at = end + 1;
            return quotation;
        }

        private bool Accept(char letter)
        {
            SkipSpace();
            if (_at >= text.Length || text[_at] != letter) return false;
            _at++;
            return true;
        }

        private bool Accept(string word)
        {
            SkipSpace();
            if (!text.AsSpan(_at).StartsWith(word, StringComparison.Ordinal)) return false;
            _at += word.Length;
            return true;
        }

        private void Expect(char letter)
        {
            if (!Accept(letter)) throw Damaged();
        }

        private void SkipSpace()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at])) _at++;
        }

        private FormatException Damaged() => new($"its header {Quoted.Of(text.Trim())} is not as NumPy writes it");
    }
}
