namespace Spd.Runs.Targets;

/// <summary>Rows of inputs with what is known of them.</summary>
/// <param name="Inputs">Row-major <c>[Count, features]</c>.</param>
/// <param name="Count">Rows.</param>
/// <param name="HeldOutCount">How many of them, the last ones, are only measured on; 0 where all are used for both.</param>
/// <param name="Shape">The shape of one input: <c>[28, 28]</c> of an image.</param>
public sealed record LabelledRows(float[] Inputs, int Count, int HeldOutCount, IReadOnlyList<int> Shape)
{
    /// <summary>The height and width of one input, where it is an image of one channel; null where it is not.</summary>
    public (int Height, int Width)? ImageSize => Shape.Where(size => size != 1).ToList() is [var height, var width] ? (height, width) : null;

    /// <summary>The class of each row, or null.</summary>
    public int[]? Labels { get; init; }

    /// <summary>What a network that is no classifier is to give, row-major <c>[Count, outputs]</c>, or null.</summary>
    public float[]? Targets { get; init; }

    /// <summary>What the network gives elsewhere, row-major <c>[Count, outputs]</c>, or null.</summary>
    public float[]? ExpectedOutputs { get; init; }

    /// <summary>The names of the outputs, or null.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>The names of the inputs, or null.</summary>
    public IReadOnlyList<string>? FeatureNames { get; init; }

    /// <summary>What an input is called.</summary>
    public string InputName(int input) => FeatureNames is { } names && input < names.Count ? names[input] : $"input {input}";

    /// <summary>What an output is called.</summary>
    public string OutputName(int output) => ClassNames is { } names && output < names.Count ? names[output] : Labels is null ? $"output {output}" : $"class {output}";

    /// <summary>The rows that a decomposition is trained on.</summary>
    public LabelledRows Training => HeldOutCount == 0 ? this : Part(0, Count - HeldOutCount);

    /// <summary>The rows that it is measured on.</summary>
    public LabelledRows HeldOut => HeldOutCount == 0 ? this : Part(Count - HeldOutCount, HeldOutCount);

    /// <summary>The inputs as a table.</summary>
    public float[,] Table()
    {
        float[,] table = new float[Count, Inputs.Length / Count];
        Buffer.BlockCopy(Inputs, 0, table, 0, sizeof(float) * Inputs.Length);
        return table;
    }

    private LabelledRows Part(int first, int count)
    {
        return this with
        {
            Inputs = Rows(Inputs),
            Labels = Labels?[first..(first + count)],
            Targets = Targets is null ? null : Rows(Targets),
            ExpectedOutputs = ExpectedOutputs is null ? null : Rows(ExpectedOutputs),
            Count = count,
            HeldOutCount = 0,
        };

        float[] Rows(float[] values)
        {
            int width = values.Length / Count;
            return values[(first * width)..((first + count) * width)];
        }
    }
}
