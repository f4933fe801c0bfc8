namespace Spd.Networks.Tests.Transformers;

/// <summary>What attention does not keep, computed anew from queries and keys, in double.</summary>
internal static class AttentionPatterns
{
    /// <summary>The numbers of heads, row-major <c>[sequences · length, heads · width]</c>, as <c>[sequences, heads, length, width]</c>.</summary>
    public static float[] ByHeads(float[] values, int sequences, int length, int heads)
    {
        int width = values.Length / sequences / length / heads;
        float[] arranged = new float[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int feature = i % width, head = i / width % heads, position = i / width / heads % length, sequence = i / width / heads / length;
            arranged[((sequence * heads + head) * length + position) * width + feature] = values[i];
        }

        return arranged;
    }

    /// <summary>The probabilities <c>[sequences, heads, length, length]</c>, zero where a position is not seen.</summary>
    public static float[] Of(float[] queries, float[] keys, int sequences, int length, Attention attention)
    {
        int heads = attention.Options.Heads, keyHeads = attention.Options.KeyHeads ?? heads;
        int width = queries.Length / sequences / length / heads;
        int window = attention.Options.Window == 0 ? length : attention.Options.Window;
        float[] q = ByHeads(queries, sequences, length, heads), k = ByHeads(keys, sequences, length, keyHeads);
        float[] patterns = new float[sequences * heads * length * length];
        for (int row = 0; row < sequences * heads * length; row++)
        {
            int position = row % length, head = row / length % heads, sequence = row / length / heads;
            int keyRow = (sequence * keyHeads + head * keyHeads / heads) * length, first = Math.Max(0, position - window + 1);
            double[] scores =
            [
                .. Enumerable.Range(first, position - first + 1).Select(j =>
                    attention.Scale * Enumerable.Range(0, width).Sum(i => (double)q[row * width + i] * k[(keyRow + j) * width + i])),
            ];
            double most = scores.Max(), sum = scores.Sum(score => Math.Exp(score - most));
            for (int j = 0; j < scores.Length; j++) patterns[row * length + first + j] = (float)(Math.Exp(scores[j] - most) / sum);
        }

        return patterns;
    }
}
