namespace Spd.Formats;

/// <summary>Finds the tensors in what a pickle holds, each with the keys that lead to it.</summary>
internal sealed class TorchTensors
{
    private const int MostItems = 1_000_000, MostDepth = 64, LongestName = 1000, MostObjects = 10;

    private readonly List<(string Name, TorchTensor Tensor)> _tensors = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<string> _objects = [];
    private int _items, _withoutName;

    /// <summary>Finds the tensors.</summary>
    /// <exception cref="FormatException">Two have the same name, or the containers do not end; a clause says what.</exception>
    public TorchTensors(object? root) => Visit(root, "", 0);

    /// <summary>The tensors in their order.</summary>
    public IReadOnlyList<(string Name, TorchTensor Tensor)> Tensors => _tensors;

    /// <summary>The first of the objects of Python that were not built, each as <c>'key' (its class)</c>.</summary>
    public IReadOnlyList<string> Objects => _objects;

    /// <summary>How many objects of Python there are that were not built.</summary>
    public int ObjectCount { get; private set; }

    /// <summary>How many tensors stand under keys that make no name.</summary>
    public int WithoutName => _withoutName;

    /// <summary>Goes through a value; its name is null where it lies under a key that makes no name.</summary>
    private void Visit(object? value, string? name, int depth)
    {
        if (++_items > MostItems || depth > MostDepth)
            throw new FormatException($"its containers hold themselves, more than {MostItems} things, or are nested more than {MostDepth} deep");
        switch (value)
        {
            case TorchTensor tensor:
                if (name is null)
                {
                    _withoutName++;
                    break;
                }

                if (name.Length == 0) name = "tensor";
                if (!_names.Add(name)) throw new FormatException($"it names two tensors {Quoted.Of(name)}");
                _tensors.Add((name, tensor));
                break;
            case Pickle.Opaque { Items: { } items }:
                Visit(items, name, depth + 1);
                break;
            case Pickle.Opaque { Type: var type }:
                AddObject(name, type);
                break;
            case Pickle.Named { Name: var type } when !type.StartsWith("torch.", StringComparison.Ordinal):
                AddObject(name, type);
                break;
            case Pickle.Dict dict:
                var keys = new HashSet<object>();
                foreach (var (key, item) in dict.Pairs)
                {
                    if (key is string or long && !keys.Add(key)) throw new FormatException($"it has a dictionary with the key {Quoted.Of($"{key}")} twice");
                    Visit(item, key is string or long ? Joined(name, $"{key}") : null, depth + 1);
                }

                break;
            case IReadOnlyList<object?> items:
                for (int i = 0; i < items.Count; i++) Visit(items[i], Joined(name, $"{i}"), depth + 1);
                break;
            default:
                break;
        }
    }

    private void AddObject(string? name, string type)
    {
        if (ObjectCount++ < MostObjects) _objects.Add(name is { Length: > 0 } ? $"{Quoted.Of(name)} ({Quoted.Bare(type)})" : Quoted.Bare(type));
    }

    private static string? Joined(string? name, string key)
    {
        if (name is null) return null;
        string joined = name.Length == 0 ? key : $"{name}.{key}";
        return joined.Length <= LongestName ? joined : throw new FormatException($"it has a name of more than {LongestName} letters, {Quoted.Of(joined)}");
    }
}
