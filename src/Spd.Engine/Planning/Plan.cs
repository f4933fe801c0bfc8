using System.Globalization;
using System.Text;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using static System.FormattableString;

namespace Spd.Engine.Planning;

/// <summary>Where a value lies.</summary>
public enum Store
{
    /// <summary>The numbers of a step.</summary>
    Numbers,

    /// <summary>A parameter's own memory.</summary>
    Parameter,

    /// <summary>Matrices computed from weights.</summary>
    Weights,

    /// <summary>What is summed over the batch.</summary>
    Sums,

    /// <summary>Rows of a panel, used again when nothing needs them any more.</summary>
    Panel,

    /// <summary>Rows for all lanes of the batch, read by a later phase, another plan, or whoever asked for them.</summary>
    Batch,
}

/// <summary>A value, or a part of a sum, and the place that a plan gives it.</summary>
public sealed class Place
{
    internal Place(Shape shape, Value? value) => (Shape, Value) = (shape, value);

    /// <summary>Its shape.</summary>
    public Shape Shape { get; }

    /// <summary>The value; null for a copy that only the plan knows of.</summary>
    public Value? Value { get; }

    /// <summary>Where it lies.</summary>
    public Store Store { get; internal set; }

    /// <summary>Its first row in <see cref="Store.Panel"/> or <see cref="Store.Batch"/>; its number in the other stores.</summary>
    public int Row { get => Home == this ? field : Home.Row; internal set; } = -1;

    /// <summary>Whether it is added to what lies there.</summary>
    public bool Accumulates { get; internal set; }

    /// <summary>Whether it lies where another plan put it.</summary>
    public bool IsGiven { get; internal set; }

    internal List<PlannedOperation> Users { get; } = [];

    internal bool IsOutput { get; set; }

    // The sum in whose place it is computed, and the value whose rows it takes over.
    internal Place? Into { get; set; }

    internal Place? Over { get; set; }

    // The operations, by their places in the plan, from the first that writes it to the last that reads it.
    internal int From { get; set; } = -1;

    internal int To { get; set; } = -1;

    internal Place Home => Into?.Home ?? Over?.Home ?? this;

    internal bool IsWanted => Users.Count > 0 || IsOutput;

    internal int Index => Value?.Index ?? 0;
}

/// <summary>An operation at its place in a plan.</summary>
public sealed class PlannedOperation
{
    internal PlannedOperation(Operation operation, IReadOnlyList<Place> inputs, IReadOnlyList<Place> results, double index, Traits traits)
    {
        (Operation, Inputs, Results, Index, Traits) = (operation, inputs, results, index, traits);
        foreach (var input in inputs) input.Users.Add(this);
    }

    /// <summary>The operation.</summary>
    public Operation Operation { get; }

    /// <summary>Where its inputs lie.</summary>
    public IReadOnlyList<Place> Inputs { get; internal set; }

    /// <summary>Where its results go.</summary>
    public IReadOnlyList<Place> Results { get; }

    /// <summary>What the back end says of it.</summary>
    public Traits Traits { get; }

    /// <summary>0: before the panels; 1: in them; 2: behind their reduction; 3: in the next panels, and so on.</summary>
    public int Phase { get; internal set; }

    /// <summary>The pass, forward to a loss and backward from it, in which it runs.</summary>
    public int Pass { get; internal set; }

    // The order of the graph, and the place in the plan.
    internal double Index { get; }

    internal int At { get; set; }

    // Weights lie there already, and the parts of a sum are computed where it lies.
    internal bool IsComputed => Operation is not (Weight or Sum { Parts: [{ Shape.Domain: not Domain.Step }, ..] });

    internal bool IsReduction => Inputs.Any(input => input.Shape.IsPanel) && Results.Any(result => !result.Shape.IsPanel && result.IsWanted);
}

/// <summary>A stretch of a plan that runs from beginning to end before the next begins.</summary>
/// <param name="IsPanels">Whether its operations run panel by panel; or else once, on the weights.</param>
/// <param name="Operations">The operations in their order.</param>
public sealed record Phase(bool IsPanels, IReadOnlyList<PlannedOperation> Operations);

