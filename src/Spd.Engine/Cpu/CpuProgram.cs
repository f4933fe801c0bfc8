using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>A plan on the processor: its memory, its instructions, and the threads that run them.</summary>
internal sealed unsafe class CpuProgram : Program
{
    private readonly CpuBackend _backend;
    private readonly CpuProgram? _given;
    private readonly double[] _numbers;
    private readonly AlignedBuffer _sums, _batch;
    private readonly List<AlignedBuffer> _memory = [];
    private readonly Dictionary<Place, Slot> _matrices = [];
    private readonly Dictionary<Value, InputValues> _inputs = [];
    private readonly List<(Slot Slot, int Length, float Value)> _cleared = [];
    private readonly List<Action<ulong, long>> _phases = [];
    private bool _hasRun;

    public CpuProgram(CpuBackend backend, Plan plan, ParameterSet trained, CpuProgram? given)
        : base(plan)
    {
        (_backend, _given) = (backend, given);
        var results = plan.Phases.SelectMany(phase => phase.Operations).SelectMany(operation => operation.Results).ToList();
        _numbers = new double[results.Count(place => place.Store == Store.Numbers)];
        _batch = new AlignedBuffer(plan.KeptRows * plan.Panels * plan.PanelLanes);

        // Sums over the batch first: each run of panels has memory of its own for those. Behind all, zeros for parameters that nothing depends on.
        Place[] sums = [.. plan.Sums.Where(plan.Reductions.ContainsKey), .. plan.Sums.Where(sum => !plan.Reductions.ContainsKey(sum))];
        int zeros = trained.Parameters.Where(parameter => !plan.Gradients.ContainsKey(parameter)).Select(parameter => parameter.Count).Append(0).Max();
        _sums = new AlignedBuffer(sums.Sum(sum => (long)Batch.RoundUp(sum.Shape.Count)) + zeros);
        int length = 0, reduced = 0;
        foreach (var sum in sums)
        {
            _matrices[sum] = AbsoluteSlot(_sums, length, sum.Shape.Rows, sum.Shape.Columns);
            length += Batch.RoundUp(sum.Shape.Count);
            if (plan.Reductions.ContainsKey(sum)) reduced = length;
        }

        Gradients = new ParameterGradients(_sums, trained.Parameters.ToDictionary(
            parameter => parameter, parameter => plan.Gradients.TryGetValue(parameter, out var value) ? OffsetOf(plan.Find(value)!) : length));
        var stored = plan.Phases.Where(phase => !phase.IsPanels).SelectMany(phase => phase.Operations).Where(operation => operation.IsComputed)
            .SelectMany(operation => operation.Results).Where(place => place is { Store: Store.Sums, Accumulates: false }).Select(place => place.Home)
            .ToHashSet();
        foreach (var (sum, isMaximum) in plan.Reductions)
            if (!stored.Contains(sum)) _cleared.Add((_matrices[sum], sum.Shape.Count, isMaximum ? float.NegativeInfinity : 0));
        foreach (var place in results.Where(place => place.Store == Store.Weights && place.Home == place))
        {
            int columns = place.Shape.Columns;
            _matrices[place] = NewMatrix(place.Shape.Rows, columns == 1 ? 1 : Instruction.StrideOf(columns));
        }

        var instructions = plan.Phases.Select(phase => phase.IsPanels ? InPanels(phase) : OnMatrices(phase)).ToList();
        Instruction[] inPanels = [.. plan.Phases.Zip(instructions).Where(entry => entry.First.IsPanels).SelectMany(entry => entry.Second)];
        Workspace[] panels =
        [
            .. Enumerable.Range(0, Math.Min(backend.Threads, plan.Leaves)).Select(worker =>
                new Workspace(backend, worker, plan, _numbers, plan.Leaves == 1 ? _sums : new AlignedBuffer(reduced), inPanels)),
        ];
        var onMatrices = new Workspace(backend, worker: 0, plan, _numbers, _sums, [.. instructions.SelectMany(list => list).Except(inPanels)]);
        foreach (var (phase, list) in plan.Phases.Zip(instructions))
            _phases.Add(phase.IsPanels ? NewPanelPhase(phase, list, panels).Run : new WeightPhase(backend, onMatrices, list).Run);
    }

    public override ParameterGradients Gradients { get; }

    public override void Set(Value input, float[] values)
    {
        if (!_inputs.TryGetValue(input, out var given)) throw new ArgumentException($"{input} is no input that this program reads", nameof(input));
        int needed = input.Shape.IsPanel ? checked(Plan.Batch.Positions * input.Rows) : input.Shape.Count;
        string what = input.Shape.IsPanel ? $"{Plan.Batch.Positions} rows of {input.Rows} features were" : $"a matrix {input.Shape} was";
        if (values.Length != needed) throw new ArgumentException($"the input has {values.Length} numbers, but {what} asked for", nameof(values));
        given.Values = values;
    }

