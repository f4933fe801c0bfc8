using System.Text.Json;
using System.Text.Json.Serialization;

namespace Spd.Runs.Activations;

/// <summary>What the subcomponents of a language model's site do; as <c>spd activations --json</c> writes it.</summary>
/// <param name="Site">The site's path.</param>
/// <param name="C">Its subcomponents.</param>
/// <param name="Sequences">Sequences of held-out text that were looked at.</param>
/// <param name="Positions">Positions in them.</param>
/// <param name="Writes">How to take the tokens that an output direction promotes, or why there are none; a sentence.</param>
/// <param name="Reads">The same of those that an input direction reads.</param>
/// <param name="Needed">How many subcomponents are needed anywhere: an importance above 0.01 before the end of a sequence.</param>
/// <param name="Subcomponents">Those that are needed most often, the first of them first; or the one that was asked for.</param>
public sealed record SiteReport(
    string Site, [property: JsonPropertyName("C")] int C, long Sequences, long Positions, string Writes, string Reads, int Needed, IReadOnlyList<SubcomponentReport> Subcomponents)
{
    /// <summary>Several reports as JSON.</summary>
    public static string ToJson(IReadOnlyList<SiteReport> reports) => JsonSerializer.Serialize(reports, ActivationJson.Default.IReadOnlyListSiteReport) + "\n";
}

/// <summary>What one subcomponent does.</summary>
/// <param name="Component">Its number.</param>
/// <param name="Frequency">The share of positions where its importance exceeds 0.01, 0.1 and 0.5.</param>
/// <param name="MeanImportance">Its mean importance.</param>
/// <param name="IsTurned">Whether its directions are shown with the opposite sign, since its inner activation is negative in most contexts.</param>
/// <param name="Contexts">Where it is needed most, at most one place of a sequence.</param>
public sealed record SubcomponentReport(
    int Component, IReadOnlyList<double> Frequency, double MeanImportance, bool IsTurned, IReadOnlyList<ContextReport> Contexts)
{
    /// <summary>The token at which most of the contexts are; null where there is none.</summary>
    public string? TopToken { get; init; }

    /// <summary>The tokens whose logits the output direction raises most; null where it is not written to the residual stream.</summary>
    public IReadOnlyList<TokenScore>? Promoted { get; init; }

    /// <summary>Those that it lowers most.</summary>
    public IReadOnlyList<TokenScore>? Suppressed { get; init; }

    /// <summary>The tokens whose vectors the input direction reads with the largest number; null where it reads something else.</summary>
    public IReadOnlyList<TokenScore>? Read { get; init; }

    /// <summary>Those with the smallest, below zero as a rule.</summary>
    public IReadOnlyList<TokenScore>? ReadNegative { get; init; }

    /// <summary>What happens without it in its contexts; null where that was not measured.</summary>
    public AblationReport? Ablation { get; init; }
}

/// <summary>A place in a text.</summary>
/// <param name="Sequence">The number of the held-out sequence.</param>
/// <param name="Position">The position in it, from 0.</param>
/// <param name="Importance">The causal importance.</param>
/// <param name="Inner">The inner activation, with the sign of the directions.</param>
/// <param name="Before">The text before the token.</param>
/// <param name="Token">The token.</param>
/// <param name="After">The text behind it.</param>
public sealed record ContextReport(long Sequence, int Position, float Importance, float Inner, string Before, string Token, string After);

/// <summary>A token and a number.</summary>
/// <param name="Token">Its text.</param>
/// <param name="Id">Its number in the vocabulary.</param>
/// <param name="Score">The number.</param>
public sealed record TokenScore(string Token, int Id, double Score);

/// <summary>The effect of taking a subcomponent away, a mean over contexts.</summary>
/// <param name="Contexts">How many.</param>
/// <param name="Divergence">The divergence of what is said about the next token, in nats.</param>
/// <param name="LogProbabilityChange">The change of the log-probability of the token that follows.</param>
/// <param name="Losing">The tokens that lose most probability.</param>
/// <param name="Gaining">The tokens that gain most.</param>
public sealed record AblationReport(
    int Contexts, double Divergence, double LogProbabilityChange, IReadOnlyList<TokenScore> Losing, IReadOnlyList<TokenScore> Gaining);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true, NewLine = "\n",
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(IReadOnlyList<SiteReport>))]
internal sealed partial class ActivationJson : JsonSerializerContext;