/// <summary>
/// What runs for one description, one set of outputs and one shape of batch, in which order, and where it lies. One masked pass goes forward, to its loss and
/// backward before the next begins; rows are used again once nothing needs them; parts of a sum are computed where the sum lies.
/// </summary>
public sealed class Plan
{
    private const string Letters = " kMGTPE";
    private const int MostLeaves = 16;
    private const int NarrowestPanel = 128, WidestPanel = 256;
    private const long LeafBytes = 256L * 1024 * 1024;

    /// <summary>Bytes of a panel beyond which memory counts more than time: its lanes are fewer, and what is cheap is computed again.</summary>
    internal const long LargestPanel = 32L * 1024 * 1024;

    private readonly Dictionary<Value, Place> _places;

    internal Plan(Objective objective, Batch batch, IReadOnlyDictionary<Parameter, Value> gradients, Plan? given, Planner planner)
    {
        (Objective, Batch, Gradients) = (objective, batch, gradients);
        (Phases, _places, PanelRows) = (planner.Phases, planner.Places, planner.PanelRows);
        Terms = [.. objective.Terms];
        var results = Phases.SelectMany(phase => phase.Operations).SelectMany(operation => operation.Results.Select(place => (Operation: operation, Place: place)))
            .Where(entry => entry.Place.Store == Store.Sums).ToList();
        Sums = [.. results.Select(entry => entry.Place.Home).Distinct().OrderBy(place => place.Row)];
        Reductions = results.Where(entry => entry.Operation is { IsReduction: true, Traits.WritesColumns: false } && entry.Place.IsWanted).DistinctBy(entry => entry.Place.Home)
            .ToDictionary(entry => entry.Place.Home, entry => entry.Operation.Traits.IsMaximum);
        KeptRows = _places.Values.Where(place => place is { Store: Store.Batch, IsGiven: false } && place.Home == place).Sum(place => (long)place.Shape.Rows);
        PanelLanes = given?.PanelLanes ?? LanesFor(batch, PanelRows);
        int summed = Math.Max(Reductions.Keys.Sum(place => place.Shape.Count), 1);
        Leaves = Math.Min(Panels, (int)Math.Clamp(LeafBytes / sizeof(float) / summed, 1, MostLeaves));
    }

    /// <summary>The losses, and the graph that describes them.</summary>
    public Objective Objective { get; }

    /// <summary>The shape of the batch.</summary>
    public Batch Batch { get; }

    /// <summary>The terms of the objective when it was planned.</summary>
    public IReadOnlyList<Term> Terms { get; }

    /// <summary>The gradients of the objective that it computes.</summary>
    public IReadOnlyDictionary<Parameter, Value> Gradients { get; }

    /// <summary>What runs, one after the other: weights, panels, weights, and so on.</summary>
    public IReadOnlyList<Phase> Phases { get; }

    /// <summary>Lanes of a panel.</summary>
    public int PanelLanes { get; }

    /// <summary>Panels of the batch.</summary>
    public int Panels => (Batch.Lanes + PanelLanes - 1) / PanelLanes;

    /// <summary>Rows of a panel's memory.</summary>
    public int PanelRows { get; }

    /// <summary>Bytes of a panel's memory: what a thread computes in.</summary>
    public long PanelBytes => (long)PanelRows * PanelLanes * sizeof(float);

    /// <summary>
    /// Runs of panels that are summed apart, each by one thread at a time, and then added up in their order: a function of model and batch alone, so that the
    /// sums have the same bits on any number of threads.
    /// </summary>
    public int Leaves { get; }

    /// <summary>The matrices and vectors that are summed over the batch, or added up from such.</summary>
    public IReadOnlyList<Place> Sums { get; }

    /// <summary>Rows of all that lies in memory for the whole batch.</summary>
    public long KeptRows { get; }

