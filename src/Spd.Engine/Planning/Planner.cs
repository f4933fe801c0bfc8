using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Engine.Planning;

/// <summary>Makes a <see cref="Plan"/>: what is needed, its phase, its pass, where sums are added up, and which rows a value has while it is needed.</summary>
internal sealed class Planner(Objective objective, Func<Operation, Traits> traitsOf, Plan? given)
{
    private readonly Dictionary<Value, Place> _places = [];
    private readonly Dictionary<Place, PlannedOperation> _sources = [];
    private List<PlannedOperation> _operations = [];
    private int _panelRows;

    public Plan Plan(Batch batch, IReadOnlyDictionary<Parameter, Value> gradients, IReadOnlyList<Value> outputs)
    {
        CollectNeeded(outputs);
        NumberPhases();
        NumberPasses();
        PlaceSums();
        _operations = [.. _operations.OrderBy(operation => operation.Phase).ThenBy(operation => operation.Pass).ThenBy(operation => operation.Index)];
        ChooseStores();
        PlaceRows();
        int last = _operations.Count == 0 ? 0 : _operations[^1].Phase;
        var phases = Enumerable.Range(0, last + 1).Select(number => new Phase(number % 2 == 1, [.. _operations.Where(operation => operation.Phase == number)]));
        return new Plan(objective, batch, gradients, [.. phases], _places, given, _panelRows);
    }

    private void CollectNeeded(IReadOnlyList<Value> outputs)
    {
        var needed = new HashSet<Value>(outputs);
        var sources = new List<Operation>();
        foreach (var operation in objective.Graph.Operations.Reverse())
        {
            var results = objective.Graph.ResultsOf(operation);
            if (!results.Any(needed.Contains)) continue;
            if (given is not null && results.Where(needed.Contains).All(IsGiven)) continue;
            sources.Add(operation);
            needed.UnionWith(operation.Inputs);
        }

        foreach (var (index, operation) in Enumerable.Reverse(sources).Index())
        {
            Place[] results = [.. objective.Graph.ResultsOf(operation).Select(PlaceOf)];
            foreach (var result in results) result.IsGiven = false;
            var planned = new PlannedOperation(operation, [.. operation.Inputs.Select(PlaceOf)], results, index, traitsOf(operation));
            foreach (var result in results) _sources[result] = planned;
            _operations.Add(planned);
        }

        foreach (var output in outputs) PlaceOf(output).IsOutput = true;
    }

    private bool IsGiven(Value value) => value.Shape.Domain != Domain.Step && value.Source is not Weight && given?.Find(value) is { IsOutput: true };

    private Place PlaceOf(Value value)
    {
        if (_places.TryGetValue(value, out var place)) return place;
        _places[value] = place = new Place(value.Shape, value);
        if (IsGiven(value) && given!.Find(value) is { } other) (place.IsGiven, place.Store, place.Row) = (true, other.Store, other.Row);
        return place;
    }

    private void NumberPhases()
    {
        foreach (var operation in _operations)
        {
            bool isPanels = operation.Results.Any(result => result.Shape.IsPanel) || operation.Inputs.Any(input => input.Shape.IsPanel);
            int phase = isPanels ? 1 : 0;
            foreach (var input in operation.Inputs)
            {
                if (!_sources.TryGetValue(input, out var source)) continue;
                int behind = source.Phase % 2 == 1 && !input.Shape.IsPanel ? source.Phase + 1 : source.Phase;
                phase = Math.Max(phase, (behind % 2 == 1) == isPanels ? behind : behind + 1);
            }

            operation.Phase = phase;
        }
    }

