using System.Buffers.Binary;
using System.Text;
using Spd.Figures;
using static Spd.Runs.TensorBoard.Fields;

namespace Spd.Runs.TensorBoard;

/// <summary>
/// TensorBoard's messages, as far as a run has something to say in them; the numbers are those of its event.proto, summary.proto and tensor.proto.
/// </summary>
internal static class Events
{
    private const int StatusStart = 1;
    private const int ColorspaceRgb = 3;
    private const int DataClassTensor = 2;
    private const int TypeDouble = 2, TypeString = 7;

    /// <summary>What a file begins with.</summary>
    public static byte[] Version() => Event(step: 0, Utf8(3, "brain.Event:2"));

    /// <summary>A run begins or goes on: what earlier files have of this step and later ones is void.</summary>
    public static byte[] Start(int step) => Event(step, Bytes(7, Integer(1, StatusStart)));

    /// <summary>Values that belong to a step.</summary>
    public static byte[] Summary(int step, IEnumerable<byte[]> values) => Event(step, Bytes(5, [.. values.SelectMany(value => Bytes(1, value))]));

    /// <summary>A point of a curve.</summary>
    /// <remarks>A simple_value and no tensor: TensorBoard takes both for the same, and scripts that read event files often know only this one.</remarks>
    public static byte[] Scalar(string tag, double value) => [.. Utf8(1, tag), .. Float(2, (float)value)];

    /// <summary>A picture.</summary>
    public static byte[] Image(string tag, HeatmapImage image) =>
    [
        .. Utf8(1, tag),
        .. Bytes(4, [.. Integer(1, image.Height), .. Integer(2, image.Width), .. Integer(3, ColorspaceRgb), .. Bytes(4, image.Png.ToArray())]),
    ];

    /// <summary>Counts in bins of equal width over [0, 1].</summary>
    /// <remarks>A tensor [bins, 3] of left end, right end and count: the older message would need sums of the values, which are not known.</remarks>
    public static byte[] Histogram(string tag, IReadOnlyList<long> counts)
    {
        double[] table = [.. counts.SelectMany((count, bin) => new[] { (double)bin / counts.Count, (double)(bin + 1) / counts.Count, count })];
        byte[] content = new byte[sizeof(double) * table.Length];
        for (int i = 0; i < table.Length; i++) BinaryPrimitives.WriteDoubleLittleEndian(content.AsSpan(sizeof(double) * i), table[i]);
        return Tensor(tag, "histograms", [.. Integer(1, TypeDouble), .. Bytes(2, [.. Dimension(counts.Count), .. Dimension(3)]), .. Bytes(4, content)]);

        static byte[] Dimension(int size) => Bytes(2, Integer(1, size));
    }

    /// <summary>A text in Markdown.</summary>
    public static byte[] Markdown(string tag, string text) =>
        Tensor(tag, "text", [.. Integer(1, TypeString), .. Bytes(2, []), .. Bytes(8, Encoding.UTF8.GetBytes(text))]);

    private static byte[] Tensor(string tag, string plugin, byte[] tensor) =>
        [.. Utf8(1, tag), .. Bytes(8, tensor), .. Bytes(9, [.. Bytes(1, Utf8(1, plugin)), .. Integer(4, DataClassTensor)])];

    private static byte[] Event(int step, byte[] what) => [.. Double(1, EventFile.Now), .. Integer(2, step), .. what];
}
