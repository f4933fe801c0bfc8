using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace Spd.Formats;

/// <summary>The elements of a storage, which may belong to several tensors.</summary>
/// <param name="Key">What the file calls it.</param>
/// <param name="Type">The type of its elements as PyTorch calls it, <c>float32</c>; null where only its bytes are known.</param>
/// <param name="Size">Bytes of an element.</param>
/// <param name="Count">How many there are.</param>
internal sealed record TorchStorage(string Key, string? Type, int Size, long Count);

/// <summary>A tensor as it is pickled: a view of a storage, of a type as PyTorch calls it (<c>float32</c>).</summary>
/// <param name="Storage">Its elements; null where they do not lie in one storage, and it is not read.</param>
/// <param name="Type">Its type.</param>
/// <param name="Offset">Its first element in the storage.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Strides">How many elements lie between neighbours along each of them.</param>
internal sealed record TorchTensor(TorchStorage? Storage, string Type, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>Why it cannot be read, as a clause; null where nothing is known against it.</summary>
    public string? Unreadable { get; init; }
}

/// <summary>
/// A reader of Python's pickles as PyTorch writes them, in every protocol. It never runs code and imports nothing: a pickle names the functions that build its
/// objects; those of tensors and containers have a harmless counterpart here, and what any other would build becomes a placeholder (<see cref="Opaque"/>).
/// </summary>
/// <remarks>
/// Dictionaries become lists of pairs (<see cref="Dict"/>), lists and sets <see cref="List{T}"/>, tuples arrays, numbers <see cref="long"/>,
/// <see cref="double"/> or <see cref="bool"/>.
/// </remarks>
internal sealed partial class Pickle
{
    private const string Rebuild = "torch._utils._rebuild_tensor_v2", RebuildOld = "torch._utils._rebuild_tensor", RebuildNew = "torch._utils._rebuild_tensor_v3";
    private const string Parameter = "torch._utils._rebuild_parameter", ParameterWithState = "torch._utils._rebuild_parameter_with_state";
    private const string Size = "torch.Size", Device = "torch.device";

    // What one instruction can copy of things that stand in the pickle once, in all.
    private const int MostCopied = 1_000_000;

    // A model of 100 000 tensors makes two million things; on the stack lie a thousand items of a dictionary at a time.
    private const int MostThings = 8_000_000, MostOnStack = 1_000_000, MostDimensions = 16;

    private static readonly Dictionary<string, (string? Type, int Size)> StorageTypes = new()
    {
        ["Float"] = ("float32", 4),
        ["Double"] = ("float64", 8),
        ["Half"] = ("float16", 2),
        ["BFloat16"] = ("bfloat16", 2),
        ["Long"] = ("int64", 8),
        ["Int"] = ("int32", 4),
        ["Short"] = ("int16", 2),
        ["Char"] = ("int8", 1),
        ["Byte"] = ("uint8", 1),
        ["Bool"] = ("bool", 1),
        ["ComplexFloat"] = ("complex64", 8),
        ["ComplexDouble"] = ("complex128", 16),
        ["QInt8"] = ("qint8", 1),
        ["QUInt8"] = ("quint8", 1),
        ["QInt32"] = ("qint32", 4),
        ["QUInt4x2"] = ("quint4x2", 1),
        ["QUInt2x4"] = ("quint2x4", 1),
        ["Untyped"] = (null, 1),
    };

    private static readonly HashSet<string> Dictionaries =
        ["collections.OrderedDict", "builtins.dict", "__builtin__.dict", "collections.defaultdict", "collections.Counter"];

    private static readonly HashSet<string> Lists =
        ["builtins.list", "__builtin__.list", "builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset", "collections.deque"];

    // They are given the class of what they make.
    private static readonly HashSet<string> Makers =
        ["copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__", "copy_reg.__newobj__", "numpy.core.multiarray._reconstruct",
            "numpy._core.multiarray._reconstruct"];

    private static readonly object BytesOfAny = new();

    private readonly byte[] _bytes;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = new();

    // Numbered from 0 by all that write pickles; other numbers are looked up.
    private readonly List<object?> _memo = [];
    private readonly Dictionary<long, object?> _memoOfOthers = [];
    private readonly Dictionary<string, TorchStorage> _storages = new(StringComparer.Ordinal);
    private int _at, _copied, _things;

    private Pickle(byte[] bytes, int start) => (_bytes, _at) = (bytes, start);

    /// <summary>Reads a pickle.</summary>
    /// <exception cref="FormatException">It is damaged, or far larger than those of weights; a clause says what.</exception>
    public static object? Read(byte[] bytes)
    {
        int at = 0;
        return Read(bytes, ref at).Value;
    }

