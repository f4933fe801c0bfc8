using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Spd.Formats;

/// <summary>The elements of a storage: which entry of the archive, of which type, how many.</summary>
internal sealed record TorchStorage(string Key, string Type, long Count);

/// <summary>A tensor as it is pickled: a view of a storage, of a type as PyTorch calls it (<c>float32</c>).</summary>
internal sealed record TorchTensor(TorchStorage Storage, string Type, long Offset, long[] Shape, long[] Strides);

/// <summary>
/// A reader of Python's pickles as PyTorch writes them. It never runs code: a pickle names the functions that build its objects, and only those on a closed
/// list, each with a harmless counterpart here, are known. All others are refused by name.
/// </summary>
/// <remarks>
/// Dictionaries become lists of pairs (<see cref="Dict"/>), lists and sets <see cref="List{T}"/>, tuples arrays, numbers <see cref="long"/>,
/// <see cref="double"/> or <see cref="bool"/>.
/// </remarks>
internal sealed class Pickle
{
    private const string Rebuild = "torch._utils._rebuild_tensor_v2", RebuildOld = "torch._utils._rebuild_tensor";
    private const string Parameter = "torch._utils._rebuild_parameter", ParameterWithState = "torch._utils._rebuild_parameter_with_state";
    private const string OrderedDict = "collections.OrderedDict", Size = "torch.Size", Device = "torch.device";

    // What one instruction can copy of things that stand in the pickle once, in all.
    private const int MostCopied = 1_000_000;

    private const int MostDimensions = 16;

    private static readonly HashSet<string> Constructors =
        [Rebuild, RebuildOld, Parameter, ParameterWithState, OrderedDict, Size, Device, "builtins.set", "__builtin__.set", "builtins.dict"];

    private static readonly Dictionary<string, string> StorageTypes = new()
    {
        ["Float"] = "float32",
        ["Double"] = "float64",
        ["Half"] = "float16",
        ["BFloat16"] = "bfloat16",
        ["Long"] = "int64",
        ["Int"] = "int32",
        ["Short"] = "int16",
        ["Char"] = "int8",
        ["Byte"] = "uint8",
        ["Bool"] = "bool",
        ["ComplexFloat"] = "complex64",
        ["ComplexDouble"] = "complex128",
    };

    private readonly byte[] _bytes;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly Dictionary<long, object?> _memo = [];
    private int _at, _copied;

    private Pickle(byte[] bytes) => _bytes = bytes;

    /// <summary>Reads a pickle.</summary>
    /// <exception cref="FormatException">It is damaged, or needs what is not on the list; a clause says what.</exception>
    public static object? Read(byte[] bytes) => new Pickle(bytes).Run();

