namespace Spd.Formats;

/// <summary>A file of weights that is open. Its errors are a <see cref="FormatException"/> with a clause, or an <see cref="EndOfStreamException"/>.</summary>
internal interface IWeightReader : IDisposable
{
    /// <summary>What the file is, in words.</summary>
    string Format { get; }

    /// <summary>The tensors, each with a name of its own.</summary>
    IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>What else is to be said of the file, a sentence each.</summary>
    IReadOnlyList<string> Notes => [];

    /// <summary>Texts that stand in the file by their keys.</summary>
    IReadOnlyDictionary<string, string> Metadata => new Dictionary<string, string>();

    /// <summary>The values of a tensor that can be read, row-major; the array is the caller's.</summary>
    float[] Read(int index);
}
