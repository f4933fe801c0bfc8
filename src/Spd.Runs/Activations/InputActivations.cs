using System.Globalization;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Figures;
using Spd.Runs.Targets;

namespace Spd.Runs.Activations;

/// <summary>Sees what the subcomponents of a network do whose inputs are rows of numbers, drawn or of a file.</summary>
/// <param name="model">The components.</param>
/// <param name="kind">The kind of the network, which has words for what is read and written.</param>
/// <param name="data">The inputs.</param>
/// <param name="options">How much is looked at.</param>
/// <param name="loss">How outputs are compared.</param>
/// <param name="seed">Seed of inputs that are drawn.</param>
/// <param name="backend">What computes.</param>
internal sealed class InputActivations(
    ComponentModel model, TargetKind kind, TargetData data, ActivationOptions options, OutputLoss loss, ulong seed, Backend backend) : RunActivations
{
    private const int DirectionsListed = 8, FeaturesListed = 6, ChangesListed = 6;

    // What is smaller says nothing beside the largest.
    private const double LeastShare = 0.05;

    public override IEnumerable<SiteReport> Of(IReadOnlyList<Site> sites, int? component = null, Action<string>? onProgress = null)
    {
        Check(sites, component);
        int features = data.Evaluation.Features;
        int wanted = options.Sequences ?? ActivationOptions.StandardOf(data), count = Math.Min(wanted, data.Measured?.Count ?? wanted);
        float[] inputs = data.Measured?.Inputs ?? data.Evaluation.Draw(count, seed, backend);
        var (imageSize, inputScale) = (data.Measured?.ImageSize, PictureScale.Of(inputs));
        foreach (var activity in SiteActivity.Of(model, sites, Read, count, length: 1, features, places: 1, options.Top, backend, done => onProgress?.Invoke($"looked at {done} of {count} inputs")))
        {
            var needed = Needed(activity);
            var shown = component is { } only ? [activity.Subcomponents[only]] : needed.Take(options.Shown).ToList();
            var ablation = shown.Exists(one => one.Contexts.Count > 0) && options.Ablated > 0 ? new OutputAblation(model, activity.Site, features, options.Top, loss, backend) : null;
            var directions = kind.DirectionsOf(model, data, activity.Site);
            var norms = activity.Site.Norms();
            var readScale = directions.ReadSize is null ? null : ScaleOf(directions.Read);
            var writtenScale = directions.WrittenSize is null ? null : ScaleOf(directions.Written);
            yield return new SiteReport(
                activity.Site.Name, activity.Site.C, count, count,
                "Raised and lowered are what U, with all of its norm, adds to where the matrix writes, for an input of 1 along the direction that is read.",
                "Read is the direction V, of length 1. A − before a name is the other sign."
                    + (imageSize is null && features > FeaturesListed ? $" Of an input the {FeaturesListed} largest numbers are told." : ""),
                needed.Count, [.. shown.Select((one, i) => Report(one, i < options.Ablated))])
            {
                Input = "input",
                Examples = $"{count} inputs",
                Error = loss == OutputLoss.Mse ? "MSE" : "KL",
                Pictures = imageSize is null ? null : string.Concat(Scaled("inputs", inputScale), Scaled("V", readScale), Scaled("U", writtenScale)).TrimEnd(),
            };

            PictureScale ScaleOf(Func<int, double[]> direction) => PictureScale.Of(shown.SelectMany(one => direction(one.Component)).Select(value => (float)value), isSigned: true);

            SubcomponentReport Report(SubcomponentActivity one, bool isAblated)
            {
                int sign = one.IsPositive ? 1 : -1, c = one.Component;
                var effect = isAblated && one.Contexts.Count > 0
                    ? ablation!.Of(c, [.. one.Contexts.SelectMany(context => inputs.AsSpan((int)context.Sequence * features, features).ToArray())]) : null;
                double[] read = directions.Read(c), written = directions.Written(c);
                return new SubcomponentReport(
                    c, one.Frequencies, one.MeanImportance, !one.IsPositive,
                    [.. one.Contexts.Select(context => new ContextReport(
                        context.Sequence, 0, context.Importance, sign * context.Inner, "", Told((int)context.Sequence), ClassOf((int)context.Sequence) is { } name ? $" → {name}" : "")
                    {
                        Picture = imageSize is var (height, width) ? inputScale.Draw(height, width, inputs.AsSpan((int)context.Sequence * features, features)) : null,
                    })])
                {
                    Norm = norms[c],
                    TopToken = one.Contexts.Select(context => ClassOf((int)context.Sequence)).OfType<string>().GroupBy(name => name).MaxBy(group => group.Count())?.Key,
                    Promoted = Largest(written, directions.WriteName, sign, DirectionsListed),
                    Suppressed = Largest(written, directions.WriteName, -sign, DirectionsListed),
                    Read = Largest(read, directions.ReadName, sign, DirectionsListed),
                    ReadNegative = Largest(read, directions.ReadName, -sign, DirectionsListed),
                    ReadPicture = Picture(readScale, directions.ReadSize, read, sign),
                    PromotedPicture = Picture(writtenScale, directions.WrittenSize, written, sign),
                    Ablation = effect is null ? null : new AblationReport(
                        effect.Inputs, effect.Error, null, Largest([.. effect.Change], OutputName, -1, ChangesListed), Largest([.. effect.Change], OutputName, 1, ChangesListed)),
                };
            }
        }

        void Read(long number, Span<float> values) => inputs.AsSpan((int)number * features, features).CopyTo(values);

        // What stands out of an input: its largest numbers.
        string Told(int row)
        {
            if (imageSize is not null) return $"row {row}";
            float[] values = inputs[(row * features)..((row + 1) * features)];
            var largest = Enumerable.Range(0, features).Where(i => values[i] != 0).OrderByDescending(i => Math.Abs(values[i])).Take(FeaturesListed).Order();
            string told = string.Join(", ", largest.Select(i => string.Create(CultureInfo.InvariantCulture, $"{FeatureName(i)}: {values[i]:0.###}")));
            return $"{(data.Measured is null ? "" : $"row {row}: ")}{(told.Length == 0 ? "all zero" : told)}{(values.Count(value => value != 0) > FeaturesListed ? ", …" : "")}";
        }
    }

    private static string? Picture(PictureScale? scale, (int Height, int Width)? size, double[] values, int sign) =>
        size is var (height, width) ? scale?.Draw(height, width, [.. values.Select(value => (float)(sign * value))]) : null;

    private static string? Scaled(string what, PictureScale? scale) => scale is null ? null : scale.IsSigned
        ? string.Create(CultureInfo.InvariantCulture, $"Pictures of {what} go from blue for −{scale.Largest:G3} through white for 0 to red for {scale.Largest:G3}, all on this page alike. ")
        : string.Create(CultureInfo.InvariantCulture, $"Pictures of {what} go from white for 0 to dark blue for {scale.Largest:G3}, all on this page alike. ");

    // Sorted by size with the sign that is asked for; what has the other sign is not of them.
    private static IReadOnlyList<TokenScore> Largest(double[] values, Func<int, string> name, int sign, int most)
    {
        double least = LeastShare * values.Max(Math.Abs);
        return [.. Enumerable.Range(0, values.Length).Where(i => sign * values[i] > least).OrderByDescending(i => sign * values[i]).Take(most)
            .Select(i => new TokenScore(name(i), i, sign * values[i]))];
    }

    private string FeatureName(int feature) => data.Measured?.InputName(feature) ?? $"{kind.FeatureName} {feature}";

    private string OutputName(int output) => data.Measured?.OutputName(output) ?? $"output {output}";

    private string? ClassOf(int row) => data.Measured is { Labels: { } labels } rows ? rows.OutputName(labels[row]) : null;
}
