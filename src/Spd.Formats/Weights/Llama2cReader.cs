using System.Buffers.Binary;
using System.Globalization;

namespace Spd.Formats;

/// <summary>
/// A model of the program llama2.c (<c>.bin</c>): seven whole numbers of 32 bits (features, neurons, layers, heads, key heads, vocabulary, longest sequence)
/// and its weights in float32, in a fixed order. A vocabulary below 0 says that the unembedding is not the embedding. Tensors are called as in Llama's files
/// of Hugging Face, and lie as there: the program turns neighbours of a head's features against each other, where those files have halves.
/// </summary>
internal sealed class Llama2cReader : IWeightReader
{
    public const string Kind = "llama2.c model";

    private const int HeaderLength = 7 * sizeof(int), LargestSize = 1 << 24, MostLayers = 10_000;

    private readonly FileBytes _file;
    private readonly List<(TensorInfo Tensor, long Begin, int Heads)> _entries = [];

    /// <summary>Opens a file.</summary>
    /// <exception cref="FormatException">It is cut short, or has too many bytes.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    public Llama2cReader(string path)
    {
        _file = new FileBytes(path);
        try
        {
            int[] sizes = Sizes(_file.Slice(0, (int)Math.Min(HeaderLength, _file.Length)))
                ?? throw new FormatException("it does not begin with seven sizes that fit each other");
            var (features, neurons, layers, heads, keyHeads, length) = (sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[6]);
            int vocabulary = Math.Abs(sizes[5]), keyFeatures = features / heads * keyHeads;
            bool hasHead = sizes[5] < 0;
            // Behind the last norm lie two tables of sines and cosines that the program no longer reads.
            Int128 tables = (Int128)length * (features / heads / 2) * 2;
            Int128 block = 2 * (Int128)features * (1 + features + keyFeatures) + 3 * (Int128)neurons * features;
            Int128 needed = HeaderLength + sizeof(float) * ((hasHead ? 2 : 1) * (Int128)vocabulary * features + layers * block + features + tables);
            if (needed != _file.Length)
                throw new FormatException($"its sizes need {needed} bytes, but it has {_file.Length}{(needed > _file.Length ? "; it is cut short" : "")}");

            long end = HeaderLength;
            Add("model.embed_tokens.weight", [vocabulary, features]);
            AddLayers("input_layernorm", [features]);
            AddLayers("self_attn.q_proj", [features, features], heads);
            AddLayers("self_attn.k_proj", [keyFeatures, features], keyHeads);
            AddLayers("self_attn.v_proj", [keyFeatures, features]);
            AddLayers("self_attn.o_proj", [features, features]);
            AddLayers("post_attention_layernorm", [features]);
            AddLayers("mlp.gate_proj", [neurons, features]);
            AddLayers("mlp.down_proj", [features, neurons]);
            AddLayers("mlp.up_proj", [neurons, features]);
            Add("model.norm.weight", [features]);
            end += (long)tables * sizeof(float);
            if (hasHead) Add("lm_head.weight", [vocabulary, features]);
            Metadata = new Dictionary<string, string>
            {
                ["n_heads"] = heads.ToString(CultureInfo.InvariantCulture),
                ["n_kv_heads"] = keyHeads.ToString(CultureInfo.InvariantCulture),
                ["seq_len"] = length.ToString(CultureInfo.InvariantCulture),
            };

            void Add(string name, int[] shape, int turnedHeads = 0)
            {
                _entries.Add((new TensorInfo(name, shape, nameof(NumberType.F32)), end, turnedHeads));
                end += Strided.Count(shape) * sizeof(float);
            }

            void AddLayers(string name, int[] shape, int turnedHeads = 0)
            {
                for (int layer = 0; layer < layers; layer++) Add($"model.layers.{layer}.{name}.weight", shape, turnedHeads);
            }
        }
        catch
        {
            _file.Dispose();
            throw;
        }

        Tensors = [.. _entries.Select(entry => entry.Tensor)];
    }

    public string Format => WeightFile.Llama2c;

    public IReadOnlyList<TensorInfo> Tensors { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Whether a file may be one: its first bytes are sizes that fit each other.</summary>
    public static bool IsHeader(ReadOnlySpan<byte> start) => Sizes(start) is not null;

    public float[] Read(int index)
    {
        var (tensor, begin, heads) = _entries[index];
        float[] values = Numbers.Read(_file, begin, NumberType.F32, Strided.Count(tensor.Shape), $"tensor {Quoted.Of(tensor.Name)}");
        return heads == 0 ? values : WithHalves(values, heads, tensor.Shape[1]);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>The rows of each head with those of even numbers first, so that what were neighbours are a half of the head apart.</summary>
    private static float[] WithHalves(float[] rows, int heads, int columns)
    {
        float[] turned = new float[rows.Length];
        int width = rows.Length / columns / heads;
        for (int row = 0; row < width * heads; row++)
        {
            int within = row % width, from = row - within + within % (width / 2) * 2 + within / (width / 2);
            rows.AsSpan(from * columns, columns).CopyTo(turned.AsSpan(row * columns));
        }

        return turned;
    }

    private static int[]? Sizes(ReadOnlySpan<byte> start)
    {
        if (start.Length < HeaderLength) return null;
        int[] sizes = new int[7];
        for (int i = 0; i < sizes.Length; i++) sizes[i] = BinaryPrimitives.ReadInt32LittleEndian(start[(i * sizeof(int))..]);
        bool isInRange = Array.TrueForAll(sizes, size => size is >= -LargestSize and <= LargestSize and not 0) && sizes[2] <= MostLayers
            && sizes is [> 0, > 0, > 0, > 0, > 0, _, > 0];
        return isInRange && sizes[0] % sizes[3] == 0 && sizes[3] % sizes[4] == 0 && sizes[0] / sizes[3] % 2 == 0
            ? sizes
            : null;
    }
}
