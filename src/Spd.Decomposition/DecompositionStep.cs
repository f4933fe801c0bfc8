using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Engine.Planning;
using Spd.Networks;
using Spd.Networks.Data;

namespace Spd.Decomposition;

/// <summary>
/// One optimisation step: a batch, the target's pass and the causal importances, the search of the adversaries, the losses, their gradients, the optimiser, and
/// the adversaries' last ascent by the same gradients.
/// </summary>
public sealed class DecompositionStep : TrainingStep
{
    private readonly DecompositionOptions _options;
    private readonly ComponentModel _model;
    private readonly Backend _backend;
    private readonly LossContext _context;
    private readonly Program? _targetProgram;

    /// <summary>Builds the step's graph.</summary>
    /// <param name="model">The components, trained in place.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes; the number of its threads does not change a bit of the result.</param>
    /// <param name="stochasticMasks">Where stochastic masks come from, by purpose; by default fresh random numbers.</param>
    public DecompositionStep(
        ComponentModel model, DataSource data, DecompositionOptions options, Backend backend, Func<StreamPurpose, MaskSource>? stochasticMasks = null)
        : base(options)
    {
        (_options, _model, _backend) = (options, model, backend);
        var batch = data.BatchOf(options.BatchSize);
        Target = CausalImportance.Build(Graph, model, data.Build(Graph));
        _context = Losses.Add(Objective, model, Target, options.Terms, options.LossSettings, batch, backend, stochasticMasks);
        if (_context.Adversaries.Count > 0) _targetProgram = backend.Compile(new Objective(Graph), batch, keep: KeptForAdversaries());
        foreach (var adversary in _context.Adversaries) adversary.Compile(batch, backend, _targetProgram!);
        var sources = _context.Adversaries.Where(adversary => adversary.StartsAnew is null).SelectMany(adversary => adversary.Sources.Parameters.Parameters);
        var program = backend.Compile(
            Objective, batch, new ParameterSet(model.Parameters.Parameters.Concat(sources)), keep: [.. _context.Averages.Select(average => average.Batch)], given: _targetProgram);
        Compile(program, Groups(), backend);
    }

    /// <summary>The target's pass and the causal importances.</summary>
    public CausalImportance Target { get; }

    /// <summary>What is searched for in every step.</summary>
    public IReadOnlyList<Adversary> Adversaries => _context.Adversaries;

    public override IReadOnlyList<(string Name, Memory<float> Values)> State =>
    [
        .. base.State, .. _context.Adversaries.SelectMany(adversary => adversary.State),
        .. _context.Averages.Select(average => (average.Average.Name, average.Average.Memory)),
    ];

    /// <summary>All programs that a step runs, in turn.</summary>
    internal IEnumerable<Program> Programs =>
        [.. new[] { _targetProgram }.OfType<Program>(), .. _context.Adversaries.Select(adversary => adversary.AscentProgram), Program];

    /// <summary>What a step runs, in turn.</summary>
    public IReadOnlyList<(string Name, Plan Plan)> Plans =>
    [
        .. _targetProgram is null ? [] : new[] { ("target", _targetProgram.Plan) },
        .. _context.Adversaries.Select(adversary => ("ascent", adversary.Plan)), ("step", Program.Plan),
    ];

    public override void Compute(ulong seed, long batch)
    {
        _targetProgram?.Run(seed, batch);
        foreach (var adversary in _context.Adversaries) adversary.Climb(seed, batch);
        base.Compute(seed, batch);
    }

    protected override void Prepare(long step)
    {
        if (step == 0) WarmUp();
    }

    protected override void Update(long step)
    {
        base.Update(step);
        foreach (var adversary in _context.Adversaries) adversary.ClimbBy(Program.Gradients, step);
        foreach (var average in _context.Averages) average.Add(Program.Read(average.Batch));
    }

    private List<ParameterGroup> Groups() => !_options.HasTwoGroups
        ? [new ParameterGroup("components", _model.Parameters, new AdamW(), LearningRate)]
        :
        [
            new ParameterGroup("components", _model.Factors, new AdamW(), LearningRate, _options.GradClipNormComponents),
            new ParameterGroup(
                "causal_importances", _model.ImportanceParameters, new AdamW(), step => LearningRate(step) * ((_options.CiFnLr ?? _options.Lr) / _options.Lr),
                _options.GradClipNormCiFns),
        ];

    /// <summary>What ascents read that does not depend on sources, nor is drawn for each of them, all of them together.</summary>
    private List<Value> KeptForAdversaries()
    {
        Value[] drawn =
        [
            .. Graph.Operations.OfType<Uniform>().Where(uniform => DecompositionStreams.PersistentPgdRoutes.Has(uniform.Stream)).Select(uniform => Graph.Add(uniform)),
        ];
        return [.. _context.Adversaries.SelectMany(adversary => adversary.Objective.FrontierOf(adversary.Sources.Parameters.Parameters, drawn)).Distinct()];
    }

    /// <summary>Trains the factors on faithfulness alone, by an optimiser of its own.</summary>
    private void WarmUp()
    {
        if (_options.FaithfulnessWarmupSteps == 0) return;
        var objective = new Objective(Graph);
        bool isRelative = _options.Terms.OfType<FaithfulnessLoss>().FirstOrDefault()?.IsRelative ?? false;
        FaithfulnessLoss.AddTo(objective, LossNames.Faithfulness, _model.Sites, 1, isRelative);
        var program = _backend.Compile(objective, 1, _model.Factors);
        var optimiser = new Optimiser([new ParameterGroup("factors", _model.Factors, new AdamW(), _ => _options.FaithfulnessWarmupLr)], _backend);
        for (int step = 0; step < _options.FaithfulnessWarmupSteps; step++)
        {
            program.Run(_options.Seed, step);
            optimiser.Step(step, program.Gradients);
        }
    }
}
