namespace Spd.Decomposition;

/// <summary>The assignment of rows to columns, one to one, whose sum is largest: the Hungarian method, in the form that adds one row after the other.</summary>
public static class LargestAssignment
{
    /// <summary>Assigns as many rows as there can be, at most one to a column. Among several with the largest sum one is taken, the same each time.</summary>
    /// <param name="weights">What each pair is worth <c>[rows, columns]</c>, finite. Takes <c>O(n² m)</c> steps, n the smaller of the two counts.</param>
    /// <returns>For each row its column; −1 for those left over where there are more rows than columns.</returns>
    public static int[] Of(double[,] weights)
    {
        int rows = weights.GetLength(0), columns = weights.GetLength(1);
        bool isTall = rows > columns;
        int[] columnOf = new int[rows];
        Array.Fill(columnOf, -1);
        int[] rowOf = isTall ? OfWide((i, j) => -weights[j, i], columns, rows) : OfWide((i, j) => -weights[i, j], rows, columns);
        for (int j = 0; j < rowOf.Length; j++)
        {
            if (rowOf[j] < 0) continue;
            if (isTall) columnOf[j] = rowOf[j];
            else columnOf[rowOf[j]] = j;
        }

        return columnOf;
    }

    /// <summary>For each column its row, or −1, with the least sum of costs; no more rows than columns.</summary>
    private static int[] OfWide(Func<int, int, double> cost, int rows, int columns)
    {
        // Potentials, so that cost(i, j) − ofRow[i] − ofColumn[j] is never negative, and 0 where a row has its column. The last column is the one that a new row starts in.
        double[] ofRow = new double[rows], ofColumn = new double[columns + 1], slack = new double[columns];
        int[] rowOf = new int[columns + 1], cameFrom = new int[columns];
        bool[] isReached = new bool[columns + 1];
        Array.Fill(rowOf, -1);
        for (int row = 0; row < rows; row++)
        {
            Array.Fill(slack, double.PositiveInfinity);
            Array.Clear(isReached);
            int at = columns;
            rowOf[at] = row;
            // The shortest way from the new row to a free column.
            while (rowOf[at] >= 0)
            {
                isReached[at] = true;
                int i = rowOf[at], nearest = -1;
                for (int j = 0; j < columns; j++)
                {
                    if (isReached[j]) continue;
                    double reduced = cost(i, j) - ofRow[i] - ofColumn[j];
                    if (reduced < slack[j]) (slack[j], cameFrom[j]) = (reduced, at);
                    if (nearest < 0 || slack[j] < slack[nearest]) nearest = j;
                }

                double step = slack[nearest];
                for (int j = 0; j <= columns; j++)
                {
                    if (isReached[j]) (ofRow[rowOf[j]], ofColumn[j]) = (ofRow[rowOf[j]] + step, ofColumn[j] - step);
                    else slack[j] -= step;
                }

                at = nearest;
            }

            for (; at != columns; at = cameFrom[at]) rowOf[at] = rowOf[cameFrom[at]];
        }

        return rowOf[..columns];
    }
}