    /// <summary>Reads one of several pickles.</summary>
    /// <param name="bytes">The pickles.</param>
    /// <param name="at">Where it begins; then where it ends.</param>
    /// <returns>What it holds, and all the storages that it names.</returns>
    /// <inheritdoc cref="Read(byte[])"/>
    public static (object? Value, IReadOnlyDictionary<string, TorchStorage> Storages) Read(byte[] bytes, ref int at)
    {
        var pickle = new Pickle(bytes, at);
        object? value = pickle.Run();
        at = pickle._at;
        return (value, pickle._storages);
    }

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
                case (byte)'(': Mark(); break;
                case (byte)'0': Pop(); break;
                case (byte)'1': PopMark(); break;
                case (byte)'2': Push(Top()); break;
                case (byte)'N': Push(null); break;
                case 0x88: Push(true); break;
                case 0x89: Push(false); break;
                case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
                case (byte)'K': Push((long)Byte()); break;
                case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
                case (byte)'I': Push(Line() switch { "01" => true, "00" => false, var digits => Whole(digits) }); break;
                case (byte)'L': PushLong(Line().TrimEnd('L')); break;
                case 0x8a: PushLong(new BigInteger(Take(Byte()))); break;                                       // LONG1
                case 0x8b: PushLong(new BigInteger(Take(Length(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))))); break;
                case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
                case (byte)'F': Push(double.TryParse(Line(), CultureInfo.InvariantCulture, out double number) ? number : throw Damaged()); break;
                case (byte)'S': Push(Line().Trim('\'', '"')); break;
                case (byte)'V': Push(EscapedLetter().Replace(Line(Encoding.Latin1), match => $"{(char)Convert.ToUInt16(match.Groups[1].Value, 16)}")); break;
                case (byte)'X' or (byte)'T': Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
                case 0x8c or (byte)'U': Push(Text(Byte())); break;
                case 0x8d: Push(Text(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)))); break;                 // BINUNICODE8
                case (byte)'C': PushBytes(Byte()); break;
                case (byte)'B': PushBytes(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
                case 0x8e or 0x96: PushBytes(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))); break;
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
                case (byte)'q': Remember(Byte()); break;
                case (byte)'r': Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
                case (byte)'p': Remember(Whole(Line())); break;
                case 0x94: Remember(_memo.Count); break;                                                        // MEMOIZE
                case (byte)'c': Push(new Named($"{Line()}.{Line()}")); break;
                case 0x93: Push(PopMany(2) is [string module, string name] ? new Named($"{module}.{name}") : throw Damaged()); break;
                case (byte)'R' or 0x81: PushCall([.. PopMany(2)]); break;                                       // REDUCE, NEWOBJ
                case 0x92: PushCall([.. PopMany(3)[..2]]); break;                                               // NEWOBJ_EX
                case (byte)'i': Push(Call($"{Line()}.{Line()}", PopMark().ToArray())); break;
                case (byte)'o': PushCall(PopMark() is [var type, .. var arguments] ? [type, arguments.ToArray()] : throw Damaged()); break;
                case (byte)'b': Build(); break;
                case (byte)'Q': Push(Persistent(Pop())); break;
                case (byte)'P': Push(Persistent(Line())); break;
                default:
                    throw new FormatException(
                        $"its pickle has the instruction 0x{opcode:x2}, which weights do not need: save them with torch.save(model.state_dict(), path)");
            }
        }
    }

    private void PushCall(object?[] call) => Push(call switch
    {
        [Named function, object?[] arguments] => Call(function.Name, arguments),
        // What a placeholder would make is one too.
        [Opaque maker, object?[] arguments] => Call(maker.Type, arguments),
        _ => throw Damaged(),
    });

    private object? Call(string function, object?[] arguments)
    {
        switch (function)
        {
            case Size when arguments is [object?[] sizes]: return sizes;
            case Device: return "device";
            case Rebuild or RebuildOld or RebuildNew or Parameter or ParameterWithState: return Tensor(function, arguments);
            // A class derived from the tensors: the function that makes the tensor itself, the class, that function's arguments, and more.
            case "torch._tensor._rebuild_from_type_v2" or "torch._tensor._rebuild_from_type" when arguments is [Named { Name: Rebuild or RebuildNew } made, _, object?[] more, ..]:
                return Tensor(made.Name, more);
            case "torch._utils._rebuild_qtensor" when arguments is [TorchStorage storage, _, object?[] shape, ..]:
                return NotRead(storage.Type ?? "quantised", shape, "it is quantised: save it again after tensor.dequantize()");
            case "torch._utils._rebuild_sparse_tensor" or "torch._utils._rebuild_sparse_csr_tensor" when arguments is [_, object?[] parts]:
                return NotRead("sparse", Array.FindLast(parts, part => part is object?[]) as object?[] ?? [], "it is sparse: save it again after tensor.to_dense()");
            case "torch._utils._rebuild_meta_tensor_no_storage" when arguments is [_, object?[] shape, ..]:
                return NotRead("meta", shape, "it lies on PyTorch's meta device, and has no values");
            case "torch._utils._rebuild_device_tensor_from_numpy" or "torch._utils._rebuild_device_tensor_from_cpu_tensor" or "torch._utils._rebuild_xla_tensor":
                return NotRead("device", [], "it lies on a device other than CPU and CUDA: save it again after tensor.cpu()");
        }

        if (Dictionaries.Contains(function) && arguments is [.. { Length: <= 1 }, var last] && last is Dict or List<object?>) return OfPairs(last);
        if (Dictionaries.Contains(function) && arguments.Length <= 1) return new Dict();
        if (Lists.Contains(function) && arguments is [] or [List<object?>, ..]) return arguments is [List<object?> items, ..] ? items : new List<object?>();
        if (Array.Find(arguments, argument => argument is TorchTensor) is TorchTensor inner)
        {
            // Which may change its values.
            return inner with { Storage = null, Unreadable = $"it is made by {Quoted.Of(function)}, which might run code and is not run: save it as a plain tensor" };
        }

        return new Opaque(Makers.Contains(function) && arguments is [Named type, ..] ? type.Name : function);
    }

    private static TorchTensor Tensor(string function, object?[] arguments) => (function, arguments) switch
    {
        (Parameter or ParameterWithState, [TorchTensor tensor, ..]) => tensor,
        (RebuildNew, [TorchStorage storage, long offset, object?[] shape, object?[] strides, _, _, Named type, ..]) =>
            new TorchTensor(storage, LastPart(type.Name), offset, Sizes(shape), Sizes(strides)),
        (Rebuild or RebuildOld, [TorchStorage storage, long offset, object?[] shape, object?[] strides, .. var rest]) =>
            new TorchTensor(storage, storage.Type ?? "uint8", offset, Sizes(shape), Sizes(strides))
            {
                // The third says whether the numbers have yet to be negated or conjugated.
                Unreadable = rest is [_, _, not null and not Dict { Pairs: [] }, ..]
                    ? "it is a lazy view: save it again after tensor.resolve_neg().resolve_conj()" : null,
            },
        _ => throw new FormatException($"it calls {Quoted.Of(function)} with other arguments than PyTorch does"),
    };

    private static TorchTensor NotRead(string type, object?[] shape, string reason) => new(null, type, 0, Sizes(shape), []) { Unreadable = reason };

    /// <summary>What the pickle only points to: a storage, or the class of a module together with its source.</summary>
    private object? Persistent(object? id)
    {
        if (id is string text && TextOfId().Match(text) is { Success: true } match)
            id = new object?[] { "storage", new Named(match.Groups[1].Value), match.Groups[2].Value, "", Whole(match.Groups[3].Value) };
        if (id is object?[] and ["module", Named type, ..]) return type;
        if (!(id is object?[] pointer && pointer is ["storage", Named named, string key, _, long count, .. var view]) || count < 0
            || !named.Name.StartsWith("torch.", StringComparison.Ordinal) || !LastPart(named.Name).EndsWith("Storage", StringComparison.Ordinal)
            || !StorageTypes.TryGetValue(LastPart(named.Name)[..^"Storage".Length], out var elements))
            throw new FormatException("it has a storage that is not described as PyTorch does");
        if (view is [not null, ..]) throw new FormatException("it has a storage that is a part of another, as in PyTorch before 0.4: save it again with a newer one");
        var storage = new TorchStorage(key, elements.Type, elements.Size, count);
        if (_storages.TryGetValue(key, out var same) && same != storage) throw new FormatException($"its storage {Quoted.Of(key)} is described in two ways");
        _storages[key] = storage;
        return storage;
    }

    /// <summary>State that is set on an object, which says nothing about tensors: of a dictionary its <c>_metadata</c>.</summary>
    private void Build()
    {
        Pop();
        if (Top() is null or string or long or double or bool) throw Damaged();
    }

    private void AddTo(List<object?> items)
    {
        Made(items.Count);
        if (Top() is List<object?> list) list.AddRange(items);
        else if (Top() is not Opaque) throw Damaged();
    }

    private void SetIn(List<object?> items)
    {
        Made(items.Count);
        if (Dict.Of(items) is not { } added) throw Damaged();
        if (Top() is Dict dict) dict.Add(added.Pairs);
        // What has items is a dictionary of a class of its own.
        else if (Top() is Opaque opaque) (opaque.Items ??= new Dict()).Add(added.Pairs);
        else throw Damaged();
    }

    private void Remember(long key)
    {
        Made(1);
        if (key == _memo.Count) _memo.Add(Top());
        else if (key >= 0 && key < _memo.Count) _memo[(int)key] = Top();
        else if (_memoOfOthers.Count < MostOnStack) _memoOfOthers[key] = Top();
        else throw TooMany();
    }

    private object? Remembered(long key) =>
        key >= 0 && key < _memo.Count ? _memo[(int)key] : _memoOfOthers.TryGetValue(key, out object? value) ? value : throw Damaged();

    private void Push(object? value)
    {
        Made(1);
        if (_stack.Count == MostOnStack) throw TooMany();
        _stack.Add(value);
    }

    private void Mark()
    {
        if (_marks.Count == MostOnStack) throw TooMany();
        _marks.Push(_stack.Count);
    }

    private void Made(int things)
    {
        _things += things;
        if (_things > MostThings) throw TooMany();
    }

    /// <summary>Numbers beyond 64 bits are no counts of anything; their size is enough.</summary>
    private void PushLong(BigInteger number)
    {
        if (number >= long.MinValue && number <= long.MaxValue) Push((long)number);
        else Push((double)number);
    }

    private void PushLong(string digits)
    {
        if (long.TryParse(digits, CultureInfo.InvariantCulture, out long number)) Push(number);
        else Push(double.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out double large) ? large : throw Damaged());
    }

    /// <summary>Bytes say nothing of tensors.</summary>
    private void PushBytes(ulong length)
    {
        Take(Length(length));
        Push(BytesOfAny);
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

    private string Text(ulong length) => Encoding.UTF8.GetString(Take(Length(length)));

    private int Length(ulong length) => length <= (ulong)(_bytes.Length - _at) ? (int)length : throw Damaged();

    private string Line() => Line(Encoding.UTF8);

    private string Line(Encoding encoding)
    {
        int end = Array.IndexOf(_bytes, (byte)'\n', _at);
        if (end < 0) throw Damaged();
        string line = encoding.GetString(_bytes, _at, end - _at);
        _at = end + 1;
        return line;
    }

    private static long Whole(string text) => long.TryParse(text, CultureInfo.InvariantCulture, out long number) ? number : throw Damaged();

    private static long[] Sizes(object?[] values) => values.Length <= MostDimensions
        ? [.. values.Select(value => value is long number ? number : throw Damaged())]
        : throw new FormatException($"it has a tensor with {values.Length} dimensions; at most {MostDimensions} are read");

    private Dict OfPairs(object? pairs)
    {
        var dict = new Dict();
        int count = pairs switch { Dict other => other.Pairs.Count, List<object?> list => list.Count, _ => throw Damaged() };
        _copied += count;
        if (_copied > MostCopied) throw new FormatException($"its pickle copies more than {MostCopied} things");
        if (pairs is Dict copied) dict.Add(copied.Pairs);
        else if (pairs is List<object?> items)
            dict.Add([.. items.Select(pair => pair is IReadOnlyList<object?> { Count: 2 } and [var key, var value] ? (key, value) : throw Damaged())]);
        return dict;
    }

    private static string LastPart(string name) => name[(name.LastIndexOf('.') + 1)..];

    private static FormatException Damaged() => new("its pickle is damaged");

    private static FormatException TooMany() => new($"its pickle piles up far more things than weights need, which are at most {MostThings}");

    // How protocol 0 writes what points to a storage.
    [GeneratedRegex(@"^\('storage', <class '([\w.]{1,100})'>, '(\w{1,100})', '[\w:]{1,100}', (\d{1,18})(?:, None)?\)\z")]
    private static partial Regex TextOfId();

    [GeneratedRegex(@"\\u([0-9a-fA-F]{4})")]
    private static partial Regex EscapedLetter();

    /// <summary>A function or a class by its name, which is never imported.</summary>
    internal sealed record Named(string Name);

    /// <summary>Stands for an object of Python that was not built.</summary>
    /// <param name="type">Its class, or the function that would build it.</param>
    internal sealed class Opaque(string type)
    {
        /// <summary>Its class, or the function that would build it.</summary>
        public string Type => type;

        /// <summary>Its items, where it is a dictionary of a class of its own.</summary>
        public Dict? Items { get; set; }
    }

    /// <summary>A dictionary, in the order in which it was filled.</summary>
    internal sealed class Dict
    {
        private List<(object? Key, object? Value)>? _pairs;

        /// <summary>The keys and values.</summary>
        public IReadOnlyList<(object? Key, object? Value)> Pairs => _pairs ?? [];

        /// <summary>A dictionary of keys and values in turn; null where one is left over.</summary>
        public static Dict? Of(List<object?> items)
        {
            if (items.Count % 2 != 0) return null;
            var dict = new Dict { _pairs = new(items.Count / 2) };
            for (int i = 0; i < items.Count; i += 2) dict._pairs.Add((items[i], items[i + 1]));
            return dict;
        }

        /// <summary>Adds keys and values.</summary>
        public void Add(IReadOnlyList<(object? Key, object? Value)> pairs) => (_pairs ??= []).AddRange(pairs);
    }
}
