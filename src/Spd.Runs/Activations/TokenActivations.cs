using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Networks;

namespace Spd.Runs.Activations;

/// <summary>Sees what the subcomponents of a decomposed transformer do in sequences of tokens.</summary>
/// <param name="model">The components of a <see cref="Transformer"/>, or of a <see cref="LastLogits"/>.</param>
/// <param name="examples">The sequences.</param>
/// <param name="options">How much is looked at.</param>
/// <param name="backend">What computes.</param>
internal sealed class TokenActivations(ComponentModel model, TokenExamples examples, ActivationOptions options, Backend backend) : RunActivations
{
    private const int TokensBefore = 24, TokensAfter = 8, TokensListed = 8, StrongestOfHead = 2;

    // Of what is attended to less than this, with a subcomponent and without it, nothing is told.
    private const double LeastAttention = 0.1;

    private readonly Transformer _network = Transformer.In(model.Network);
    private readonly TokenDirections _directions = new(Transformer.In(model.Network));

    public override IEnumerable<SiteReport> Of(IReadOnlyList<Site> sites, int? component = null, Action<string>? onProgress = null)
    {
        Check(sites, component);
        var found = SiteActivity.Of(
            model, sites, examples.Read, examples.Count, examples.Length, options.Top, backend, done => onProgress?.Invoke($"looked at {done} of {examples.Count} sequences"),
            isLastIncluded: examples.AnswerOf is not null);
        foreach (var activity in found)
        {
            var needed = Needed(activity);
            var shown = component is { } only ? [activity.Subcomponents[only]] : needed.Take(options.Shown).ToList();
            var ablation = shown.Exists(one => one.Contexts.Count > 0) && options.Ablated > 0 ? new Ablation(model, activity.Site, examples.Length, options.Top, backend) : null;
            var norms = activity.Site.Norms();
            yield return new SiteReport(
                activity.Site.Name, activity.Site.C, examples.Count, activity.Positions, Writes(activity.Site), Reads(activity.Site),
                needed.Count,
                [.. shown.Select((one, i) =>
                {
                    onProgress?.Invoke($"{activity.Site.Name}: looked at {i} of {shown.Count} subcomponents");
                    return Report(activity.Site, one, norms[one.Component], i < options.Ablated ? ablation : null);
                })])
            {
                Examples = $"{examples.Told} ({activity.Positions} tokens)",
                Asked = examples.AnswerOf is null ? "token that follows" : "answer",
                Attention = ablation is null ? null : Attends(activity.Site),
            };
        }
    }

    private SubcomponentReport Report(Site site, SubcomponentActivity activity, double norm, Ablation? ablation)
    {
        int sign = activity.IsPositive ? 1 : -1;
        var effect = activity.Contexts.Count > 0 ? ablation?.Of(activity.Component, activity.Contexts, examples.Read, examples.AnswerOf) : null;
        var contexts = activity.Contexts.Select((context, i) => (
            Context: Told(site, context, sign, effect?.Attention.Count > 0 ? effect.Attention[i] : null, out int token), Token: token)).ToList();
        var (promoted, suppressed) = Extremes(_directions.Promoted(site, activity.Component), sign, examples.TextOf);
        var (read, readNegative) = IsOfPositions(site)
            ? Extremes([.. site.V.Row(activity.Component).ToArray().Select(value => (double)value)], sign, position => $"position {position}")
            : Extremes(_directions.Read(site, activity.Component), sign, examples.TextOf);
        return new SubcomponentReport(activity.Component, activity.Frequencies, activity.MeanImportance, !activity.IsPositive, [.. contexts.Select(context => context.Context)])
        {
            Norm = norm,
            // Of tokens that come as often, the one of the first context.
            TopToken = contexts.Count == 0 ? null : examples.TextOf(contexts.GroupBy(context => context.Token).MaxBy(group => group.Count())!.Key),
            Promoted = promoted,
            Suppressed = suppressed,
            Read = read,
            ReadNegative = readNegative,
            Ablation = effect is null ? null : Told(effect),
        };
    }

    private AblationReport Told(AblationEffect effect)
    {
        var (gaining, losing) = Extremes(effect.ProbabilityChange, sign: 1, examples.TextOf);
        return new AblationReport(
            effect.Contexts, effect.Divergence, effect.LogProbabilityChange, [.. losing!.Where(token => token.Score < 0)], [.. gaining!.Where(token => token.Score > 0)]);
    }