    public override double ReadNumber(Value value) => Plan.Find(value) is { Store: Store.Numbers } place ? _numbers[place.Row] : throw NotThere(value);

    public override void Read(Value value, Span<float> values)
    {
        var place = Plan.Find(value);
        if (place is null || !(place.IsOutput || place.IsGiven || place.Store is Store.Numbers or Store.Parameter)) throw NotThere(value);
        var slot = SlotOf(place);
        float* at = (float*)0 + slot.Offset;
        if (place.Store == Store.Numbers) values[0] = (float)_numbers[place.Row];
        else if (!value.Shape.IsPanel)
        {
            int columns = value.Shape.Columns;
            for (int row = 0; row < value.Rows; row++) new Span<float>(at + (nint)row * slot.RowStep, columns).CopyTo(values[(row * columns)..]);
        }
        else
        {
            int stride = Plan.PanelLanes;
            for (int position = 0; position < Plan.Batch.Positions; position++)
            {
                int lane = Plan.Batch.LaneOf(position);
                float* panel = at + slot.PanelStep * (lane / stride) + lane % stride;
                for (int row = 0; row < value.Rows; row++) values[position * value.Rows + row] = panel[(nint)row * stride];
            }
        }

        GC.KeepAlive(this);
    }

    protected override void Execute(ulong seed, long step)
    {
        if (_given is { _hasRun: false }) throw new InvalidOperationException("the program whose kept values are given has not run: run it before this one");
        Array.Clear(_numbers);
        foreach (var (slot, length, value) in _cleared) new Span<float>((float*)0 + slot.Offset, length).Fill(value);
        foreach (var (input, given) in _inputs)
            if (given.Values.Length == 0) throw new InvalidOperationException($"the input {input.Shape} was not set: give it its values before a run");
        foreach (var run in _phases) run(seed, step);
        _hasRun = true;
        GC.KeepAlive(this);
    }

    private static ArgumentException NotThere(Value value) => new($"{value} is not kept by this program: name it when it is compiled");

    private static Slot AbsoluteSlot(AlignedBuffer buffer, long offset, int rows, int rowStep) =>
        new(SlotBase.Absolute, (nint)buffer.Pointer / sizeof(float) + offset, rows, rowStep);

    private Slot NewMatrix(int rows, int rowStep)
    {
        var buffer = new AlignedBuffer(Math.Max((long)rows * rowStep, Batch.RoundUp(rows)));
        _memory.Add(buffer);
        return AbsoluteSlot(buffer, 0, rows, rowStep);
    }

    // In the memory of sums.
    private int OffsetOf(Place sum) => (int)(_matrices[sum.Home].Offset - (nint)_sums.Pointer / sizeof(float));

    /// <summary>Where a value lies as it is.</summary>
    private Slot SlotOf(Place place)
    {
        if (place.IsGiven) return _given!.SlotOf(_given.Plan.Find(place.Value!)!) with { Accumulates = false, IsWanted = true };
        int rows = place.Shape.Rows, lanes = Plan.PanelLanes;
        var slot = place.Store switch
        {
            Store.Numbers => new Slot(SlotBase.Absolute, place.Row, rows),
            Store.Panel => new Slot(SlotBase.Panel, (long)place.Row * lanes, rows),
            Store.Batch => AbsoluteSlot(_batch, (long)place.Row * lanes, rows, rowStep: 0) with { PanelStep = Plan.KeptRows * lanes },
            Store.Parameter => new Slot(SlotBase.Absolute, (nint)((Weight)place.Value!.Source).Parameter.Pointer / sizeof(float), rows, place.Shape.Columns),
            _ => _matrices[place.Home],
        };
        return slot with { IsWanted = place.IsWanted, Accumulates = place.Accumulates };
    }

    private CpuKernel KernelOf(PlannedOperation planned)
    {
        if (planned.Operation is not Input) return _backend.KernelOf(planned.Operation);
        var values = _inputs[planned.Results[0].Value!] = new InputValues();
        return new InputKernel(values);
    }

