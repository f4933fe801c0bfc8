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
    private readonly AlignedBuffer _sums;
    private readonly AlignedBuffer _batch;
    private readonly Dictionary<Place, (int Offset, AlignedBuffer Buffer, int RowStep)> _matrices = [];
    private readonly Dictionary<Value, InputValues> _inputs = [];
    private readonly List<(int Offset, int Length, float Value)> _cleared = [];
    private readonly List<Action<ulong, long>> _phases = [];
    private readonly Workspace _onWeights;
    private readonly long _keptRows;

    public CpuProgram(CpuBackend backend, Plan plan, ParameterSet trained, CpuProgram? given)
        : base(plan)
    {
        (_backend, _given) = (backend, given);
        var operations = plan.Phases.SelectMany(phase => phase.Operations).ToList();
        var results = operations.SelectMany(operation => operation.Results).ToList();
        _numbers = new double[results.Count(place => place.Store == Store.Numbers)];
        var reductions = operations.Where(operation => operation.IsReduction).ToList();
        var maxima = reductions.Where(operation => operation.Traits.IsMaximum).SelectMany(operation => operation.Results).Select(place => place.Home).ToHashSet();

        // Sums over the batch first: each run of panels has memory of its own for those.
        var offsets = new Dictionary<Place, int>();
        int length = 0;
        foreach (var sum in plan.Sums.OrderBy(sum => plan.Reductions.Contains(sum) ? 0 : 1).ThenBy(sum => sum.Row))
        {
            offsets[sum] = length;
            length = checked(length + Batch.RoundUp(sum.Shape.Count));
        }

        int reduced = plan.Reductions.Select(sum => offsets[sum] + Batch.RoundUp(sum.Shape.Count)).DefaultIfEmpty(0).Max();
        var missing = trained.Parameters.Where(parameter => !plan.Gradients.ContainsKey(parameter)).ToList();
        _sums = new AlignedBuffer(length + missing.Select(parameter => parameter.Count).DefaultIfEmpty(0).Max());
        foreach (var sum in plan.Sums) _matrices[sum] = (offsets[sum], _sums, sum.Shape.Columns);
        var stored = operations.Where(operation => !operation.IsReduction && operation.Operation is not Sum).SelectMany(operation => operation.Results)
            .Where(place => place is { Store: Store.Sums, Accumulates: false }).Select(place => place.Home).ToHashSet();
        foreach (var sum in plan.Reductions.Where(sum => !stored.Contains(sum)).OrderBy(sum => sum.Row))
            _cleared.Add((offsets[sum], sum.Shape.Count, maxima.Contains(sum) ? float.NegativeInfinity : 0));
        Gradients = new ParameterGradients(
            _sums, trained.Parameters.ToDictionary(parameter => parameter, parameter => plan.Gradients.TryGetValue(parameter, out var value) ? offsets[plan.Find(value)!.Home] : length));

        foreach (var place in results.Where(place => place.Store == Store.Weights && place.Home == place)) _matrices[place] = NewMatrix(place.Shape);
        _keptRows = plan.Kept.Sum(place => (long)place.Shape.Rows);
        _batch = new AlignedBuffer(_keptRows * plan.Panels * plan.PanelLanes);
        int widest = results.Concat(operations.SelectMany(operation => operation.Inputs)).Select(place => place.Shape is { Domain: Domain.Weights } shape ? Math.Max(shape.Columns, shape.Columns == 1 ? shape.Rows : 0) : 0).DefaultIfEmpty(0).Max();
        var ones = new AlignedBuffer(widest + Batch.LaneBlock);
        ones.Span[..widest].Fill(1);
        int scratchRows = operations.Select(operation => operation.Traits.Scratch).DefaultIfEmpty(0).Max();
        _onWeights = new Workspace(plan, backend.Kernels, _numbers, ones, panelRows: 0, _sums, scratchRows) { NumberSums = _numbers };

        int threads = Math.Min(backend.Threads, plan.Leaves);
        Workspace[] workspaces =
        [
            .. Enumerable.Range(0, threads).Select(_ =>
                new Workspace(plan, backend.Kernels, _numbers, ones, plan.PanelRows, plan.Leaves == 1 ? _sums : new AlignedBuffer(reduced), scratchRows)),
        ];
        foreach (var phase in plan.Phases)
        {
            if (!phase.IsPanels)
            {
                _phases.Add(new WeightPhase(this, phase).Run);
                continue;
            }

            var sums = phase.Operations.Where(operation => operation.IsReduction).SelectMany(operation => operation.Results)
                .Where(place => place.Store == Store.Sums && place.IsWanted).Select(place => place.Home).Distinct().OrderBy(home => offsets[home]);
            int[] numbers = [.. phase.Operations.SelectMany(operation => operation.Results).Where(place => place.Store == Store.Numbers && place.IsWanted).Select(place => place.Row)];
            _phases.Add(new PanelPhase(
                plan, backend, workspaces, [.. phase.Operations.Where(operation => operation.IsComputed).Select(InPanels)], _sums,
                [.. sums.Select(sum => (offsets[sum], sum.Shape.Count, maxima.Contains(sum)))], numbers, _numbers).Run);
        }
    }

    public override ParameterGradients Gradients { get; }

    public override void Set(Value input, float[] values)
    {
        if (input.Source is not Input || Plan.Find(input) is not { } place) throw new ArgumentException($"{input} is no input of this program", nameof(input));
        int needed = input.Shape.IsPanel ? checked(Plan.Batch.Positions * input.Rows) : input.Shape.Count;
        if (values.Length != needed)
        {
            throw new ArgumentException(
                input.Shape.IsPanel
                    ? $"the input has {values.Length} numbers, but {Plan.Batch.Positions} rows of {input.Rows} features were asked for"
                    : $"the input has {values.Length} numbers, but a matrix {input.Shape} was asked for", nameof(values));
        }

        if (input.Shape.IsPanel) InputOf(input).Values = values;
        else
        {
            var (offset, buffer, step) = _matrices[place];
            int columns = input.Shape.Columns;
            for (int row = 0; row < input.Rows; row++) values.AsSpan(row * columns, columns).CopyTo(buffer.Span[(offset + row * step)..]);
        }
    }

    public override double ReadNumber(Value value) => Plan.Find(value) is { Store: Store.Numbers } place ? _numbers[place.Row] : throw NotThere(value);

    public override void Read(Value value, Span<float> values)
    {
        var place = Plan.Find(value) ?? throw NotThere(value);
        switch (place.Store)
        {
            case Store.Batch:
                var owner = place.IsGiven ? _given! : this;
                var slot = owner.BatchSlot(owner.Plan.Find(value)!);
                for (int position = 0; position < Plan.Batch.Positions; position++)
                {
                    int lane = Plan.Batch.LaneOf(position), stride = Plan.PanelLanes;
                    float* at = (float*)0 + slot.Offset + slot.PanelStep * (lane / stride) + lane % stride;
                    for (int row = 0; row < value.Rows; row++) values[position * value.Rows + row] = at[(nint)row * stride];
                }

                break;
            case Store.Parameter:
                ((Weight)value.Source).Parameter.Values.CopyTo(values);
                break;
            case Store.Weights or Store.Sums:
                var (offset, buffer, step) = MatrixOf(place);
                int columns = value.Shape.Columns;
                for (int row = 0; row < value.Rows; row++) buffer.Span.Slice(offset + row * step, columns).CopyTo(values[(row * columns)..]);
                break;
            default:
                throw NotThere(value);
        }

        GC.KeepAlive(this);
    }

    protected override void Execute(ulong seed, long step)
    {
        Array.Clear(_numbers);
        foreach (var (offset, length, value) in _cleared) _sums.Span.Slice(offset, length).Fill(value);
        foreach (var (input, given) in _inputs)
            if (given.Values.Length == 0) throw new InvalidOperationException($"the input {input.Shape} was not set: give it its values before a run");
        foreach (var run in _phases) run(seed, step);
        GC.KeepAlive(this);
    }

    private static ArgumentException NotThere(Value value) => new($"{value} is not kept by this program: name it when it is compiled");

    private static (int Offset, AlignedBuffer Buffer, int RowStep) NewMatrix(Shape shape)
    {
        if (shape.Columns == 1) return (0, new AlignedBuffer(Batch.RoundUp(shape.Rows)), 1);
        int step = StrideOf(shape.Columns);
        return (0, new AlignedBuffer((long)shape.Rows * step), step);
    }

    // Rows a power of two apart would compete for the same lines of the cache.
    private static int StrideOf(int columns) => Batch.RoundUp(columns) + Batch.LaneBlock;

    private InputValues InputOf(Value input) => _inputs.TryGetValue(input, out var values) ? values : _inputs[input] = new InputValues();

    private (int Offset, AlignedBuffer Buffer, int RowStep) MatrixOf(Place place) =>
        place.IsGiven ? _given!.MatrixOf(_given.Plan.Find(place.Value!)!) : _matrices[place.Home];

    private Slot BatchSlot(Place place)
    {
        if (place.IsGiven) return _given!.BatchSlot(_given.Plan.Find(place.Value!)!) with { Accumulates = false };
        return new Slot(
            SlotBase.Absolute, (nint)_batch.Pointer / sizeof(float) + (long)place.Home.Row * Plan.PanelLanes, _keptRows * Plan.PanelLanes, 0, place.Shape.Rows,
            Accumulates: place.Accumulates);
    }

    /// <summary>Where a value lies as it is; a sum over the batch, for who adds to it, in the memory of a run of panels.</summary>
    private Slot SlotOf(Place place, bool isSummed = false)
    {
        switch (place.Store)
        {
            case Store.Numbers: return new Slot(SlotBase.Absolute, place.Row, 0, 0, 1, place.IsWanted);
            case Store.Batch: return BatchSlot(place) with { IsWanted = place.IsWanted };
            case Store.Panel: return new Slot(SlotBase.Panel, (long)place.Row * Plan.PanelLanes, 0, 0, place.Shape.Rows, place.IsWanted, place.Accumulates);
            case Store.Parameter:
                var parameter = ((Weight)place.Value!.Source).Parameter;
                return new Slot(SlotBase.Absolute, (nint)parameter.Pointer / sizeof(float), 0, parameter.Columns, parameter.Rows);
            default:
                if (!place.IsWanted) return new Slot(SlotBase.Absolute, 0, 0, 1, 1, IsWanted: false);
                var (offset, buffer, step) = MatrixOf(place);
                return isSummed
                    ? new Slot(SlotBase.Leaf, offset, 0, step, place.Shape.Rows, Accumulates: true)
                    : new Slot(SlotBase.Absolute, (nint)buffer.Pointer / sizeof(float) + offset, 0, step, place.Shape.Rows, Accumulates: place.Accumulates);
        }
    }

    private Instruction InPanels(PlannedOperation planned) => new(
        planned.Operation, planned.Operation is Input ? new InputKernel(InputOf(planned.Results[0].Value!)) : _backend.KernelOf(planned.Operation),
        [.. planned.Inputs.Select(place => SlotOf(place))], [.. planned.Results.Select(place => SlotOf(place, isSummed: true))], planned.Traits)
    {
        IsInPanels = true,
        // What is split is the rows of what there is one row each of: those of the first input that is a panel, for a reduction.
        Rows = RowsOf(planned),
    };

    private static int RowsOf(PlannedOperation planned) => planned.Operation switch
    {
        Outer outer => outer.A.Rows,
        _ => planned.Results.Where(place => place.Shape.IsPanel).Select(place => place.Shape.Rows)
            .Concat(planned.Inputs.Where(place => place.Shape.IsPanel).Select(place => place.Shape.Rows)).FirstOrDefault(1),
    };

    /// <summary>The instructions of a phase on the weights, each shared by all threads in blocks of rows.</summary>
    private sealed class WeightPhase
    {
        private readonly CpuProgram _program;
        private readonly List<Instruction> _instructions = [];
        private readonly Dictionary<Place, Slot> _packed = [];
        private readonly List<AlignedBuffer> _memory = [];
        private readonly BlockWork _work = new();

        public WeightPhase(CpuProgram program, Phase phase)
        {
            _program = program;
            foreach (var planned in phase.Operations.Where(operation => operation.IsComputed)) Add(planned);
        }

        public void Run(ulong seed, long step)
        {
            (_program._onWeights.Seed, _program._onWeights.Step, _work.Workspace) = (seed, step, _program._onWeights);
            foreach (var instruction in _instructions)
            {
                _work.Instruction = instruction;
                _program._backend.Pool.Run(_work, instruction.Blocks);
            }
        }

        private void Add(PlannedOperation planned)
        {
            var operation = planned.Operation;
            if (operation is Input) return;
            var kernel = _program._backend.KernelOf(operation);
            var result = planned.Results.FirstOrDefault(place => place.Shape.Domain == Domain.Weights);
            bool isReduction = operation is Outer or MatMul or RowSum or RowDot;
            bool isMoved = operation is Copy;
            // What is computed entry by entry on vectors takes them as one row.
            bool isFlat = !isReduction && !isMoved && planned.Inputs.All(place => place.Shape.Columns == 1) && operation is not RowAffine;
            var leading = planned.Inputs.Count == 0 ? null : operation is MatMul ? planned.Inputs[1] : planned.Inputs[0];
            int columns = leading is null || leading.Shape.Domain != Domain.Weights ? 0 : isFlat ? leading.Shape.Rows : leading.Shape.Columns;
            Slot[] inputs =
            [
                .. planned.Inputs.Select((place, i) => place.Shape.Domain != Domain.Weights || isMoved || (operation is MatMul && i == 0) || (operation is RowAffine && i > 0)
                    ? _program.SlotOf(place)
                    : isFlat ? Flat(place) : Packed(place)),
            ];
            Slot[] results = [.. planned.Results.Select(place => _program.SlotOf(place))];
            // A product with a vector, or an affine one, is computed with padding, as any other, and then moved.
            bool isVector = operation is MatMul or RowAffine && columns == 1;
            var vector = results[0];
            if (isVector) results[0] = vector with { Offset = Address(NewBuffer((long)vector.Rows * StrideOf(1))), RowStep = StrideOf(1) };
            _instructions.Add(new Instruction(operation, kernel, inputs, results, planned.Traits)
            {
                Rows = isFlat ? 1 : operation is RowSum or RowDot or Outer or Copy or SquaredError ? leading!.Shape.Rows : (result ?? leading)?.Shape.Rows ?? 1,
                Columns = columns,
                Lanes = Batch.RoundUp(columns),
                Stride = isFlat ? Batch.RoundUp(columns) : StrideOf(columns),
            });
            if (isVector) Move(planned.Results[0].Value!, results[0], vector);
        }

        private Slot Flat(Place place) => place.Store == Store.Parameter ? Moved(place, () => _program.SlotOf(place) with { Offset = Address(NewBuffer(Batch.RoundUp(place.Shape.Rows))) }) : _program.SlotOf(place);

        private Slot Packed(Place place)
        {
            var slot = _program.SlotOf(place);
            int stride = StrideOf(place.Shape.Columns);
            return slot.RowStep == stride ? slot : Moved(place, () => slot with { Offset = Address(NewBuffer((long)place.Shape.Rows * stride)), RowStep = stride });
        }

        private Slot Moved(Place place, Func<Slot> to)
        {
            if (_packed.TryGetValue(place, out var slot)) return slot;
            _packed[place] = slot = to() with { Accumulates = false, IsWanted = true };
            Move(place.Value!, _program.SlotOf(place), slot);
            return slot;
        }

        private void Move(Value value, Slot from, Slot to)
        {
            var copy = new Copy(value);
            _instructions.Add(new Instruction(copy, _program._backend.KernelOf(copy), [from], [to], _program._backend.TraitsOf(copy)) { Rows = value.Rows, Columns = value.Shape.Columns });
        }

        private AlignedBuffer NewBuffer(long length)
        {
            var buffer = new AlignedBuffer(length);
            _memory.Add(buffer);
            return buffer;
        }

        private static long Address(AlignedBuffer buffer) => (nint)buffer.Pointer / sizeof(float);

        private sealed class BlockWork : IParallelWork
        {
            public Instruction? Instruction { get; set; }

            public Workspace? Workspace { get; set; }

            public void Execute(int item, int worker) => Instruction!.RunBlock(Workspace!, item);
        }
    }
}
