using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Engine.Operations;

/// <summary>
/// <c>‖W − (V U)ᵀ‖²_F / divisor</c> for a constant W <c>[d_out, d_in]</c> and factors stored a row per component:
/// V <c>[C, d_in]</c>, U <c>[C, d_out]</c>.
/// </summary>
public sealed unsafe class FactorizationError : WeightLoss
{
    private readonly Parameter _v, _u;
    private readonly double _divisor;
    private readonly int _lanes, _stride;
    private readonly AlignedBuffer _target, _paddedV, _residual, _gradientV;

    /// <summary>The error of one factorisation.</summary>
    /// <param name="target">W, row-major; copied.</param>
    /// <param name="v">V.</param>
    /// <param name="u">U.</param>
    /// <param name="divisor">What the squared error is divided by: the number of entries the mean is taken over.</param>
    public FactorizationError(ReadOnlySpan<float> target, Parameter v, Parameter u, double divisor)
    {
        if (v.Rows != u.Rows || target.Length != v.Columns * u.Columns)
            throw new ArgumentException($"factors [{v.Rows}, {v.Columns}] and [{u.Rows}, {u.Columns}] do not make a matrix of {target.Length} entries");
        (_v, _u, _divisor) = (v, u, divisor);
        _lanes = (v.Columns + KernelSet.LaneBlock - 1) / KernelSet.LaneBlock * KernelSet.LaneBlock;
        // Rows a power of two apart would compete for the same lines of the cache.
        _stride = _lanes + KernelSet.LaneBlock;
        _target = new AlignedBuffer((long)u.Columns * _stride);
        _residual = new AlignedBuffer((long)u.Columns * _stride);
        _paddedV = new AlignedBuffer((long)v.Rows * _stride);
        _gradientV = new AlignedBuffer((long)v.Rows * _stride);
        for (int row = 0; row < u.Columns; row++) target.Slice(row * v.Columns, v.Columns).CopyTo(_target.Span[(row * _stride)..]);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Parameter> Parameters => [_v, _u];

    /// <inheritdoc/>
    protected internal override double Evaluate(KernelSet kernels, ParameterGradients? gradients)
    {
        int components = _v.Rows, inputs = _v.Columns, outputs = _u.Columns;
        for (int c = 0; c < components; c++) _v.Row(c).CopyTo(_paddedV.Span[(c * _stride)..]);

        // R = Uᵀ V − W   (d_out, d_in)
        kernels.MatrixProduct(outputs, components, _lanes, _u.Pointer, 1, outputs, _paddedV.Pointer, _residual.Pointer, _stride, accumulate: false);
        double sum = 0;
        float scale = (float)(2 * Coefficient / _divisor);
        for (int row = 0; row < outputs; row++)
        {
            var residual = _residual.Span.Slice(row * _stride, inputs);
            var target = _target.Span.Slice(row * _stride, inputs);
            for (int column = 0; column < inputs; column++)
            {
                double difference = residual[column] - target[column];
                sum += difference * difference;
                residual[column] = scale * (float)difference;
            }
        }

        if (gradients is not null)
        {
            // dU = V dRᵀ,  dV = U dR   with dR = 2 R / divisor
            float* du = gradients.Pointer(_u);
            float* dv = gradients.Pointer(_v);
            if (du != null) kernels.AccumulateOuterProduct(components, outputs, _lanes, _paddedV.Pointer, _residual.Pointer, _stride, du, outputs);
            if (dv != null)
            {
                kernels.MatrixProduct(components, outputs, _lanes, _u.Pointer, outputs, 1, _residual.Pointer, _gradientV.Pointer, _stride, accumulate: false);
                for (int c = 0; c < components; c++)
                    for (int i = 0; i < inputs; i++)
                        dv[c * inputs + i] += _gradientV.Pointer[c * _stride + i];
            }
        }

        return sum / _divisor;
    }
}
