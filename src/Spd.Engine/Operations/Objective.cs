using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>A loss in an objective: terms of one name add up.</summary>
/// <param name="Name">The loss it is part of.</param>
/// <param name="Loss">A number, as a rule a mean over the batch.</param>
/// <param name="Weight">The term's share in the loss of its name: 1 / samples, for example.</param>
/// <param name="Coefficient">The coefficient of the loss in the total; a loss whose coefficient is zero at every step is computed but trains nothing.</param>
public sealed record Term(string Name, Value Loss, double Weight, Schedule Coefficient);

/// <summary>Losses of a graph that are measured together, and minimised where something is trained: <c>Σ coefficient · weight · loss</c>.</summary>
public sealed class Objective(Graph graph)
{
    private readonly List<Term> _terms = [];

    /// <summary>The graph.</summary>
    public Graph Graph => graph;

    /// <summary>The terms.</summary>
    public IReadOnlyList<Term> Terms => _terms;

    /// <summary>The names of the losses, in the order in which they were added.</summary>
    public IReadOnlyList<string> LossNames => [.. _terms.Select(term => term.Name).Distinct()];

    /// <summary>Adds a term.</summary>
    /// <param name="name">The loss.</param>
    /// <param name="loss">A number of the graph.</param>
    /// <param name="weight">The term's share in the loss.</param>
    /// <param name="coefficient">The loss's coefficient in the total; null for one.</param>
    /// <exception cref="ArgumentException">It is no number, or of another graph, or the loss has another coefficient already.</exception>
    public void Add(string name, Value loss, double weight = 1, Schedule? coefficient = null)
    {
        graph.ThrowIfForeign(loss, $"the loss '{name}'");
        if (loss.Shape != Shape.Number) throw new ArgumentException($"the loss '{name}' is {loss}, but a loss is a number", nameof(loss));
        coefficient ??= 1;
        if (_terms.Find(term => term.Name == name) is { } other && other.Coefficient != coefficient)
        {
            throw new ArgumentException(
                $"the loss '{name}' has the coefficient {other.Coefficient} already and cannot have {coefficient} too: parts of one loss share it, and differ by weight");
        }

        _terms.Add(new Term(name, loss, weight, coefficient));
    }

    /// <summary>The gradients by parameters; a parameter that no term depends on is left out.</summary>
    /// <exception cref="NotSupportedException">An operation on the way has no derivative.</exception>
    public IReadOnlyDictionary<Parameter, Value> GradientsBy(IEnumerable<Parameter> parameters)
    {
        var weights = parameters.Distinct().ToDictionary(graph.Weight);
        var seeds = _terms.Where(term => !term.Coefficient.IsZero).Select(term => (term.Loss, graph.Scale(graph.Number(term.Coefficient), term.Weight))).ToList();
        // As sums, so that all of them lie where sums over the batch lie.
        return Derivative.Of(graph, seeds, weights.Keys).Where(entry => entry.Value is not null)
            .ToDictionary(entry => weights[entry.Key], entry => entry.Value!.Source is Sum ? entry.Value : graph.Add(new Sum([entry.Value!])));
    }

    /// <summary>
    /// What terms and their gradients by the parameters read that does not depend on them: kept by one program and given to another, it need not be computed
    /// anew each time that only the parameters change.
    /// </summary>
    /// <param name="parameters">What changes.</param>
    /// <param name="anew">What else is computed anew each time, such as random numbers; null for nothing.</param>
    public IReadOnlyList<Value> FrontierOf(IEnumerable<Parameter> parameters, IEnumerable<Value>? anew = null)
    {
        var changing = parameters.Select(graph.Weight).Concat(anew ?? []).ToHashSet();
        var needed = GradientsBy(parameters).Values.Concat(_terms.Select(term => term.Loss)).ToHashSet();
        foreach (var operation in graph.Operations)
            if (operation.Inputs.Any(changing.Contains)) changing.UnionWith(graph.ResultsOf(operation));
        var frontier = new HashSet<Value>();
        foreach (var operation in graph.Operations.Reverse())
        {
            if (!graph.ResultsOf(operation).Any(result => needed.Contains(result) && changing.Contains(result))) continue;
            needed.UnionWith(operation.Inputs);
            frontier.UnionWith(operation.Inputs.Where(input => !changing.Contains(input) && input.Source is not Weight && input.Shape.Domain != Domain.Step));
        }

        return [.. frontier];
    }
}
