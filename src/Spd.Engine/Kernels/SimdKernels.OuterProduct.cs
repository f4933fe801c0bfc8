using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Spd.Engine.Kernels;

internal abstract unsafe partial class SimdKernels<TVector, TSimd>
{
    /// <inheritdoc/>
    /// <remarks>
    /// Tiles of four by four sums of vectors run along the lanes; four of them at a time are then summed over their elements. Rows and columns that
    /// do not fill a tile are done one or two at a time, against four of the other.
    /// </remarks>
    [MethodImpl(Hot)]
    public override void AccumulateOuterProduct(int m, int n, int lanes, float* a, float* b, nint stride, float* c, nint cRowStep)
    {
        int fullColumns = n & ~3;
        for (int i = 0; i < m; i += 4)
        {
            for (int j = 0; j < fullColumns; j += 4)
            {
                if (m - i >= 4) OuterTile4(lanes, a + i * stride, b + j * stride, stride, c + i * cRowStep + j, cRowStep);
                else OuterStrip(m - i, 4, lanes, a + i * stride, b + j * stride, stride, c + i * cRowStep + j, cRowStep, 1);
            }
        }
        for (int i = 0; i < m && fullColumns < n; i += 4)
        {
            float* corner = c + i * cRowStep + fullColumns;
            OuterStrip(n - fullColumns, Math.Min(4, m - i), lanes, b + fullColumns * stride, a + i * stride, stride, corner, 1, cRowStep);
        }
    }

    // Up to three rows by up to four columns.
    private static void OuterStrip(int rows, int columns, int lanes, float* a, float* b, nint stride, float* c, nint cRowStep, nint cColumnStep)
    {
        for (int i = 0; i < rows; i += 2) OuterTile2(lanes, a + i * stride, b, stride, rows - i, columns, c + i * cRowStep, cRowStep, cColumnStep);
    }

    [MethodImpl(Hot)]
    private static void OuterTile4(int lanes, float* a, float* b, nint stride, float* c, nint cRowStep)
    {
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero, c02 = TSimd.Zero, c03 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero, c12 = TSimd.Zero, c13 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero, c22 = TSimd.Zero, c23 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero, c32 = TSimd.Zero, c33 = TSimd.Zero;
        float* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride;
        float* b1 = b + stride, b2 = b1 + stride, b3 = b2 + stride;
        for (nint lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector right0 = TSimd.Load(b + lane), right1 = TSimd.Load(b1 + lane), right2 = TSimd.Load(b2 + lane), right3 = TSimd.Load(b3 + lane);
            TVector left = TSimd.Load(a + lane);
            c00 = TSimd.MultiplyAdd(left, right0, c00);
            c01 = TSimd.MultiplyAdd(left, right1, c01);
            c02 = TSimd.MultiplyAdd(left, right2, c02);
            c03 = TSimd.MultiplyAdd(left, right3, c03);
            left = TSimd.Load(a1 + lane);
            c10 = TSimd.MultiplyAdd(left, right0, c10);
            c11 = TSimd.MultiplyAdd(left, right1, c11);
            c12 = TSimd.MultiplyAdd(left, right2, c12);
            c13 = TSimd.MultiplyAdd(left, right3, c13);
            left = TSimd.Load(a2 + lane);
            c20 = TSimd.MultiplyAdd(left, right0, c20);
            c21 = TSimd.MultiplyAdd(left, right1, c21);
            c22 = TSimd.MultiplyAdd(left, right2, c22);
            c23 = TSimd.MultiplyAdd(left, right3, c23);
            left = TSimd.Load(a3 + lane);
            c30 = TSimd.MultiplyAdd(left, right0, c30);
            c31 = TSimd.MultiplyAdd(left, right1, c31);
            c32 = TSimd.MultiplyAdd(left, right2, c32);
            c33 = TSimd.MultiplyAdd(left, right3, c33);
        }
        Add(TSimd.Sums(c00, c01, c02, c03), c);
        Add(TSimd.Sums(c10, c11, c12, c13), c + cRowStep);
        Add(TSimd.Sums(c20, c21, c22, c23), c + 2 * cRowStep);
        Add(TSimd.Sums(c30, c31, c32, c33), c + 3 * cRowStep);
    }

    // Rows beyond `rows` and columns beyond `columns` repeat the first; their sums are not stored.
    [MethodImpl(Hot)]
    private static void OuterTile2(
        int lanes, float* a, float* b, nint stride, int rows, int columns, float* c, nint cRowStep, nint cColumnStep)
    {
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero, c02 = TSimd.Zero, c03 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero, c12 = TSimd.Zero, c13 = TSimd.Zero;
        float* a1 = rows > 1 ? a + stride : a;
        float* b1 = columns > 1 ? b + stride : b, b2 = columns > 2 ? b + 2 * stride : b, b3 = columns > 3 ? b + 3 * stride : b;
        for (nint lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector right0 = TSimd.Load(b + lane), right1 = TSimd.Load(b1 + lane), right2 = TSimd.Load(b2 + lane), right3 = TSimd.Load(b3 + lane);
            TVector left = TSimd.Load(a + lane);
            c00 = TSimd.MultiplyAdd(left, right0, c00);
            c01 = TSimd.MultiplyAdd(left, right1, c01);
            c02 = TSimd.MultiplyAdd(left, right2, c02);
            c03 = TSimd.MultiplyAdd(left, right3, c03);
            left = TSimd.Load(a1 + lane);
            c10 = TSimd.MultiplyAdd(left, right0, c10);
            c11 = TSimd.MultiplyAdd(left, right1, c11);
            c12 = TSimd.MultiplyAdd(left, right2, c12);
            c13 = TSimd.MultiplyAdd(left, right3, c13);
        }
        Add(TSimd.Sums(c00, c01, c02, c03), columns, c, cColumnStep);
        if (rows > 1) Add(TSimd.Sums(c10, c11, c12, c13), columns, c + cRowStep, cColumnStep);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector128<float> sums, float* c) => (Vector128.Load(c) + sums).Store(c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector128<float> sums, int columns, float* c, nint cColumnStep)
    {
        *c += sums[0];
        if (columns > 1) c[cColumnStep] += sums[1];
        if (columns > 2) c[2 * cColumnStep] += sums[2];
        if (columns > 3) c[3 * cColumnStep] += sums[3];
    }
}
