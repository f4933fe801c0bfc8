using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Engine.Execution;

/// <summary>
/// The products of weights of a graph: computed before the panels run, and their gradients passed on to the factors afterwards. Every block of rows is
/// one item of parallel work and one thread's alone, so the results have the same bits on any number of threads.
/// </summary>
internal sealed unsafe class WeightProducts
{
    private const int BlockRows = 48;

    private readonly WorkerPool _pool;
    private readonly KernelSet _kernels;
    private readonly List<Packed> _packed = [];
    private readonly List<Product> _products = [];
    private readonly Blocks _pack, _multiply, _backward, _transposedBackward;

    public WeightProducts(Graph graph, WorkerPool pool, KernelSet kernels)
    {
        (_pool, _kernels) = (pool, kernels);
        foreach (var product in graph.WeightProducts)
        {
            // P_ij = Σ_d left_id right_dj: both are packed with d contiguous.
            _products.Add(new Product(
                product, Pack(graph, product.Left.Weight, product.Left.Transposed), Pack(graph, product.Right.Weight, !product.Right.Transposed)));
        }

        var trained = _packed.FindAll(packed => packed.Trains);
        var dependent = _products.FindAll(product => product.Source.DependsOnTrainable);
        // Weights that this graph does not train may be trained by another, as an evaluation's are: all are taken anew each time.
        _pack = new Blocks(_packed.Select(packed => packed.Rows), (i, first, rows) => _packed[i].Take(first, rows));
        _multiply = new Blocks(_products.Select(product => product.Left.Rows), (i, first, rows) => _products[i].Multiply(kernels, first, rows));
        // A weight that is packed in both orientations has one gradient: its two parts are added one after the other.
        _backward = Backward([.. trained.Where(packed => !packed.ByColumn)]);
        _transposedBackward = Backward([.. trained.Where(packed => packed.ByColumn)]);

        Blocks Backward(List<Packed> operands) => new(
            operands.Select(packed => packed.Rows), (i, first, rows) => operands[i].Backward(dependent, _kernels, Gradients!, first, rows));
    }

    private ParameterGradients? Gradients { get; set; }

    /// <summary>Computes the products from the weights as they are.</summary>
    public void Forward()
    {
        _pool.Run(_pack, _pack.Count);
        _pool.Run(_multiply, _multiply.Count);
    }

    /// <summary>Adds to the gradients of the factors what those of the products say.</summary>
    public void Backward(ParameterGradients gradients)
    {
        Gradients = gradients;
        _pool.Run(_backward, _backward.Count);
        _pool.Run(_transposedBackward, _transposedBackward.Count);
    }

    private Packed Pack(Graph graph, Parameter weight, bool byColumn)
    {
        var packed = _packed.Find(existing => existing.Weight == weight && existing.ByColumn == byColumn);
        if (packed is null) _packed.Add(packed = new Packed(weight, byColumn, graph.Trainable.OffsetOf(weight) >= 0));
        return packed;
    }

    private sealed class Product(WeightProductParameter source, Packed left, Packed right)
    {
        public WeightProductParameter Source => source;

        public Packed Left => left;

        public Packed Right => right;

        public void Multiply(KernelSet kernels, int first, int rows)
        {
            var value = source.Value;
            float* result = value.Pointer + (long)first * value.Columns;
            new Span<float>(result, rows * value.Columns).Clear();
            kernels.AccumulateOuterProduct(
                rows, right.Rows, left.Lanes, left.Values + (long)first * left.Stride, right.Values, left.Stride, result, value.Columns);
        }
    }

    /// <summary>A weight with the direction that is summed over made contiguous and padded, and room for its gradient in the same shape.</summary>
    private sealed class Packed
    {
        private readonly AlignedBuffer _values;
        private readonly AlignedBuffer? _gradient;

        public Packed(Parameter weight, bool byColumn, bool trains)
        {
            (Weight, ByColumn, Trains) = (weight, byColumn, trains);
            Rows = byColumn ? weight.Columns : weight.Rows;
            Width = byColumn ? weight.Rows : weight.Columns;
            Lanes = (Width + KernelSet.LaneBlock - 1) / KernelSet.LaneBlock * KernelSet.LaneBlock;
            // Rows a power of two apart would compete for the same lines of the cache.
            Stride = Lanes + KernelSet.LaneBlock;
            _values = new AlignedBuffer((long)Rows * Stride);
            if (trains) _gradient = new AlignedBuffer((long)Rows * Stride);
        }

        public Parameter Weight { get; }

        public bool ByColumn { get; }

        public bool Trains { get; }

        public int Rows { get; }

        public int Width { get; }

        public int Lanes { get; }

        public int Stride { get; }

        public float* Values => _values.Pointer;

        public void Take(int first, int rows)
        {
            for (int row = first; row < first + rows; row++)
            {
                var packed = _values.Span.Slice(row * Stride, Width);
                if (!ByColumn) Weight.Row(row).CopyTo(packed);
                else
                    for (int i = 0; i < Width; i++) packed[i] = Weight[i, row];
            }
        }

        public void Backward(List<Product> products, KernelSet kernels, ParameterGradients gradients, int first, int rows)
        {
            float* gradient = _gradient!.Pointer + (long)first * Stride;
            bool accumulate = false;
            foreach (var product in products)
            {
                float* dProduct = gradients.Pointer(product.Source.Value);
                int columns = product.Source.Value.Columns;
                if (product.Left == this)
                {
                    // dL = dP R
                    kernels.MatrixProduct(
                        rows, columns, Lanes, dProduct + (long)first * columns, columns, 1, product.Right.Values, gradient, Stride, accumulate);
                    accumulate = true;
                }

                if (product.Right == this)
                {
                    // dR = dPᵀ L
                    kernels.MatrixProduct(
                        rows, product.Left.Rows, Lanes, dProduct + first, 1, columns, product.Left.Values, gradient, Stride, accumulate);
                    accumulate = true;
                }
            }

            if (!accumulate) return;
            var sums = gradients.Of(Weight);
            for (int row = first; row < first + rows; row++)
            {
                var part = _gradient.Span.Slice(row * Stride, Width);
                int start = ByColumn ? row : row * Width, step = ByColumn ? Rows : 1;
                for (int i = 0; i < part.Length; i++) sums[start + i * step] += part[i];
            }
        }
    }

    /// <summary>Work on matrices, cut into blocks of rows.</summary>
    private sealed class Blocks : IParallelWork
    {
        private readonly List<(int Matrix, int First, int Rows)> _blocks = [];
        private readonly Action<int, int, int> _action;

        public Blocks(IEnumerable<int> rowsOfMatrices, Action<int, int, int> action)
        {
            _action = action;
            foreach (var (matrix, rows) in rowsOfMatrices.Index())
                for (int first = 0; first < rows; first += BlockRows)
                    _blocks.Add((matrix, first, Math.Min(BlockRows, rows - first)));
        }

        public int Count => _blocks.Count;

        public void Execute(int item, int worker)
        {
            var (matrix, first, rows) = _blocks[item];
            _action(matrix, first, rows);
        }
    }
}
