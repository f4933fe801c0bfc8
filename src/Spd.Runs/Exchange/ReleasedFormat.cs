using Spd.Decomposition;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Targets;

namespace Spd.Runs.Exchange;

/// <summary>Runs as the authors' released code knows them (<c>spd-paper</c>); <see cref="ReleasedImport"/> reads them again.</summary>
internal sealed class ReleasedFormat : ExportFormat
{
    /// <summary>The one of its kind.</summary>
    public static readonly ReleasedFormat Instance = new();

    public override string Name => "spd-paper";

    public override string Description => "for the paper's released code, and for spd import";

    private protected override string? WhyNot(ExperimentConfig experiment) => experiment switch
    {
        { Decomposition.CBySite: not null } => $"that code has one C for all matrices, and this run has one for each: --format {SuccessorFormat.Instance.Name} can say it",
        { Target: LanguageModelConfig target } when target.Kind.ReleasedClass(target) is null =>
            $"that code has no model of this architecture: --format {SuccessorFormat.Instance.Name} can say it",
        _ => null,
    };

    private protected override string? WhyNot(IReadOnlyList<Site> sites) =>
        sites.FirstOrDefault(site => site.Linear is { IsTransposed: true, IsTied: false } and not Embedding) is { } conv
            ? $"the matrix of {Quoted.Of(conv.Name)} is stored [d_in, d_out] (Conv1D), which that code does not replace: --format {SuccessorFormat.Instance.Name} can say it"
            : null;

    private protected override IEnumerable<TensorData> Tensors(StateDict names, IReadOnlyList<Site> sites, IReadOnlyList<TensorData> components)
    {
        foreach (var tensor in names.Tensors(ReleasedNames.Model)) yield return tensor;
        foreach (var site in sites)
        {
            foreach (var (part, tensor) in PartsOf(site, components)) yield return tensor with { Name = ReleasedNames.Of(names.KeyOf(site.Name), part) };
            if (site.Linear.Bias is { } bias) yield return new TensorData(ReleasedNames.Of(names.KeyOf(site.Name), "bias"), [bias.Rows], bias.Values.ToArray());
        }
    }

    private protected override IEnumerable<(string Name, string Text)> Texts(ExperimentConfig experiment, StateDict names, IReadOnlyList<Site> sites)
    {
        var target = experiment.Target;
        yield return (ReleasedConfig.FileName, ReleasedConfig.Write(
            experiment with { Decomposition = experiment.Decomposition with { TargetModulePatterns = PatternsOf(experiment, names, sites) } }));
        yield return (target.Kind.TrainConfigFile ?? ReleasedConfig.TargetFile, target.ToYaml());
    }
}
