using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Engine.Execution;

/// <summary>Runs plans: how, where a <see cref="Graph"/> says what and a <see cref="Plan"/> where and when.</summary>
public abstract class Backend : IDisposable
{
    /// <summary>What rounds: the name that summaries and checkpoints record.</summary>
    public abstract string Name { get; }

    /// <summary>Threads that take part, the calling one among them.</summary>
    public int Threads => Pool.Threads;

    internal abstract KernelSet Kernels { get; }

    internal abstract WorkerPool Pool { get; }

    internal long LargestPanel { get; init; } = Plan.LargestPanel;

    /// <summary>What a plan may count on when it places an operation.</summary>
    /// <exception cref="NotSupportedException">It has no kernel for the operation.</exception>
    public abstract Traits TraitsOf(Operation operation);

    /// <summary>Plans a computation and makes it ready to run.</summary>
    /// <param name="objective">The losses, and the graph that describes them.</param>
    /// <param name="batch">The shape of a batch; a number of rows will do.</param>
    /// <param name="trained">The parameters whose gradients of the objective are computed; null for none.</param>
    /// <param name="keep">Values to be read after a run, besides the losses.</param>
    /// <param name="given">A program whose kept values are taken as its last run left them, without computing them anew.</param>
    /// <exception cref="NotSupportedException">An operation has no derivative where one is needed, or no kernel.</exception>
    public Program Compile(Objective objective, Batch batch, ParameterSet? trained = null, IReadOnlyList<Value>? keep = null, Program? given = null) =>
        Compile(Plan.Of(objective, batch, TraitsOf, trained?.Parameters, keep, given?.Plan, LargestPanel), trained ?? new ParameterSet([]), given);

    /// <summary>Computes values of a graph for one batch.</summary>
    /// <param name="graph">The description.</param>
    /// <param name="input">The graph's input.</param>
    /// <param name="batch">Its values, row-major <c>[rows, features]</c>.</param>
    /// <param name="outputs">What is computed.</param>
    /// <param name="seed">Seed of random numbers.</param>
    /// <returns>For each output its values, row-major <c>[rows, features]</c>.</returns>
    public float[][] Compute(Graph graph, Value input, float[] batch, IReadOnlyList<Value> outputs, ulong seed = 0)
    {
        if (batch.Length < input.Rows) throw new ArgumentException($"the batch has {batch.Length} numbers, but a row has {input.Rows} features", nameof(batch));
        var program = Compile(new Objective(graph), batch.Length / input.Rows, keep: outputs);
        if (program.Plan.Find(input) is not null) program.Set(input, batch);
        program.Run(seed, step: 0);
        return [.. outputs.Select(program.Read)];
    }

    /// <summary>Makes a plan ready to run.</summary>
    protected abstract Program Compile(Plan plan, ParameterSet trained, Program? given);

    public void Dispose()
    {
        Dispose(isDisposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends its threads.</summary>
    protected abstract void Dispose(bool isDisposing);
}

/// <summary>A plan that is ready to run.</summary>
public abstract class Program
{
    private readonly int[] _slots;
    private readonly double[] _losses, _coefficients;

    /// <summary>A program of a plan.</summary>
    protected Program(Plan plan)
    {
        Plan = plan;
        string[] names = [.. plan.Terms.Select(term => term.Name).Distinct()];
        _slots = [.. plan.Terms.Select(term => Array.IndexOf(names, term.Name))];
        (LossNames, _losses, _coefficients) = (names, new double[names.Length], new double[names.Length]);
    }

    /// <summary>What it runs.</summary>
    public Plan Plan { get; }

    /// <summary>The names of the losses, in the order in which they were added.</summary>
    public IReadOnlyList<string> LossNames { get; }

    /// <summary>The losses of the last run, in the order of <see cref="LossNames"/>, without their coefficients.</summary>
    public ReadOnlySpan<double> Losses => _losses;

    /// <summary>Σ coefficient · loss of the last run.</summary>
    public double TotalLoss
    {
        get
        {
            double total = 0;
            for (int i = 0; i < _losses.Length; i++) total += _coefficients[i] == 0 ? 0 : _coefficients[i] * _losses[i];
            return total;
        }
    }

    /// <summary>The gradients of the last run.</summary>
    public abstract ParameterGradients Gradients { get; }

    /// <summary>One loss of the last run.</summary>
    /// <exception cref="KeyNotFoundException">There is no loss of this name.</exception>
    public double Loss(string name)
    {
        for (int i = 0; i < _losses.Length; i++)
            if (LossNames[i] == name) return _losses[i];
        throw new KeyNotFoundException($"there is no loss '{name}'; there are: {string.Join(", ", LossNames)}");
    }

    /// <summary>Gives an input its values for the runs to come.</summary>
    /// <param name="input">An input of the graph.</param>
    /// <param name="values">Row-major: <c>[positions of the batch, features]</c>, or the matrix; kept, not copied.</param>
    /// <exception cref="ArgumentException">It is no input, or another number of values is needed.</exception>
    public abstract void Set(Value input, float[] values);

    /// <summary>Runs one batch.</summary>
    /// <param name="seed">Seed of the random streams.</param>
    /// <param name="step">The step, or the number of the batch, that random numbers are drawn and schedules read for.</param>
    /// <exception cref="InvalidOperationException">An input was not set.</exception>
    public void Run(ulong seed, long step)
    {
        Execute(seed, step);
        Array.Clear(_losses);
        for (int i = 0; i < _slots.Length; i++)
        {
            var term = Plan.Terms[i];
            _losses[_slots[i]] += term.Weight * ReadNumber(term.Loss);
            _coefficients[_slots[i]] = term.Coefficient.At(step);
        }
    }

    /// <summary>A number of the last run.</summary>
    public abstract double ReadNumber(Value value);

    /// <summary>A matrix, or what was kept for the batch.</summary>
    /// <returns>Row-major: <c>[positions of the batch, features]</c>, or the matrix.</returns>
    /// <exception cref="ArgumentException">The plan neither computes nor keeps it.</exception>
    public float[] Read(Value value)
    {
        float[] values = new float[value.Shape.IsPanel ? checked(Plan.Batch.Positions * value.Rows) : value.Shape.Count];
        Read(value, values);
        return values;
    }

    /// <inheritdoc cref="Read(Value)"/>
    public abstract void Read(Value value, Span<float> values);

    /// <summary>Runs the plan.</summary>
    protected abstract void Execute(ulong seed, long step);
}
