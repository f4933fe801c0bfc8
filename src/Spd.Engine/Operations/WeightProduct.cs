using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>One addend of a <see cref="WeightProduct"/>: <c>W x</c>, or <c>Wᵀ x</c>.</summary>
/// <param name="Weight">W.</param>
/// <param name="X">x, with as many rows as W (or its transpose) has columns.</param>
/// <param name="Transposed">Whether the transpose is meant.</param>
public sealed record ProductTerm(Parameter Weight, Node X, bool Transposed)
{
    /// <summary>Rows of the product.</summary>
    public int Rows => Transposed ? Weight.Columns : Weight.Rows;

    /// <summary>Rows of x that W takes.</summary>
    public int Columns => Transposed ? Weight.Rows : Weight.Columns;

    internal nint RowStep => Transposed ? 1 : Weight.Columns;

    internal nint ColumnStep => Transposed ? Weight.Columns : 1;
}

/// <summary><c>y = Σ_t W_t x_t</c>, each W a parameter or its transpose.</summary>
public sealed unsafe class WeightProduct : Node
{
    private readonly ProductTerm[] _terms;

    /// <summary>A product of one term; <paramref name="x"/> has as many rows as W (or its transpose) has columns.</summary>
    public WeightProduct(Parameter weight, Node x, bool transposed = false)
        : this(new ProductTerm(weight, x, transposed))
    {
    }

    /// <summary>A sum of products, at least one, of the same number of rows.</summary>
    public WeightProduct(params ProductTerm[] terms)
        : base(terms[0].Rows, [.. terms.Select(term => term.X)])
    {
        foreach (var (term, weight) in terms.Select(term => (term, term.Weight)))
        {
            string name = $"'{weight.Name}' [{weight.Rows}, {weight.Columns}]{(term.Transposed ? " transposed" : "")}";
            if (term.X.Rows != term.Columns) throw new ArgumentException($"{name} takes {term.Columns} features, but its input has {term.X.Rows}");
            if (term.Rows != Rows) throw new ArgumentException($"{name} makes {term.Rows} features, but it is added to products of {Rows}");
        }

        _terms = terms;
    }

    /// <summary>The addends.</summary>
    public IReadOnlyList<ProductTerm> Terms => _terms;

    /// <inheritdoc/>
    protected internal override IEnumerable<Parameter> Parameters => _terms.Select(term => term.Weight);

    /// <inheritdoc/>
    protected internal override object? Attributes => new EqualTerms(_terms);

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace)
    {
        for (int t = 0; t < _terms.Length; t++)
        {
            var term = _terms[t];
            workspace.Kernels.MatrixProduct(
                Rows, term.Columns, workspace.Lanes, term.Weight.Pointer, term.RowStep, term.ColumnStep,
                workspace.Value(term.X), workspace.Value(this), workspace.Stride, accumulate: t > 0);
        }
    }

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace)
    {
        float* dy = workspace.Gradient(this);
        foreach (var term in _terms)
        {
            float* dx = workspace.Gradient(term.X);
            float* dw = workspace.Gradient(term.Weight);
            if (dx != null)
            {
                // dX += Wᵀ dY
                workspace.Kernels.MatrixProduct(
                    term.Columns, Rows, workspace.Lanes, term.Weight.Pointer, term.ColumnStep, term.RowStep, dy, dx, workspace.Stride, accumulate: true);
            }

            if (dw == null) continue;

            // dW += dY Xᵀ, or X dYᵀ for the transpose
            float* x = workspace.Value(term.X);
            var (left, right) = term.Transposed ? ((nint)x, (nint)dy) : ((nint)dy, (nint)x);
            workspace.Kernels.AccumulateOuterProduct(
                term.Weight.Rows, term.Weight.Columns, workspace.Lanes, (float*)left, (float*)right, workspace.Stride, dw, term.Weight.Columns);
        }
    }

    private readonly struct EqualTerms(ProductTerm[] terms) : IEquatable<EqualTerms>
    {
        private readonly ProductTerm[] _terms = terms;

        public bool Equals(EqualTerms other) => _terms.AsSpan().SequenceEqual(other._terms);

        public override bool Equals(object? obj) => obj is EqualTerms other && Equals(other);

        public override int GetHashCode() => _terms.Length;
    }
}