    /// <summary>
    /// The last loss runs first, so that every sum takes its parts in the order in which one backward pass over all of them would add them; losses without a
    /// product of their own come last: they have no forward of their own, and what they read need not wait for them.
    /// </summary>
    private void NumberPasses()
    {
        var panels = _operations.FindAll(operation => operation.Phase % 2 == 1);
        var losses = panels.FindAll(operation => operation.Results.Any(result => result.Shape == Shape.Number && result.IsWanted));
        var heavy = ReadByOneLoss(panels, losses);
        int number = 0;
        foreach (var loss in Enumerable.Reverse(losses).OrderBy(loss => heavy.Contains(loss) ? 0 : 1)) loss.Pass = ++number;

        // What a loss precedes runs in the latest pass that it reads, and everything else in the first that reads it.
        var behind = new HashSet<Place>();
        foreach (var operation in panels)
        {
            operation.Pass = operation.Inputs.Where(behind.Contains).Select(input => _sources[input].Pass).Append(operation.Pass).Max();
            if (operation.Pass > 0) behind.UnionWith(operation.Results);
        }

        foreach (var operation in Enumerable.Reverse(panels))
        {
            if (operation.Pass == 0)
                operation.Pass = operation.Results.SelectMany(result => result.Users).Where(user => user.Phase == operation.Phase).Select(user => user.Pass).DefaultIfEmpty(1).Min();
        }
    }

    /// <summary>The losses upstream of which there is a product that no other loss reads.</summary>
    private HashSet<PlannedOperation> ReadByOneLoss(List<PlannedOperation> panels, List<PlannedOperation> losses)
    {
        // For each operation the one loss that reads it; -1 for several.
        const int Several = -1;
        var reader = new Dictionary<PlannedOperation, int>();
        foreach (var (i, loss) in losses.Index()) reader[loss] = i;
        var heavy = new HashSet<PlannedOperation>();
        foreach (var operation in Enumerable.Reverse(panels))
        {
            if (!reader.TryGetValue(operation, out int loss)) continue;
            if (loss != Several && operation.Operation is MatMul) heavy.Add(losses[loss]);
            foreach (var input in operation.Inputs)
            {
                if (!_sources.TryGetValue(input, out var source) || source.Phase % 2 == 0) continue;
                reader[source] = reader.TryGetValue(source, out int other) && other != loss ? Several : loss;
            }
        }

        return heavy;
    }

    /// <summary>Has the parts of every sum computed in its place, or, where that cannot be, copied there; the first is stored, the others are added.</summary>
    private void PlaceSums()
    {
        foreach (var sum in _operations.FindAll(operation => operation.Operation is Sum && operation.Results[0].Shape.Domain != Domain.Step))
        {
            var total = sum.Results[0];
            var parts = sum.Inputs.ToArray();
            bool isFirst = true;
            foreach (int i in Enumerable.Range(0, parts.Length).OrderBy(i => KeyOf(parts[i])).ToArray())
            {
                if (IsOwn(parts[i]) && (isFirst || !total.Shape.IsPanel || CanBeAdded(parts[i]))) (parts[i].Into, parts[i].Accumulates) = (total, !isFirst);
                else parts[i] = Copied(parts[i], isFirst);
                isFirst = false;
            }

            sum.Inputs = parts;

            // Matrices computed from weights have a layout of their own, as a rule, and are then copied to a sum.
            bool IsOwn(Place part) => part is { Users.Count: 1, IsOutput: false, Into: null } && _sources.TryGetValue(part, out var source)
                && (total.Shape.IsPanel ? source.Phase == sum.Phase && source.Operation is not Sum
                    : source is { IsReduction: true, Traits.IsMaximum: false } || source.Traits.FitsSums);

            bool CanBeAdded(Place part) => (_sources[part].Traits.Accumulates >> part.Index & 1) != 0;

            // A part from elsewhere is copied at the sum; a reduction, once it is complete.
            (int Phase, int Pass, double Index) KeyOf(Place part)
            {
                var source = _sources.GetValueOrDefault(part);
                if (IsOwn(part)) return (source!.Phase, source.Pass, source.Index);
                if (!total.Shape.IsPanel) return source is null ? (0, 0, -1.0) : (source.Phase + source.Phase % 2, 0, source.Index + 0.5);
                return source is not null && source.Phase == sum.Phase ? (source.Phase, source.Pass, source.Index + 0.5) : (sum.Phase, sum.Pass, sum.Index - 0.5);
            }

            Place Copied(Place part, bool isFirstPart)
            {
                var (phase, pass, index) = KeyOf(part);
                part.Users.Remove(sum);
                var copy = new Copy(part.Value!);
                var place = new Place(total.Shape, value: null) { Into = total, Accumulates = !isFirstPart };
                _operations.Add(_sources[place] = new PlannedOperation(copy, [part], [place], index, traitsOf(copy)) { Phase = phase, Pass = pass });
                place.Users.Add(sum);
                return place;
            }
        }
    }

