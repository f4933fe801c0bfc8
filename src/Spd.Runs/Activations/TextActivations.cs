using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Runs.Targets;

namespace Spd.Runs.Activations;

/// <summary>Sees what the subcomponents of a decomposed language model do on held-out text.</summary>
/// <param name="model">The components of a <see cref="Transformer"/>.</param>
/// <param name="text">The text.</param>
/// <param name="options">How much is looked at.</param>
/// <param name="backend">What computes.</param>
internal sealed class TextActivations(ComponentModel model, HeldOutText text, ActivationOptions options, Backend backend) : RunActivations
{
    private const int TokensBefore = 24, TokensAfter = 8, TokensListed = 8;

    private readonly TokenDirections _directions = new((Transformer)model.Network);

    public override IEnumerable<SiteReport> Of(IReadOnlyList<Site> sites, int? component = null, Action<string>? onProgress = null)
    {
        Check(sites, component);
        int length = text.Sequences.Length;
        long sequences = Math.Min(options.Sequences ?? ActivationOptions.StandardSequences, text.Sequences.Count);
        foreach (var activity in SiteActivity.Of(model, sites, text.Sequences.Read, sequences, length, options.Top, backend, done => onProgress?.Invoke($"looked at {done} of {sequences} sequences")))
        {
            var needed = Needed(activity);
            var shown = component is { } only ? [activity.Subcomponents[only]] : needed.Take(options.Shown).ToList();
            var ablation = shown.Exists(one => one.Contexts.Count > 0) && options.Ablated > 0 ? new Ablation(model, activity.Site, length, options.Top, backend) : null;
            var norms = activity.Site.Norms();
            yield return new SiteReport(
                activity.Site.Name, activity.Site.C, sequences, activity.Positions, Writes(activity.Site), Reads(activity.Site), needed.Count,
                [.. shown.Select((one, i) =>
                {
                    onProgress?.Invoke($"{activity.Site.Name}: looked at {i} of {shown.Count} subcomponents");
                    return Report(activity.Site, one, norms[one.Component], i < options.Ablated ? ablation : null);
                })]);
        }
    }

    private SubcomponentReport Report(Site site, SubcomponentActivity activity, double norm, Ablation? ablation)
    {
        int sign = activity.IsPositive ? 1 : -1;
        var contexts = activity.Contexts.Select(context => (Context: Told(context, sign, out int token), Token: token)).ToList();
        var effect = activity.Contexts.Count > 0 ? ablation?.Of(activity.Component, activity.Contexts, text.Sequences.Read) : null;
        var (promoted, suppressed) = Extremes(_directions.Promoted(site, activity.Component), sign);
        var (read, readNegative) = Extremes(_directions.Read(site, activity.Component), sign);
        return new SubcomponentReport(activity.Component, activity.Frequencies, activity.MeanImportance, !activity.IsPositive, [.. contexts.Select(context => context.Context)])
        {
            Norm = norm,
            // Of tokens that come as often, the one of the first context.
            TopToken = contexts.Count == 0 ? null : TextOf(contexts.GroupBy(context => context.Token).MaxBy(group => group.Count())!.Key),
            Promoted = promoted,
            Suppressed = suppressed,
            Read = read,
            ReadNegative = readNegative,
            Ablation = effect is null ? null : Told(effect),
        };
    }

    private AblationReport Told(AblationEffect effect)
    {
        var (gaining, losing) = Extremes(effect.ProbabilityChange, sign: 1);
        return new AblationReport(
            effect.Contexts, effect.Divergence, effect.LogProbabilityChange, [.. losing!.Where(token => token.Score < 0)], [.. gaining!.Where(token => token.Score > 0)]);
    }

    private ContextReport Told(ActivationContext context, int sign, out int token)
    {
        int[] ids = new int[text.Sequences.Length];
        text.Sequences.Read(context.Sequence, ids);
        token = ids[context.Position];
        int first = Math.Max(0, context.Position - TokensBefore), end = Math.Min(ids.Length, context.Position + 1 + TokensAfter);
        return new ContextReport(
            context.Sequence, context.Position, context.Importance, sign * context.Inner,
            string.Concat(ids[first..context.Position].Select(TextOf)), TextOf(token), string.Concat(ids[(context.Position + 1)..end].Select(TextOf)));
    }

    private (IReadOnlyList<TokenScore>? Largest, IReadOnlyList<TokenScore>? Smallest) Extremes(IReadOnlyList<double>? scores, int sign)
    {
        if (scores is null) return (null, null);
        var order = Enumerable.Range(0, scores.Count).OrderByDescending(token => sign * scores[token]).ToList();
        return ([.. order.Take(TokensListed).Select(Scored)], [.. Enumerable.Reverse(order).Take(TokensListed).Select(Scored)]);

        TokenScore Scored(int token) => new(TextOf(token), token, sign * scores[token]);
    }

    private string TextOf(int token) => text.TextOf(token) ?? $"<{token}>";

    private string Writes(Site site) => site.Linear == ((Transformer)model.Network).Head
        ? "The output direction is logits itself."
        : _directions.Writes(site)
            ? "Promoted are the tokens whose logits the output direction raises, weighed by the final norm and unembedded; the norm's division by the size of the stream, its bias and the blocks between are left out."
            : "The output direction is not added to the residual stream but goes into the layer's own computation, so that it promotes no tokens directly.";

    private string Reads(Site site) => site.Linear == ((Transformer)model.Network).Embedding
        ? "The input direction reads tokens themselves."
        : _directions.Reads(site)
            ? "Read are the tokens whose vectors have the largest product with the input direction, weighed by the norm in front of it; the norm's division by the size of the stream, positions and what blocks before it add are left out."
            : "The input direction does not read the residual stream but what heads or neurons of its layer give, so that it reads no tokens directly.";
}
