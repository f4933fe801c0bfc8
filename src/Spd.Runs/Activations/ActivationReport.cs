using System.Text.Json;
using System.Text.Json.Serialization;
using Spd.Runs.Results;

namespace Spd.Runs.Activations;

/// <summary>What the subcomponents of a site do; as <c>spd activations --json</c> writes it.</summary>
/// <param name="Site">The site's path.</param>
/// <param name="C">Its subcomponents.</param>
/// <param name="Sequences">Sequences of held-out text that were looked at, or inputs.</param>
/// <param name="Positions">Positions in them; as many as inputs.</param>
/// <param name="Writes">How to take what an output direction promotes, or why there is nothing; a sentence.</param>
/// <param name="Reads">The same of those that an input direction reads.</param>
/// <param name="Needed">How many subcomponents are needed anywhere: an importance above 0.01 before the end of a sequence.</param>
/// <param name="Subcomponents">Those that are needed most often, the first of them first; or the one that was asked for.</param>
public sealed record SiteReport(
    string Site, [property: JsonPropertyName("C")] int C, long Sequences, long Positions, string Writes, string Reads, int Needed, IReadOnlyList<SubcomponentReport> Subcomponents)
{
    /// <summary>What is looked at: a token of a text, or an input.</summary>
    public string Input { get; init; } = "token";

    /// <summary>What was looked at, in words: <c>64 held-out sequences (16384 tokens)</c>.</summary>
    [JsonIgnore]
    public string Examples { get; init; } = "";

    /// <summary>What a language model is asked for in a context: the token that follows, or the answer behind the whole sequence.</summary>
    [JsonIgnore]
    public string Asked { get; init; } = "token that follows";

    /// <summary>How the attention in contexts is to be read; null of a site that is not of attention. A sentence.</summary>
    [JsonIgnore]
    public string? Attention { get; init; }

    /// <summary>What the pictures of the page show, and in which colours; null where there are none. A sentence.</summary>
    [JsonIgnore]
    public string? Pictures { get; init; }

    /// <summary>How outputs are compared where a subcomponent is ablated: KL, in nats, or MSE.</summary>
    public string Error { get; init; } = "KL";

    /// <summary>What a short list has of a direction: of text what has its sign, else what is largest of both signs, with a minus before a name of the other.</summary>
    /// <param name="named">What has its sign.</param>
    /// <param name="other">What has the other sign.</param>
    public IEnumerable<TokenScore> Shortly(IReadOnlyList<TokenScore>? named, IReadOnlyList<TokenScore>? other) => Input == "token"
        ? named ?? []
        : (named ?? []).Concat((other ?? []).Select(one => one with { Token = "−" + one.Token, Score = -one.Score })).OrderByDescending(one => Math.Abs(one.Score));

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
    /// <summary>The norm of its matrix, the length of V times that of U.</summary>
    public double Norm { get; init; }

    /// <summary>The token at which most of the contexts are, or the class that most of the inputs have; null where there is none.</summary>
    public string? TopToken { get; init; }

    /// <summary>The tokens whose logits the output direction raises most, or the outputs of the matrix; null where it is not written to a residual stream.</summary>
    public IReadOnlyList<TokenScore>? Promoted { get; init; }

    /// <summary>Those that it lowers most.</summary>
    public IReadOnlyList<TokenScore>? Suppressed { get; init; }

    /// <summary>The tokens whose vectors the input direction reads with the largest number, or the inputs of the matrix; null where it reads something else.</summary>
    public IReadOnlyList<TokenScore>? Read { get; init; }

    /// <summary>Those with the smallest, below zero as a rule.</summary>
    public IReadOnlyList<TokenScore>? ReadNegative { get; init; }

    /// <summary>The input direction as a picture, the address of an image; null where what it reads is none.</summary>
    [JsonIgnore]
    public string? ReadPicture { get; init; }

    /// <summary>The output direction as a picture.</summary>
    [JsonIgnore]
    public string? PromotedPicture { get; init; }

    /// <summary>What happens without it in its contexts; null where that was not measured.</summary>
    public AblationReport? Ablation { get; init; }
}

/// <summary>A place in a text, or an input.</summary>
/// <param name="Sequence">The number of the held-out sequence, or of the input.</param>
/// <param name="Position">The position in it, from 0.</param>
/// <param name="Importance">The causal importance.</param>
/// <param name="Inner">The inner activation, with the sign of the directions.</param>
/// <param name="Before">The text before the token.</param>
/// <param name="Token">The token, or what stands out of the input.</param>
/// <param name="After">The text behind it.</param>
public sealed record ContextReport(long Sequence, int Position, float Importance, float Inner, string Before, string Token, string After)
{
    /// <summary>The input as a picture, the address of an image; null where it is none.</summary>
    [JsonIgnore]
    public string? Picture { get; init; }

    /// <summary>
    /// Of a site of attention, of each head the positions that the token attends to most, or, of keys and values, those behind it that attend to it; null of other sites,
    /// and where no ablation was measured.
    /// </summary>
    public IReadOnlyList<AttentionReport>? Attention { get; init; }

    /// <summary>The tokens of the context one by one, with those farther away that attention is about; null where there is no attention.</summary>
    [JsonIgnore]
    public IReadOnlyList<ContextPiece>? Pieces { get; init; }
}

/// <summary>A token of a context.</summary>
/// <param name="Position">Its position in the sequence.</param>
/// <param name="Text">Its text.</param>
public readonly record struct ContextPiece(int Position, string Text);

/// <summary>The attention between the token of a context and another position.</summary>
/// <param name="Head">The head, from 0.</param>
/// <param name="Position">The other position.</param>
/// <param name="Token">The token there.</param>
/// <param name="Weight">The probability that is attended with.</param>
/// <param name="Without">The same without the subcomponent; null where it cannot change it.</param>
public sealed record AttentionReport(int Head, int Position, string Token, double Weight, double? Without);

/// <summary>A token, an input or an output, and a number.</summary>
/// <param name="Token">Its text, or name.</param>
/// <param name="Id">Its number in the vocabulary, or among the others.</param>
/// <param name="Score">The number.</param>
public sealed record TokenScore(string Token, int Id, double Score);

/// <summary>The effect of taking a subcomponent away, a mean over contexts.</summary>
/// <param name="Contexts">How many.</param>
/// <param name="Divergence">The divergence of what is said about the next token, in nats, or the error of the outputs.</param>
/// <param name="LogProbabilityChange">The change of the log-probability of the token that follows; null where none does.</param>
/// <param name="Losing">The tokens that lose most probability, or the outputs that fall most.</param>
/// <param name="Gaining">The tokens that gain most, or the outputs that rise most.</param>
public sealed record AblationReport(
    int Contexts, double Divergence, double? LogProbabilityChange, IReadOnlyList<TokenScore> Losing, IReadOnlyList<TokenScore> Gaining);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true, NewLine = "\n",
    Converters = [typeof(FiniteNumber), typeof(FiniteSingle)])]
[JsonSerializable(typeof(IReadOnlyList<SiteReport>))]
internal sealed partial class ActivationJson : JsonSerializerContext;
