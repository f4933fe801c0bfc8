using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Spd.Decomposition;
using Spd.Engine.Optimisation;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Configuration;

/// <summary>What is written is read again as the same, whatever the values.</summary>
public sealed class RoundTripTests
{
    private const int Records = 300, Texts = 2000;

    // The same values each time, so that no test depends on luck.
    private static readonly Config Fixed = Config.QuickThrowOnFailure.WithReplay(2506, 20791);

    private static readonly double[] Extremes = [double.Epsilon, double.MaxValue, 1e-300, 0.1, 1.0 / 3, 1e15, 1e16, 123456789012345680, 1e22, 1, 5e-5];

    private static readonly string[] Odd =
    [
        "", " ", "~", "null", "Null", "true", "no", "On", "y", "1", "1e3", "0x1F", "0o7", "1_000", "1:30", "2024-01-01", ".inf", "-.INF", ".nan", "+5", "- a", "? a",
        "a: b", "a #b", "#a", "&a", "*a", "!a", "!!str a", "|", ">", "%a", "@a", "`a`", "[a", "{a", "]", "}", ",", "'", "\"", "\\", "a'b", "a\"b", "<<", "=", "---", "...",
        "a\nb", "\n", "a\r\nb", "\ta", "a\t", " a", "a ", "a\u0085b", "\u2028", "\u2029", "\u00a0", "\ufeffa", "a\ufeff", "\u200b", "\u202e", "\0", "\a\b\u001b", "\u007f",
        "\u009b", "\ud7ff", "\ue000", "\ufffd", "\uffff", "😀", "\U0010FFFF", "é", "e\u0301", "grüße", "-", "?", ":", "a:", ":a", "Infinity", "NaN",
    ];

    private static Gen<double> Positives => Gen.OneOf(
        Gen.Elements(Extremes), ArbMap.Default.GeneratorFor<double>().Where(double.IsFinite).Select(Math.Abs).Where(value => value > 0));

    private static Gen<double?> Coefficients => Gen.OneOf(Gen.Constant((double?)null), Gen.Constant((double?)0), Positives.Select(value => (double?)value));

    // Halves of surrogate pairs are no text, and no file can hold them.
    private static Gen<string> AnyTexts => Gen.OneOf(
        Gen.Elements(Odd),
        Gen.Two(Gen.Elements(Odd)).Select(two => two.Item1 + two.Item2),
        ArbMap.Default.GeneratorFor<string>().Select(text => string.Concat((text ?? "").EnumerateRunes().Where(rune => rune != Rune.ReplacementChar))),
        Gen.Choose(0, 0xFFFF).Where(code => !char.IsSurrogate((char)code)).Select(code => $"a{(char)code}b"));

    private static Gen<int> Counts => Gen.OneOf(Gen.Elements(1, 2, int.MaxValue), Gen.Choose(1, 1000));

    [Fact]
    public void AnyTextIsReadAgainAsTheSame() => Prop.ForAll(AnyTexts.ToArbitrary(), text =>
    {
        var config = ExperimentConfigTests.Parse(ExperimentConfigTests.Minimal).Config with { Description = text };
        config = config with { Decomposition = config.Decomposition with { TargetModulePatterns = [text, "linear1"] } };
        string yaml = config.ToYaml();
        var again = Reread(yaml);
        Assert.Equal(text, again.Description);
        Assert.Equal(text, again.Decomposition.TargetModulePatterns[0]);
        // A reader that knows less of YAML than ours has nothing to guess: a text is plain words, or in quotes.
        string line = yaml.Split('\n').Single(line => line.StartsWith("description:", StringComparison.Ordinal));
        Assert.Matches(@"^description: (?:"".*""|[A-Za-z][A-Za-z0-9_.,*()/+ -]*)$", line);
        Assert.DoesNotContain(yaml, letter => letter is not ('\n' or '\t') && char.IsControl(letter));
    }).Check(Fixed.WithMaxTest(Texts));