    private void ChooseStores()
    {
        int numbers = 0, parameters = 0, weights = 0, sums = 0;
        foreach (var operation in _operations)
        {
            foreach (var result in operation.Results)
            {
                if (result.IsGiven) continue;
                result.Store = result.Shape.Domain switch
                {
                    Domain.Step => Store.Numbers,
                    Domain.Weights when operation.Operation is Weight => Store.Parameter,
                    Domain.Weights => operation.IsReduction || result.Home != result || operation.Operation is Sum ? Store.Sums : Store.Weights,
                    _ => result.Home.IsOutput || result.Home.Users.Exists(user => user.Phase != operation.Phase) ? Store.Batch : Store.Panel,
                };
                if (result.Home != result) continue;
                result.Row = result.Store switch
                {
                    Store.Numbers => numbers++,
                    Store.Parameter => parameters++,
                    Store.Weights => weights++,
                    Store.Sums => sums++,
                    _ => -1,
                };
            }
        }

        foreach (var place in _sources.Keys.Where(place => place.Home != place && !place.Shape.IsPanel)) place.Row = place.Home.Row;
    }

    /// <summary>Gives every panel its rows: largest first, the lowest rows that are free as long as it is needed.</summary>
    private void PlaceRows()
    {
        var at = _operations.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var lives = new Dictionary<Place, Life>();
        foreach (var operation in _operations)
        {
            foreach (var place in operation.Results.Where(result => (result.Shape.IsPanel || result.Store == Store.Weights) && result is { IsGiven: false, IsWanted: true }))
            {
                if (place.Into is null && place.Store is Store.Panel or Store.Weights) place.Over = FindOver(operation, place);
                var home = place.Home;
                int to = place.Users.Select(user => at[user]).DefaultIfEmpty(at[operation]).Max();
                lives[home] = lives.TryGetValue(home, out var life) ? new(Math.Min(life.From, at[operation]), Math.Max(life.To, to)) : new(at[operation], to);
            }
        }

        int batchRows = 0;
        var placed = new List<(Place Place, Life Life)>();
        foreach (var (home, life) in lives.Where(entry => entry.Key.Shape.IsPanel).OrderByDescending(entry => entry.Key.Shape.Rows).ThenBy(entry => entry.Value.From))
        {
            if (home.Store == Store.Batch)
            {
                home.Row = batchRows;
                batchRows += home.Shape.Rows;
                continue;
            }

            home.Row = 0;
            foreach (var (other, _) in placed.Where(entry => entry.Life.From <= life.To && entry.Life.To >= life.From).OrderBy(entry => entry.Place.Row))
            {
                if (home.Row + home.Shape.Rows <= other.Row) break;
                home.Row = Math.Max(home.Row, other.Row + other.Shape.Rows);
            }

            placed.Add((home, life));
            _panelRows = Math.Max(_panelRows, home.Row + home.Shape.Rows);
        }

        foreach (var place in _sources.Keys.Where(place => place.Shape.IsPanel && !place.IsGiven)) (place.Row, place.Store) = (place.Home.Row, place.Home.Store);

        // A result takes over the rows of an input that nothing reads afterwards.
        Place? FindOver(PlannedOperation operation, Place result)
        {
            if (result.IsOutput || operation.Results.First(other => other.IsWanted && other.Store == result.Store) != result) return null;
            for (int i = 0; i < operation.Inputs.Count; i++)
            {
                var input = operation.Inputs[i];
                if ((operation.Traits.Overwrites >> i & 1) == 0 || input.IsGiven || input.IsOutput || input.Home.Store != result.Store || input.Shape.Count != result.Shape.Count || input.Shape.Rows != result.Shape.Rows) continue;
                if (!lives.TryGetValue(input.Home, out var life) || life.To > at[operation]) continue;
                if (operation.Inputs.Count(other => other.Home == input.Home) == 1) return input;
            }

            return null;
        }
    }

    private readonly record struct Life(int From, int To);
}
