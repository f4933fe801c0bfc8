using System.Runtime.CompilerServices;

namespace Spd.Engine.Kernels;

internal abstract unsafe partial class SimdKernels<TVector, TSimd>
{
    private const int LongestSum = 1024, SumBlock = 512;

    /// <inheritdoc/>
    /// <remarks>
    /// Tiles of up to six rows (of eight left, two of four) by two vectors stay in registers over the whole of k; twelve sums hide the latency of the multiply-adds, and six
    /// weights are read for two vectors. Every sum runs over k in order, whatever the tile, so the result of an element does not depend on the tile. A long one
    /// is cut, so that what it reads of x stays in the nearest caches for all rows.
    /// </remarks>
    [MethodImpl(Hot)]
    public override void MatrixProduct(
        int m, int k, int lanes, float* w, nint rowStep, nint columnStep, float* x, nint xStride, float* y, nint yStride, bool accumulate)
    {
        for (; k > LongestSum; k -= SumBlock, w += SumBlock * columnStep, x += SumBlock * xStride, accumulate = true)
            MatrixProduct(m, SumBlock, lanes, w, rowStep, columnStep, x, xStride, y, yStride, accumulate);
        // Eight rows left are two tiles of four.
        int sixes = m % 6 == 2 && m > 2 ? m / 6 - 1 : m / 6, fours = (m - 6 * sixes) / 4, row = 6 * sixes + 4 * fours;
        ProductTiles6(sixes, k, lanes, w, rowStep, columnStep, x, xStride, y, yStride, accumulate);
        ProductTiles4(fours, k, lanes, w + 6 * sixes * rowStep, rowStep, columnStep, x, xStride, y + 6 * sixes * yStride, yStride, accumulate);
        for (; row < m; row += 2)
            ProductTile2(Math.Min(m - row, 2), k, lanes, w + row * rowStep, rowStep, columnStep, x, xStride, y + row * yStride, yStride, accumulate);
    }

    // Of all tiles at once: for a short k, a call for each would take as long as its sums.
    [MethodImpl(Hot)]
    private static void ProductTiles6(
        int tiles, int k, int lanes, float* w, nint rowStep, nint columnStep, float* x, nint xStride, float* y, nint yStride, bool accumulate)
    {
        for (; tiles > 0; tiles--, w += 6 * rowStep, y += 6 * yStride)
        {
            float* w1 = w + rowStep, w2 = w1 + rowStep, w3 = w2 + rowStep, w4 = w3 + rowStep, w5 = w4 + rowStep;
            for (nint lane = 0; lane < lanes; lane += 2 * TSimd.Count)
            {
                TVector y00 = TSimd.Zero, y01 = TSimd.Zero, y10 = TSimd.Zero, y11 = TSimd.Zero, y20 = TSimd.Zero, y21 = TSimd.Zero;
                TVector y30 = TSimd.Zero, y31 = TSimd.Zero, y40 = TSimd.Zero, y41 = TSimd.Zero, y50 = TSimd.Zero, y51 = TSimd.Zero;
                nint column = 0;
                float* input = x + lane;
                for (int j = k; j > 0; j--)
                {
                    TVector x0 = TSimd.Load(input);
                    TVector x1 = TSimd.Load(input + TSimd.Count);
                    TVector weight = TSimd.Create(w[column]);
                    y00 = TSimd.MultiplyAdd(weight, x0, y00);
                    y01 = TSimd.MultiplyAdd(weight, x1, y01);
                    weight = TSimd.Create(w1[column]);
                    y10 = TSimd.MultiplyAdd(weight, x0, y10);
                    y11 = TSimd.MultiplyAdd(weight, x1, y11);
                    weight = TSimd.Create(w2[column]);
                    y20 = TSimd.MultiplyAdd(weight, x0, y20);
                    y21 = TSimd.MultiplyAdd(weight, x1, y21);
                    weight = TSimd.Create(w3[column]);
                    y30 = TSimd.MultiplyAdd(weight, x0, y30);
                    y31 = TSimd.MultiplyAdd(weight, x1, y31);
                    weight = TSimd.Create(w4[column]);
                    y40 = TSimd.MultiplyAdd(weight, x0, y40);
                    y41 = TSimd.MultiplyAdd(weight, x1, y41);
                    weight = TSimd.Create(w5[column]);
                    y50 = TSimd.MultiplyAdd(weight, x0, y50);
                    y51 = TSimd.MultiplyAdd(weight, x1, y51);
                    input += xStride;
                    column += columnStep;
                }

                StorePair(y00, y01, y + lane, accumulate);
                StorePair(y10, y11, y + lane + yStride, accumulate);
                StorePair(y20, y21, y + lane + 2 * yStride, accumulate);
                StorePair(y30, y31, y + lane + 3 * yStride, accumulate);
                StorePair(y40, y41, y + lane + 4 * yStride, accumulate);
                StorePair(y50, y51, y + lane + 5 * yStride, accumulate);
            }
        }
    }