    // Those of Sums that panels add to, each with whether it is a maximum.
    internal IReadOnlyDictionary<Place, bool> Reductions { get; }

    /// <summary>The work of a run.</summary>
    public Work Work => Phases.Select(WorkOf).Aggregate(default(Work), (sum, work) => sum + work);

    /// <summary>Where a value lies, or null where the plan neither computes nor reads it.</summary>
    public Place? Find(Value value) => _places.GetValueOrDefault(value);

    /// <summary>Plans a run.</summary>
    /// <param name="objective">The losses; their derivatives are added to the graph.</param>
    /// <param name="batch">The shape of the batch.</param>
    /// <param name="traitsOf">What the back end says of an operation.</param>
    /// <param name="trained">The parameters whose gradients are wanted.</param>
    /// <param name="keep">Values to be read afterwards, besides the losses.</param>
    /// <param name="given">A plan whose kept values are taken as they are, without computing them anew.</param>
    /// <param name="largestPanel">Bytes of a panel beyond which what is cheap is computed again rather than kept.</param>
    /// <exception cref="ArgumentException">The given plan is of another batch, or a value to be kept of another graph.</exception>
    public static Plan Of(
        Objective objective, Batch batch, Func<Operation, Traits> traitsOf, IEnumerable<Parameter>? trained = null, IReadOnlyList<Value>? keep = null,
        Plan? given = null, long largestPanel = LargestPanel)
    {
        if (given is not null && given.Objective.Graph != objective.Graph)
            throw new ArgumentException("the plan whose kept values are given is of another graph", nameof(given));
        if (given is not null && given.Batch != batch)
        {
            throw new ArgumentException(
                $"what is kept for a batch of {given.Batch.Sequences} x {given.Batch.Length} cannot be given to one of {batch.Sequences} x {batch.Length}",
                nameof(given));
        }

        foreach (var value in keep ?? [])
            if (!objective.Graph.Holds(value)) throw new ArgumentException($"{value}, which is to be kept, belongs to another graph", nameof(keep));
        var gradients = objective.GradientsBy(trained ?? []);
        Value[] outputs = [.. keep ?? [], .. objective.Terms.Select(term => term.Loss), .. gradients.Values];
        var planner = new Planner(objective.Graph, outputs, traitsOf, given);
        var plan = new Plan(objective, batch, gradients, given, planner);
        if (plan.PanelBytes <= largestPanel) return plan;
        return new Plan(objective, batch, gradients, given, new Planner(objective.Graph, outputs, traitsOf, given, planner.Fullest));
    }

    /// <summary>The work of a phase for the whole batch.</summary>
    public Work WorkOf(Phase phase)
    {
        var work = phase.Operations.Aggregate(default(Work), (sum, operation) => sum + operation.Operation.WorkAt(Batch.Length));
        return phase.IsPanels ? work * Batch.Lanes : work;
    }