    private ContextReport Told(Site site, ActivationContext context, int sign, IReadOnlyList<AttentionEffect>? effects, out int token)
    {
        int[] ids = new int[examples.Length];
        examples.Read(context.Sequence, ids);
        token = ids[context.Position];
        var attention = effects is null ? null : AttentionAt(site, context.Position, effects, position => examples.TextOf(ids[position]));
        int first = Math.Max(0, context.Position - TokensBefore), end = Math.Min(ids.Length, context.Position + 1 + TokensAfter);
        string answer = examples.AnswerOf is { } answerOf ? $"{(end < ids.Length ? " …" : "")} → {examples.TextOf(answerOf(context.Sequence))}" : "";
        return new ContextReport(
            context.Sequence, context.Position, context.Importance, sign * context.Inner, string.Concat(Enumerable.Range(first, context.Position - first).Select(TextAt)),
            TextAt(context.Position), string.Concat(Enumerable.Range(context.Position + 1, end - context.Position - 1).Select(TextAt)) + answer)
        {
            Attention = attention,
            Pieces = attention is null ? null :
            [
                .. attention.Select(each => each.Position).Concat(Enumerable.Range(first, end - first)).Distinct().Order()
                    .Select(position => new ContextPiece(position, TextAt(position))),
                .. answer.Length == 0 ? Array.Empty<ContextPiece>() : [new ContextPiece(end, answer)],
            ],
        };

        string TextAt(int position) => (position == 0 ? "" : examples.Between) + examples.TextOf(ids[position]);
    }

    /// <summary>Of each head the strongest positions, and the one whose attention changes most.</summary>
    private List<AttentionReport> AttentionAt(Site site, int position, IReadOnlyList<AttentionEffect> effects, Func<int, string> tokenAt)
    {
        var attention = AttentionOf(site)!;
        bool isAttendedTo = attention.IsAttendedTo(site.Linear), isDecided = attention.Decides(site.Linear);
        // Either what this position attends to, or who attends to it.
        var entries = isAttendedTo
            ? effects.Select(effect => (effect.Head, Position: effect.Reader, With: effect.With[position], Without: effect.Without[position]))
            : effects.SelectMany(effect => effect.With.Select((weight, other) => (effect.Head, Position: other, With: weight, Without: effect.Without[other])));
        return
        [
            .. entries.GroupBy(entry => entry.Head).SelectMany(head => head.OrderByDescending(entry => entry.With).Take(StrongestOfHead)
                    .Concat(isDecided ? head.OrderByDescending(entry => Math.Abs(entry.Without - entry.With)).Take(1) : []).Distinct()
                    .Where(entry => Math.Max(entry.With, isDecided ? entry.Without : 0) >= LeastAttention))
                .Select(entry => new AttentionReport(entry.Head, entry.Position, tokenAt(entry.Position), entry.With, isDecided ? entry.Without : null)),
        ];
    }

    private static (IReadOnlyList<TokenScore>? Largest, IReadOnlyList<TokenScore>? Smallest) Extremes(IReadOnlyList<double>? scores, int sign, Func<int, string> nameOf)
    {
        if (scores is null) return (null, null);
        var order = Enumerable.Range(0, scores.Count).OrderByDescending(token => sign * scores[token]).ToList();
        return ([.. order.Take(TokensListed).Select(Scored)], [.. Enumerable.Reverse(order).Take(TokensListed).Select(Scored)]);

        TokenScore Scored(int token) => new(nameOf(token), token, sign * scores[token]);
    }

    private Attention? AttentionOf(Site site) => _network.BlockAttendingBy(site.Linear)?.Attention;

    // The vectors of positions, not those of tokens.
    private bool IsOfPositions(Site site) => site.Linear is Embedding && site.Linear != _network.Embedding;

    private string? Attends(Site site)
    {
        if (AttentionOf(site) is not { } attention) return null;
        string what = attention.IsAttendedTo(site.Linear)
            ? "In a context those of the next positions are underlined that attend to the marked one"
            : "In a context the positions are underlined that the marked one attends to";
        return $"{what}, as strongly as the head does that attends most{(attention.Decides(site.Linear) ? ", and overlined as strongly as it does without the subcomponent" : "")}; the numbers are under the pointer.";
    }

    private string Writes(Site site) => site.Linear == _network.Head
        ? "The output direction is logits itself."
        : _directions.Writes(site)
            ? "Promoted are the tokens whose logits the output direction raises, weighed by the final norm and unembedded; the norm's division by the size of the stream, its bias and the blocks between are left out."
            : "The output direction is not added to the residual stream but goes into the layer's own computation, so that it promotes no tokens directly.";

    private string Reads(Site site) => site.Linear == _network.Embedding
        ? "The input direction reads tokens themselves."
        : IsOfPositions(site)
            ? "The input direction reads positions themselves."
            : _directions.Reads(site)
                ? "Read are the tokens whose vectors have the largest product with the input direction, weighed by the norm in front of it; the norm's division by the size of the stream, positions and what blocks before it add are left out."
                : "The input direction does not read the residual stream but what heads or neurons of its layer give, so that it reads no tokens directly.";
}
