namespace Spd.Networks;

/// <summary>How many inputs a classifier gets right.</summary>
public static class Accuracy
{
    /// <summary>The share of rows whose largest output, the first of equal ones, is that of their class.</summary>
    /// <param name="outputs">Row-major <c>[rows, classes]</c>.</param>
    /// <param name="classes">The class of each row.</param>
    public static double Of(float[] outputs, IReadOnlyList<int> classes) =>
        Classes(outputs, classes.Count).Zip(classes).Count(pair => pair.First == pair.Second) / (double)classes.Count;

    /// <summary>The class of each row.</summary>
    /// <param name="outputs">Row-major <c>[rows, classes]</c>.</param>
    /// <param name="rows">Number of rows.</param>
    public static int[] Classes(float[] outputs, int rows)
    {
        int width = outputs.Length / rows;
        return [.. Enumerable.Range(0, rows).Select(row =>
        {
            var values = outputs.AsSpan(row * width, width);
            int best = 0;
            for (int i = 1; i < width; i++) best = values[i] > values[best] ? i : best;
            return best;
        })];
    }
}