    /// <summary>The plan as tables of at most 80 columns: what lies where, and for each phase and pass its operations and their work.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        long reduced = Reductions.Keys.Sum(place => (long)place.Shape.Count), summed = Sums.Sum(place => (long)place.Shape.Count);
        string rows = Batch.Length > 1 ? Invariant($"{Batch.Sequences} sequences of {Batch.Length} positions") : Invariant($"{Batch.Sequences} rows");
        Line("batch", Invariant($"{rows}, in {Panels} {(Panels == 1 ? "panel" : "panels")} of {PanelLanes} lanes"));
        Line("panel", Invariant($"{PanelRows} rows, {Bytes(PanelBytes)} for each thread"));
        Line("leaves", Invariant($"{Leaves}, each a sum of {reduced} numbers, {Bytes(reduced * sizeof(float))}"));
        Line("totals", Invariant($"{summed} numbers, {Bytes(summed * sizeof(float))}"));
        string kept = KeptRows == 0 ? "nothing" : Invariant($"{KeptRows} rows");
        Line("kept", kept + " for the whole batch" + (KeptRows == 0 ? "" : ", " + Bytes(KeptRows * Panels * PanelLanes * sizeof(float))));
        text.Append('\n');
        Row("phase", "pass", "ops", "products", "outer", "GELUs", "gradient", "uniforms", "entries");
        var groups = Phases.SelectMany(phase => phase.Operations.Where(operation => operation.IsComputed).GroupBy(operation => phase.IsPanels ? operation.Pass : 0)
            .OrderBy(group => group.Key).Select(group => (Pass: group.Key, Phase: phase with { Operations = [.. group] }))).ToList();
        foreach (var (pass, phase) in groups) WorkRow(pass == 0 ? "weights" : "panels", pass == 0 ? "" : Invariant($"{pass}"), phase.Operations.Count, WorkOf(phase));
        WorkRow("all", "", groups.Sum(group => group.Phase.Operations.Count), Work);
        if (Terms.Count > 0) text.Append('\n');
        int PassOf(Value loss) => groups.Find(group => group.Phase.Operations.Any(operation => operation.Operation == loss.Source)).Pass;
        foreach (var loss in Terms.GroupBy(term => term.Name, term => PassOf(term.Loss)))
            text.Append(CultureInfo.InvariantCulture, $"{loss.Key}: {InWords([.. loss.Distinct().Order()])}\n");
        return text.ToString();

        void Line(string name, string what) => text.Append(CultureInfo.InvariantCulture, $"{name,-9}{what}").Append('\n');

        void Row(params ReadOnlySpan<string> cells)
        {
            text.Append(CultureInfo.InvariantCulture, $"{cells[0],-8}{cells[1],4}{cells[2],5}");
            foreach (string amount in cells[3..]) text.Append(CultureInfo.InvariantCulture, $"{amount,10}");
            text.Append('\n');
        }

        void WorkRow(string phase, string pass, int operations, Work work) => Row(
            phase, pass, Invariant($"{operations}"), Amount(work.MultiplyAdds), Amount(work.OuterMultiplyAdds), Amount(work.Gelus), Amount(work.GeluGradients),
            Amount(work.Uniforms), Amount(work.Entries));
    }

    /// <summary>A number of operations in four digits, with the letter of its size: <c>3.219 G</c>.</summary>
    public static string Amount(double number)
    {
        if (number == 0) return "-";
        int size = Math.Clamp((int)Math.Floor(Math.Log10(number) / 3), 0, Letters.Length - 1);
        double scaled = number / Math.Pow(1000, size);
        string format = size == 0 ? "0.##" : scaled < 10 ? "0.000" : scaled < 100 ? "0.00" : "0.0";
        return $"{scaled.ToString(format, CultureInfo.InvariantCulture)} {Letters[size]}".TrimEnd();
    }

    private static string InWords(int[] passes) => passes switch
    {
        [0] => "on the weights",
        [var pass] => Invariant($"in pass {pass}"),
        [var first, .., var last] when last - first == passes.Length - 1 => Invariant($"in passes {first} to {last}"),
        _ => Invariant($"in passes {string.Join(", ", passes)}"),
    };

    private static string Bytes(long bytes)
    {
        int size = Math.Clamp((int)Math.Log2(Math.Max(bytes, 1)) / 10, 0, 3);
        return Invariant($"{bytes / Math.Pow(1024, size):0.#} {(size == 0 ? "bytes" : $"{char.ToUpperInvariant(Letters[size])}iB")}");
    }

    private static int LanesFor(Batch batch, int rows)
    {
        if (batch.Length > 1) return Batch.RoundUp(batch.SequenceLanes * Math.Max(1, Math.Min(batch.Sequences, NarrowestPanel / batch.SequenceLanes)));
        int lanes = batch.Lanes >= MostLeaves * WidestPanel ? WidestPanel : NarrowestPanel;
        // Of what lies in no cache anyway, less is better.
        if ((long)rows * lanes * sizeof(float) > LargestPanel) lanes = NarrowestPanel / 2;
        return Math.Min(lanes, Batch.RoundUp(batch.Lanes));
    }
}
