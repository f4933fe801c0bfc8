using Spd.Decomposition;
using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Networks.Targets;

namespace Spd.Baselines;

/// <summary>
/// A Toy Model of Superposition whose matrices are sums of C components of rank r: <c>P_lc = A_lc B_lc</c>. The network, its bias too, is frozen.
/// </summary>
/// <remarks>
/// The factors are stored as those of a <see cref="FactoredMatrix"/>: V is A <c>[C, d_in, r]</c> and U is B <c>[C, r, d_out]</c>, a row per component and
/// rank. A tied <c>linear2</c> has the very factors of <c>linear1</c>, exchanged: one gradient, one step.
/// </remarks>
public sealed class ApdModel
{
    /// <summary>Splits both matrices at random; see <see cref="Initialise"/>.</summary>
    /// <param name="network">The target; it is not changed.</param>
    /// <param name="c">C.</param>
    /// <param name="rank">r, or null for <c>min(d_in, d_out) + 1</c> of <c>linear1</c>.</param>
    /// <param name="seed">Seed of the initial values.</param>
    /// <exception cref="ArgumentException">The network has hidden layers.</exception>
    public ApdModel(Tms network, int c, int? rank, ulong seed)
    {
        if (network.HiddenLayers.Count > 0)
            throw new ArgumentException("APD is available for a TMS without hidden layers, but this one has some: set n_hidden_layers to 0");
        Network = network;
        C = c;
        int r = rank ?? Math.Min(network.Linear1.Inputs, network.Linear1.Outputs) + 1;
        foreach (var (path, linear) in network.LinearMaps())
        {
            var matrix = linear.IsTransposed
                ? new FactoredMatrix(path, linear, Matrices[0].U, Matrices[0].V, r)
                : new FactoredMatrix(path, linear, new Parameter($"{path}.A", c * r, linear.Inputs), new Parameter($"{path}.B", c * r, linear.Outputs), r);
            if (!linear.IsTransposed) Initialise(matrix, new RandomSequence(seed, DecompositionStreams.Components.Stream(Matrices.Count)));
            Matrices = [.. Matrices, matrix];
        }

        Parameters = new ParameterSet(Matrices.SelectMany(matrix => new[] { matrix.V, matrix.U }));
    }

    /// <summary>The target.</summary>
    public Tms Network { get; }

    /// <summary>C.</summary>
    public int C { get; }

    /// <summary><c>linear1</c> and <c>linear2</c>.</summary>
    public IReadOnlyList<FactoredMatrix> Matrices { get; } = [];

    /// <summary>Everything that trains.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>N: entries of both matrices.</summary>
    public int TargetEntries => Matrices.Sum(matrix => matrix.Target.Count);

    /// <summary>The network with its matrices replaced by the sums of their active components, <c>z = Bᵀ((A x) ∘ m) + b</c>.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Input <c>[features, lanes]</c>.</param>
    /// <param name="mask">m <c>[C·r, lanes]</c>: one where a component is active; null for all.</param>
    /// <param name="inputs">Receives the input of each matrix, where it is given.</param>
    public Value Forward(Graph graph, Value x, Value? mask, IDictionary<FactoredMatrix, Value>? inputs = null) =>
        Network.Forward(new ForwardPass(graph, (linear, input) =>
        {
            var matrix = Of(linear);
            inputs?.Add(matrix, input);
            var inner = graph.MatMul(matrix.V, input);                             // h = A x          (C·r, B)
            var masked = mask is null ? inner : graph.Multiply(inner, mask);        // h ∘ m            (C·r, B)
            return graph.AddBias(graph.MatMul(matrix.U, masked, transposed: true), linear.Bias);
        }), x);

    /// <summary>The unmodified network.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Input <c>[features, lanes]</c>.</param>
    /// <param name="inputs">Receives the input of each matrix, where it is given.</param>
    public Value TargetForward(Graph graph, Value x, IDictionary<FactoredMatrix, Value>? inputs = null) =>
        Network.Forward(new ForwardPass(graph, (linear, input) =>
        {
            inputs?.Add(Of(linear), input);
            return null;
        }), x);

    /// <summary>
    /// Xavier-normal numbers, with the fans that PyTorch gives tensors of these shapes: <c>2 / ((C + d_in) r)</c> is the variance of A
    /// <c>[C, d_in, r]</c>, and <c>2 / ((C + r) d_out)</c> that of B <c>[C, r, d_out]</c>.
    /// </summary>
    private static void Initialise(FactoredMatrix matrix, RandomSequence random)
    {
        random.FillNormal(matrix.V.Values, Math.Sqrt(2.0 / ((matrix.C + matrix.Inputs) * matrix.Rank)));
        random.FillNormal(matrix.U.Values, Math.Sqrt(2.0 / ((matrix.C + matrix.Rank) * matrix.Outputs)));
    }

    private FactoredMatrix Of(Linear linear) => Matrices.First(matrix => matrix.Linear == linear);
}