    private List<Instruction> InPanels(Phase phase)
    {
        return [.. phase.Operations.Where(planned => planned.IsComputed).Select(NewInstruction)];

        Instruction NewInstruction(PlannedOperation planned) =>
            new(_backend, planned.Operation, KernelOf(planned), [.. planned.Inputs.Select(SlotOf)], [.. planned.Results.Select(ResultSlot)])
            {
                IsInPanels = true,
                Rows = planned.Results.Concat(planned.Inputs).FirstOrDefault(place => place.Shape.IsPanel)?.Shape.Rows ?? 1,
            };

        // Sums over the batch are added up in the memory of a run of panels.
        Slot ResultSlot(Place place) => place is { Store: Store.Sums, IsWanted: true } && Plan.Reductions.ContainsKey(place.Home)
            ? SlotOf(place) with { Base = SlotBase.Leaf, Offset = OffsetOf(place), Accumulates = true }
            : SlotOf(place);
    }

    /// <summary>
    /// An operation on matrices reads and writes them as panels whose lanes are the columns. What lies elsewise (parameters, sums, vectors) is moved there
    /// before, once a phase, and a vector back behind it; weights and reductions stay as they lie.
    /// </summary>
    private List<Instruction> OnMatrices(Phase phase)
    {
        var instructions = new List<Instruction>();
        var moved = new Dictionary<Place, Slot>();
        foreach (var planned in phase.Operations.Where(planned => planned.IsComputed))
        {
            if (planned.Operation is Copy copy) Move(copy, SlotOf(planned.Inputs[0]), SlotOf(planned.Results[0]));
            else Add(planned);
        }

        return instructions;

        void Add(PlannedOperation planned)
        {
            var traits = planned.Traits;
            var first = planned.Inputs.Where((place, i) => IsMatrix(place, traits.WeightInputs, i)).FirstOrDefault();
            int columns = first?.Shape.Columns ?? 0, stride = Instruction.StrideOf(columns);
            bool IsLikePanel(Place place, uint others, int i) => IsMatrix(place, others, i) && place.Shape.Columns == columns;
            var second = planned.Results.Where((place, i) => IsLikePanel(place, traits.Reduces, i)).FirstOrDefault();
            Slot[] inputs = [.. planned.Inputs.Select((place, i) => IsLikePanel(place, traits.WeightInputs, i) ? Moved(place, stride) : SlotOf(place))];
            Slot[] results = [.. planned.Results.Select(SlotOf)];
            Slot[] written =
            [
                .. results.Select((slot, i) => slot.IsWanted && slot.RowStep != stride && IsLikePanel(planned.Results[i], traits.Reduces, i)
                    ? NewMatrix(slot.Rows, stride) : slot),
            ];
            instructions.Add(new Instruction(_backend, planned.Operation, KernelOf(planned), inputs, written)
            {
                Rows = (second ?? first)?.Shape.Rows ?? 1,
                Columns = columns,
                Cleared = traits.Reduces,
            });
            foreach (var (i, place) in planned.Results.Index())
                if (written[i] != results[i]) Move(new Copy(place.Value!), written[i], results[i]);
        }

        static bool IsMatrix(Place place, uint others, int i) => place.Shape.Domain == Domain.Weights && (others >> i & 1) == 0;

        Slot Moved(Place place, int stride)
        {
            var slot = SlotOf(place);
            if (slot.RowStep == stride || moved.TryGetValue(place, out slot)) return slot;
            Move(new Copy(place.Value!), SlotOf(place), moved[place] = slot = NewMatrix(place.Shape.Rows, stride));
            return slot;
        }

        void Move(Copy copy, Slot from, Slot to) =>
            instructions.Add(new Instruction(_backend, copy, _backend.KernelOf(copy), [from], [to]) { Rows = to.Rows });
    }

    private PanelPhase NewPanelPhase(Phase phase, IReadOnlyList<Instruction> instructions, Workspace[] workspaces)
    {
        var sums = phase.Operations.SelectMany(operation => operation.Results).Where(place => place is { IsWanted: true, Store: Store.Sums })
            .Select(place => place.Home).Distinct().Where(Plan.Reductions.ContainsKey).Select(sum => (OffsetOf(sum), sum.Shape.Count, Plan.Reductions[sum])).Order().ToList();
        return new PanelPhase(Plan, _backend, workspaces, [.. instructions], sums, _sums, _numbers);
    }
}

/// <summary>Runs instructions on matrices, one after the other, each shared by all threads in blocks of rows.</summary>
internal sealed class WeightPhase(CpuBackend backend, Workspace workspace, IReadOnlyList<Instruction> instructions) : IParallelWork
{
    private Instruction? _instruction;

    public void Run(ulong seed, long step)
    {
        (workspace.Seed, workspace.Step) = (seed, step);
        for (int i = 0; i < instructions.Count; i++)
        {
            _instruction = instructions[i];
            backend.Pool.Run(this, _instruction.Blocks);
        }
    }

    public void Execute(int item, int worker) => _instruction!.RunBlock(workspace, item);
}