    [Fact]
    public void AnyConfigurationIsReadAgainAsTheSame()
    {
        var options =
            from seed in ArbMap.Default.GeneratorFor<ulong>()
            from numbers in Positives.ArrayOf(3)
            from coefficients in Coefficients.ArrayOf(7)
            from counts in Counts.ArrayOf(2)
            from small in Gen.Choose(1, 1000).ArrayOf(4)
            from share in Gen.OneOf(Gen.Elements(0.0, 1, double.Epsilon, 1 - 1e-16), Gen.Choose(0, 1000).Select(value => value / 1000.0))
            from shape in Gen.Elements(Enum.GetValues<ScheduleShape>())
            from loss in Gen.Elements(Enum.GetValues<OutputLoss>())
            from patterns in AnyTexts.NonEmptyListOf()
            select new DecompositionOptions
            {
                Seed = seed,
                Pnorm = numbers[0],
                Lr = numbers[1],
                LrExponentialHalflife = numbers[2],
                FaithfulnessCoeff = coefficients[0],
                ReconCoeff = coefficients[1],
                StochasticReconCoeff = coefficients[2],
                ReconLayerwiseCoeff = coefficients[3],
                StochasticReconLayerwiseCoeff = coefficients[4],
                ImportanceMinimalityCoeff = 1,
                SchattenCoeff = coefficients[5],
                OutReconCoeff = coefficients[6],
                Steps = counts[0],
                BatchSize = small[0],
                C = small[1],
                NMaskSamples = small[2],
                NCiMlpNeurons = small[3],
                LrWarmupPct = share,
                LrSchedule = shape,
                OutputLossType = loss,
                TargetModulePatterns = [.. patterns],
            };
        var targets =
            from seed in ArbMap.Default.GeneratorFor<ulong>()
            from features in Gen.Choose(6, 100)
            from lr in Positives
            from isSynced in ArbMap.Default.GeneratorFor<bool>()
            select new TmsTargetConfig
            {
                Seed = seed,
                Lr = lr,
                Model = new TmsModelConfig { NFeatures = features },
                SyncedInputs = isSynced ? [[0, 1], [3, 2, 5]] : null,
            };
        var configs =
            from decomposition in options
            from target in targets
            from description in AnyTexts
            from counts in Counts.ArrayOf(4)
            from probability in Gen.Elements(0.05, 1, double.Epsilon, 1.0 / 3)
            from flag in ArbMap.Default.GeneratorFor<bool>()
            select new ExperimentConfig
            {
                Name = "a b",
                Description = description,
                Decomposition = decomposition,
                Target = target,
                NEvalSteps = counts[0],
                ImageFreq = flag ? counts[1] : null,
                PrintFreq = counts[2],
                SaveFreq = flag ? null : counts[3],
                KeepEvery = flag ? counts[3] : null,
                TensorBoard = flag,
                ImageOnFirstStep = !flag,
                Task = new TaskConfig { FeatureProbability = probability, DataGenerationType = flag && target.SyncedInputs is null ? DataGenerationType.ExactlyTwoActive : DataGenerationType.AtLeastZeroActive },
            };
        Prop.ForAll(configs.ToArbitrary(), config =>
        {
            string yaml = config.ToYaml();
            var again = Reread(yaml);
            Assert.Equal(yaml, again.ToYaml());
            Assert.Equal(config.Decomposition.TargetModulePatterns, again.Decomposition.TargetModulePatterns);
            Assert.Equal(
                config.Decomposition with { TargetModulePatterns = [] }, again.Decomposition with { TargetModulePatterns = [] });
            Assert.Equal(config.Description, again.Description);
            Assert.Equal(config.Task, again.Task);
        }).Check(Fixed.WithMaxTest(Records));
    }

    private static ExperimentConfig Reread(string yaml)
    {
        var (config, notes) = ExperimentConfig.Parse(yaml, "x.yaml", [], new ExperimentCatalog("nowhere"));
        Assert.Empty(notes);
        return config;
    }
}