    [MethodImpl(Hot)]
    private static void ProductTiles4(
        int tiles, int k, int lanes, float* w, nint rowStep, nint columnStep, float* x, nint xStride, float* y, nint yStride, bool accumulate)
    {
        for (; tiles > 0; tiles--, w += 4 * rowStep, y += 4 * yStride)
        {
            float* w1 = w + rowStep, w2 = w1 + rowStep, w3 = w2 + rowStep;
            for (nint lane = 0; lane < lanes; lane += 2 * TSimd.Count)
            {
                TVector y00 = TSimd.Zero, y01 = TSimd.Zero, y10 = TSimd.Zero, y11 = TSimd.Zero;
                TVector y20 = TSimd.Zero, y21 = TSimd.Zero, y30 = TSimd.Zero, y31 = TSimd.Zero;
                nint column = 0;
                float* input = x + lane;
                for (int j = k; j > 0; j--)
                {
                    TVector x0 = TSimd.Load(input);
                    TVector x1 = TSimd.Load(input + TSimd.Count);
                    TVector weight = TSimd.Create(w[column]);
                    y00 = TSimd.MultiplyAdd(weight, x0, y00);
                    y01 = TSimd.MultiplyAdd(weight, x1, y01);
                    weight = TSimd.Create(w1[column]);
                    y10 = TSimd.MultiplyAdd(weight, x0, y10);
                    y11 = TSimd.MultiplyAdd(weight, x1, y11);
                    weight = TSimd.Create(w2[column]);
                    y20 = TSimd.MultiplyAdd(weight, x0, y20);
                    y21 = TSimd.MultiplyAdd(weight, x1, y21);
                    weight = TSimd.Create(w3[column]);
                    y30 = TSimd.MultiplyAdd(weight, x0, y30);
                    y31 = TSimd.MultiplyAdd(weight, x1, y31);
                    input += xStride;
                    column += columnStep;
                }

                StorePair(y00, y01, y + lane, accumulate);
                StorePair(y10, y11, y + lane + yStride, accumulate);
                StorePair(y20, y21, y + lane + 2 * yStride, accumulate);
                StorePair(y30, y31, y + lane + 3 * yStride, accumulate);
            }
        }
    }

    // Two rows, or one twice, whose sums are stored once: as two sums wait for each other's latency, four take no longer.
    [MethodImpl(Hot)]
    private static void ProductTile2(
        int rows, int k, int lanes, float* w, nint rowStep, nint columnStep, float* x, nint xStride, float* y, nint yStride, bool accumulate)
    {
        float* w1 = rows > 1 ? w + rowStep : w;
        for (nint lane = 0; lane < lanes; lane += 2 * TSimd.Count)
        {
            TVector y00 = TSimd.Zero, y01 = TSimd.Zero, y10 = TSimd.Zero, y11 = TSimd.Zero;
            nint column = 0;
            float* input = x + lane;
            for (int j = k; j > 0; j--)
            {
                TVector x0 = TSimd.Load(input);
                TVector x1 = TSimd.Load(input + TSimd.Count);
                TVector weight = TSimd.Create(w[column]);
                y00 = TSimd.MultiplyAdd(weight, x0, y00);
                y01 = TSimd.MultiplyAdd(weight, x1, y01);
                weight = TSimd.Create(w1[column]);
                y10 = TSimd.MultiplyAdd(weight, x0, y10);
                y11 = TSimd.MultiplyAdd(weight, x1, y11);
                input += xStride;
                column += columnStep;
            }
            StorePair(y00, y01, y + lane, accumulate);
            if (rows > 1) StorePair(y10, y11, y + lane + yStride, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePair(TVector first, TVector second, float* y, bool accumulate)
    {
        if (accumulate)
        {
            first = TSimd.Add(TSimd.Load(y), first);
            second = TSimd.Add(TSimd.Load(y + TSimd.Count), second);
        }
        TSimd.Store(first, y);
        TSimd.Store(second, y + TSimd.Count);
    }
}