    private object? Run()
    {
        while (true)
        {
            byte opcode = Byte();
            switch (opcode)
            {
                case (byte)'.': return Pop();
                case 0x80: Byte(); break;                                                                       // PROTO
                case 0x95: Skip(8); break;                                                                      // FRAME
                case (byte)'(': _marks.Push(_stack.Count); break;
                case (byte)'0': Pop(); break;
                case (byte)'1': PopMark(); break;
                case (byte)'2': Push(Top()); break;
                case (byte)'N': Push(null); break;
                case 0x88: Push(true); break;
                case 0x89: Push(false); break;
                case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
                case (byte)'K': Push((long)Byte()); break;
                case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
                case (byte)'I': Push(Whole(Line())); break;
                case (byte)'L': Push(Whole(Line().TrimEnd('L'))); break;
                case 0x8a: PushLong(new BigInteger(Take(Byte()))); break;                                       // LONG1
                case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
                case (byte)'F': Push(double.TryParse(Line(), CultureInfo.InvariantCulture, out double number) ? number : throw Damaged()); break;
                case (byte)'X' or (byte)'T' or (byte)'B': Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
                case 0x8c or (byte)'U' or (byte)'C': Push(Text(Byte())); break;
                case 0x8d or 0x8e: Push(Text(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)))); break;
                case (byte)')': Push(Array.Empty<object?>()); break;
                case (byte)'t': Push(PopMark().ToArray()); break;
                case 0x85: Push(PopMany(1)); break;
                case 0x86: Push(PopMany(2)); break;
                case 0x87: Push(PopMany(3)); break;
                case (byte)']' or 0x8f: Push(new List<object?>()); break;
                case (byte)'l' or 0x91: Push(PopMark()); break;
                case (byte)'a': AddTo([Pop()]); break;
                case (byte)'e' or 0x90: AddTo(PopMark()); break;
                case (byte)'}': Push(new Dict()); break;
                case (byte)'d': Push(Dict.Of(PopMark()) ?? throw Damaged()); break;
                case (byte)'s': SetIn([.. PopMany(2)]); break;
                case (byte)'u': SetIn(PopMark()); break;
                case (byte)'h': Push(Remembered(Byte())); break;
                case (byte)'j': Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
                case (byte)'g': Push(Remembered(Whole(Line()))); break;
                case (byte)'q': _memo[Byte()] = Top(); break;
                case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Top(); break;
                case (byte)'p': _memo[Whole(Line())] = Top(); break;
                case 0x94: _memo[_memo.Count] = Top(); break;                                                   // MEMOIZE
                case (byte)'c': Push(Known(Line(), Line())); break;
                case 0x93: Push(PopMany(2) is [string module, string name] ? Known(module, name) : throw Damaged()); break;
                case (byte)'R': Push(PopMany(2) is [Named function, object?[] arguments] ? Call(function.Name, arguments) : throw Damaged()); break;
                case 0x81: Push(PopMany(2) is [Named type, object?[] arguments2] ? Call(type.Name, arguments2) : throw Damaged()); break;
                case (byte)'b': Build(); break;
                case (byte)'Q': Push(Storage(Pop())); break;
                default:
                    throw new FormatException(
                        $"its pickle has the instruction 0x{opcode:x2}, which weights do not need: save them with torch.save(model.state_dict(), path)");
            }
        }
    }

    private static Named Known(string module, string name)
    {
        string full = $"{module}.{name}";
        bool isStorage = module == "torch" && name.EndsWith("Storage", StringComparison.Ordinal) && StorageTypes.ContainsKey(name[..^"Storage".Length]);
        bool isElement = module == "torch" && Numbers.Dtypes.ContainsKey(name);
        return isStorage || isElement || Constructors.Contains(full)
            ? new Named(full)
            : throw new FormatException(
                $"it asks for {Quoted.Of(full)}, which is not needed for weights and might run code: save them with torch.save(model.state_dict(), path)");
    }

    private object? Call(string function, object?[] arguments) => function switch
    {
        OrderedDict or "builtins.dict" when arguments is [] => new Dict(),
        OrderedDict or "builtins.dict" when arguments is [List<object?> pairs] =>
            OfPairs(pairs),
        Size when arguments is [object?[] sizes] => sizes,
        Device => "device",
        "builtins.set" or "__builtin__.set" when arguments is [List<object?> items] => items,
        "builtins.set" or "__builtin__.set" when arguments is [] => new List<object?>(),
        // The seventh argument says whether the numbers have yet to be negated or conjugated.
        Rebuild when arguments is [_, _, _, _, _, _, not null and not Dict { Pairs: [] }, ..] =>
            throw new FormatException("it has a tensor that is a lazy view: save it again after tensor.resolve_neg().resolve_conj()"),
        Rebuild or RebuildOld when arguments is [TorchStorage storage, long offset, object?[] shape, object?[] strides, ..] =>
            new TorchTensor(storage, StorageTypes[storage.Type], offset, Sizes(shape), Sizes(strides)),
        Parameter or ParameterWithState when arguments is [TorchTensor tensor, ..] => tensor,
        _ => throw new FormatException($"it calls {Quoted.Of(function)} with other arguments than PyTorch does"),
    };

    private static TorchStorage Storage(object? id) => id is object?[] and ["storage", Named type, string key, _, long count]
        && count >= 0 && type.Name.EndsWith("Storage", StringComparison.Ordinal)
        ? new TorchStorage(key, type.Name["torch.".Length..^"Storage".Length], count)
        : throw new FormatException("it has a storage that is not described as PyTorch does");

    /// <summary>State that is set on an object: of a dictionary only its <c>_metadata</c>, which says nothing about weights.</summary>
    private void Build()
    {
        Pop();
        if (Top() is not Dict)
            throw new FormatException("it sets the state of an object that is no dictionary: save weights with torch.save(model.state_dict(), path)");
    }

    private void AddTo(List<object?> items)
    {
        if (Top() is not List<object?> list) throw Damaged();
        list.AddRange(items);
    }

    private void SetIn(List<object?> items)
    {
        if (Top() is not Dict dict || Dict.Of(items) is not { } added) throw Damaged();
        dict.Pairs.AddRange(added.Pairs);
    }

    private object? Remembered(long key) => _memo.TryGetValue(key, out object? value) ? value : throw Damaged();

    private void Push(object? value) => _stack.Add(value);

    private void PushLong(BigInteger number)
    {
        if (number >= long.MinValue && number <= long.MaxValue) Push((long)number);
        else Push((double)number);
    }

    private object? Top() => _stack.Count > Floor ? _stack[^1] : throw Damaged();

    private object? Pop()
    {
        object? top = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private object?[] PopMany(int count)
    {
        if (_stack.Count - Floor < count) throw Damaged();
        object?[] items = [.. _stack[^count..]];
        _stack.RemoveRange(_stack.Count - count, count);
        return items;
    }

    private List<object?> PopMark()
    {
        if (!_marks.TryPop(out int mark)) throw Damaged();
        var items = _stack[mark..];
        _stack.RemoveRange(mark, items.Count);
        return items;
    }

    /// <summary>What lies before the last mark is not to be taken.</summary>
    private int Floor => _marks.TryPeek(out int mark) ? mark : 0;

    private byte Byte() => _at < _bytes.Length ? _bytes[_at++] : throw Damaged();

    private void Skip(int count) => Take(count);

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _at) throw Damaged();
        _at += count;
        return _bytes.AsSpan(_at - count, count);
    }

    private string Text(ulong length) => length <= (ulong)(_bytes.Length - _at) ? Encoding.UTF8.GetString(Take((int)length)) : throw Damaged();

    private string Line()
    {
        int end = Array.IndexOf(_bytes, (byte)'\n', _at);
        if (end < 0) throw Damaged();
        string line = Encoding.UTF8.GetString(_bytes, _at, end - _at);
        _at = end + 1;
        return line;
    }

    private static long Whole(string text) => long.TryParse(text, CultureInfo.InvariantCulture, out long number) ? number : throw Damaged();

    private static long[] Sizes(object?[] values) => values.Length <= MostDimensions
        ? [.. values.Select(value => value is long number ? number : throw Damaged())]
        : throw new FormatException($"it has a tensor with {values.Length} dimensions; at most {MostDimensions} are read");

    private Dict OfPairs(List<object?> pairs)
    {
        _copied += pairs.Count;
        if (_copied > MostCopied) throw new FormatException($"its pickle copies more than {MostCopied} things");
        var dict = new Dict();
        foreach (object? pair in pairs)
            dict.Pairs.Add(pair is IReadOnlyList<object?> { Count: 2 } and [var key, var value] ? (key, value) : throw Damaged());
        return dict;
    }

    private static FormatException Damaged() => new("its pickle is damaged");

    /// <summary>A function or type on the list.</summary>
    internal sealed record Named(string Name);

    /// <summary>A dictionary, in the order in which it was filled.</summary>
    internal sealed class Dict
    {
        public List<(object? Key, object? Value)> Pairs { get; } = [];

        public static Dict? Of(List<object?> items)
        {
            if (items.Count % 2 != 0) return null;
            var dict = new Dict();
            for (int i = 0; i < items.Count; i += 2) dict.Pairs.Add((items[i], items[i + 1]));
            return dict;
        }
    }
}
