namespace Spd.Networks.Tests.Transformers;

/// <summary>What attention does not keep, in the order of recorded arrays.</summary>
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
        int heads = attention.Options.Heads, perQueries = queries.Length / sequences, perKeys = keys.Length / sequences;
        float[] patterns = new float[sequences * heads * length * length];
        double[] row = new double[length];
        for (int i = 0; i < sequences * heads * length; i++)
        {
            int position = i % length, head = i / length % heads, sequence = i / length / heads;
            attention.Probabilities(queries.AsSpan(sequence * perQueries, perQueries), keys.AsSpan(sequence * perKeys, perKeys), head, position, row);
            for (int j = 0; j < length; j++) patterns[i * length + j] = (float)row[j];
        }

        return patterns;
    }
}
