using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Engine.Planning;

/// <summary>Makes a <see cref="Plan"/>: what is needed, its phase, its pass, where sums are added up, and which rows a value has while it is needed.</summary>
internal sealed class Planner
{
    private readonly Plan? _given;
    private readonly Func<Operation, Traits> _traitsOf;
    private readonly Dictionary<Place, PlannedOperation> _sources = [];
    private readonly List<PlannedOperation> _operations;

    /// <param name="graph">The graph.</param>
    /// <param name="outputs">What is to be computed.</param>
    /// <param name="traitsOf">What the back end says of an operation.</param>
    /// <param name="given">A plan whose kept values need not be computed.</param>
    /// <param name="fullest">Where the panel of a plan of the same is fullest: what can be computed again behind it need not lie there. Null to compute nothing again.</param>
    public Planner(Graph graph, IReadOnlyList<Value> outputs, Func<Operation, Traits> traitsOf, Plan? given, int? fullest = null)
    {
        (_traitsOf, _given) = (traitsOf, given);
        _operations = Needed(graph, outputs);
        NumberPhases();
        NumberPasses();
        PlaceSums();
        _operations = [.. _operations.OrderBy(operation => (operation.Phase, operation.Pass, operation.Index))];
        NumberPlaces();
        if (fullest is { } place)
        {
            ComputeAgainBehind(place);
            NumberPlaces();
        }

        ChooseStores();
        PlaceRows();
        int last = _operations.Count == 0 ? 0 : _operations[^1].Phase;
        var phases = _operations.ToLookup(operation => operation.Phase);
        Phases = [.. Enumerable.Range(0, last + 1).Select(number => new Phase(number % 2 == 1, [.. phases[number]]))];
    }

    public IReadOnlyList<Phase> Phases { get; }

    public Dictionary<Value, Place> Places { get; } = [];

    public int PanelRows { get; private set; }

    /// <summary>The operation, by its place in the plan, at which most rows of a panel are needed.</summary>
    public int Fullest { get; private set; }

    private List<PlannedOperation> Needed(Graph graph, IReadOnlyList<Value> outputs)
    {
        var needed = new HashSet<Value>(outputs);
        var sources = new Stack<(Operation Operation, IReadOnlyList<Value> Results)>();
        foreach (var operation in graph.Operations.Reverse())
        {
            var results = graph.ResultsOf(operation);
            if (results.All(result => !needed.Contains(result) || IsGiven(result))) continue;
            sources.Push((operation, results));
            needed.UnionWith(operation.Inputs);
        }

        var planned = new List<PlannedOperation>();
        foreach (var (operation, values) in sources)
        {
            Place[] results = [.. values.Select(PlaceOf)];
            foreach (var result in results) result.IsGiven = false;
            planned.Add(new PlannedOperation(operation, [.. operation.Inputs.Select(PlaceOf)], results, planned.Count, _traitsOf(operation)));
            foreach (var result in results) _sources[result] = planned[^1];
        }

        foreach (var output in outputs) PlaceOf(output).IsOutput = true;
        return planned;
    }

    private bool IsGiven(Value value) => value.Shape.Domain != Domain.Step && value.Source is not Weight && _given?.Find(value) is { IsOutput: true };

    private Place PlaceOf(Value value)
    {
        if (Places.TryGetValue(value, out var place)) return place;
        Places[value] = place = new Place(value.Shape, value);
        if (IsGiven(value) && _given!.Find(value) is { } other) (place.IsGiven, place.Store, place.Row) = (true, other.Store, other.Row);
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
            foreach (var input in operation.Inputs)
                if (behind.Contains(input)) operation.Pass = Math.Max(operation.Pass, _sources[input].Pass);
            if (operation.Pass > 0) behind.UnionWith(operation.Results);
        }

        foreach (var operation in Enumerable.Reverse(panels))
        {
            if (operation.Pass > 0) continue;
            operation.Pass = operation.Results.SelectMany(result => result.Users).Where(user => user.Phase == operation.Phase)
                .Select(user => user.Pass).DefaultIfEmpty(1).Min();
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
                var part = parts[i];
                if (IsOwn(part) && (isFirst || !total.Shape.IsPanel || CanBeAdded(part))) (part.Into, part.Accumulates) = (total, !isFirst);
                else parts[i] = Copied(part, isFirst);
                isFirst = false;
            }

            sum.Inputs = parts;

            // Matrices computed from weights have a layout of their own, as a rule, and are then copied to a sum.
            bool IsOwn(Place part) => part is { Users.Count: 1, IsOutput: false, Into: null } && _sources.TryGetValue(part, out var source)
                && (total.Shape.IsPanel ? source.Phase == sum.Phase && source.Operation is not Sum
                    : source.Traits.WritesColumns ? parts.Length == 1
                    : !source.Traits.IsMaximum && (source.IsReduction || (source.Traits.Reduces >> part.Index & 1) != 0));

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
                _operations.Add(_sources[place] = new PlannedOperation(copy, [part], [place], index, _traitsOf(copy)) { Phase = phase, Pass = pass });
                place.Users.Add(sum);
                return place;
            }
        }
    }

    private void NumberPlaces()
    {
        for (int i = 0; i < _operations.Count; i++) _operations[i].At = i;
    }

    /// <summary>
    /// What is computed before a place in the plan and read behind it, is cheap, and follows from values that lie there anyway, is computed once more where it is
    /// next read; or only there, where nobody reads it before. From the last to the first, since what is computed again reads its inputs again.
    /// </summary>
    private void ComputeAgainBehind(int place)
    {
        for (int i = place; i >= 0; i--)
        {
            var operation = _operations[i];
            if (operation is not { Operation: Map or Combine or RowAffine or Uniform, Results: [{ Shape.IsPanel: true, IsOutput: false, Into: null } result] }) continue;
            if (result.Users.Exists(user => user.Phase != operation.Phase)) continue;
            var late = result.Users.FindAll(user => user.At > place);
            if (late.Count == 0) continue;
            int next = late.Min(_operations.IndexOf);
            var reader = _operations[next];
            if (!operation.Inputs.All(input => LiesUntil(input, reader, operation))) continue;
            if (late.Count == result.Users.Count)
            {
                _operations.RemoveAt(i);
                _operations.Insert(next - 1, operation);
                (operation.Pass, operation.At) = (reader.Pass, reader.At);
                continue;
            }

            var again = new Place(result.Shape, value: null);
            _operations.Insert(next, new PlannedOperation(operation.Operation, operation.Inputs, [again], operation.Index, operation.Traits)
            {
                Phase = reader.Phase,
                Pass = reader.Pass,
                At = reader.At,
            });
            result.Users.RemoveAll(late.Contains);
            again.Users.AddRange(late);
            foreach (var user in late) user.Inputs = [.. user.Inputs.Select(input => input == result ? again : input)];
        }

        static bool LiesUntil(Place input, PlannedOperation reader, PlannedOperation but) =>
            !input.Shape.IsPanel || input.IsGiven || input.IsOutput || input.Users.Exists(user => user != but && user.At >= reader.At);
    }

    private void ChooseStores()
    {
        int[] counts = new int[Enum.GetValues<Store>().Length];
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
                if (result.Home == result && !result.Shape.IsPanel) result.Row = counts[(int)result.Store]++;
            }
        }
    }

    /// <summary>Gives every panel its rows: largest first, the lowest rows that are free as long as it is needed.</summary>
    private void PlaceRows()
    {
        var homes = new List<Place>();
        foreach (var operation in _operations)
        {
            foreach (var place in operation.Results)
            {
                if (!(place.Shape.IsPanel || place.Store == Store.Weights) || place.IsGiven || !place.IsWanted) continue;
                if (place.Into is null && place.Store is Store.Panel or Store.Weights) place.Over = FindOver(operation, place);
                var home = place.Home;
                if (home.From < 0) homes.Add(home);
                home.From = home.From < 0 ? operation.At : Math.Min(home.From, operation.At);
                home.To = Math.Max(home.To, place.Users.Count == 0 ? operation.At : place.Users.Max(user => user.At));
            }
        }

        FindFullest(homes);
        int batchRows = 0;
        // By their first rows.
        var placed = new List<Place>();
        foreach (var home in homes.Where(home => home.Shape.IsPanel).OrderByDescending(home => home.Shape.Rows).ThenBy(home => home.From))
        {
            if (home.Store == Store.Batch)
            {
                home.Row = batchRows;
                batchRows += home.Shape.Rows;
                continue;
            }

            int at = 0;
            home.Row = 0;
            foreach (var other in placed)
            {
                if (home.Row + home.Shape.Rows <= other.Row) break;
                if (other.From <= home.To && other.To >= home.From) home.Row = Math.Max(home.Row, other.Row + other.Shape.Rows);
            }

            while (at < placed.Count && placed[at].Row < home.Row) at++;
            placed.Insert(at, home);
            PanelRows = Math.Max(PanelRows, home.Row + home.Shape.Rows);
        }
    }

    private void FindFullest(List<Place> homes)
    {
        int[] change = new int[_operations.Count + 1];
        foreach (var home in homes.Where(home => home.Store == Store.Panel))
        {
            change[home.From] += home.Shape.Rows;
            change[home.To + 1] -= home.Shape.Rows;
        }

        int rows = 0, most = 0;
        for (int i = 0; i < _operations.Count; i++)
        {
            rows += change[i];
            if (rows > most) (most, Fullest) = (rows, i);
        }
    }

    /// <summary>The input whose rows a result takes over, since nothing reads it afterwards; or null.</summary>
    private static Place? FindOver(PlannedOperation operation, Place result)
    {
        if (result.IsOutput || operation.Results.First(other => other.IsWanted && other.Store == result.Store) != result) return null;
        for (int i = 0; i < operation.Inputs.Count; i++)
        {
            var input = operation.Inputs[i];
            var home = input.Home;
            if ((operation.Traits.Overwrites >> i & 1) == 0 || input.IsGiven || input.IsOutput || home.Store != result.Store || home.From < 0) continue;
            if ((input.Shape.Rows, input.Shape.Columns) != (result.Shape.Rows, result.Shape.Columns) || home.To > operation.At) continue;
            if (operation.Inputs.Count(other => other.Home == home) == 1) return input;
        }

        return null;
    }
}
