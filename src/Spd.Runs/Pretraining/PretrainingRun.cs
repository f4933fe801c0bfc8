using System.Diagnostics;
using System.Globalization;
using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Operations;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Training;
using Spd.Networks.Transformers;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Targets;
using Spd.Text;

namespace Spd.Runs.Pretraining;

/// <summary>What a pretraining came to.</summary>
/// <param name="Steps">Steps taken: all, unless it was stopped.</param>
/// <param name="Weights">Numbers of the model.</param>
/// <param name="HeldOut">Held-out sequences that it was measured on.</param>
/// <param name="ValidationLoss">Cross-entropy of the next token on them, in nats; null where it was stopped.</param>
/// <param name="Seconds">Seconds of training, all parts of it.</param>
public sealed record PretrainingResult(int Steps, long Weights, int HeldOut, double? ValidationLoss, double Seconds);

/// <summary>Trains a language model on a text, from its first weights to a folder of Hugging Face's files.</summary>
/// <param name="config">How.</param>
/// <param name="backend">What computes; its threads change no bit.</param>
/// <param name="tokenFolder">Where tokens of texts are kept.</param>
/// <param name="observer">Is told what happens.</param>
/// <param name="tokenizing">Is told how far the making of tokens is.</param>
public sealed class PretrainingRun(PretrainingConfig config, Backend backend, string tokenFolder, IRunObserver observer, IProgress<TokenCacheProgress>? tokenizing = null)
{
    private const int MeasuredSequences = 64, MeasuredAtOnce = 8, LinesPerMeasurement = 10, SampleBegins = 8, SampleTokens = 40;
    private const string ValidationLoss = "validation_loss";

    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Makes sure that a path is not the folder of a pretraining that has not come to its end.</summary>
    /// <exception cref="ConfigException">It is; one sentence says how to go on with it.</exception>
    public static void RequireFinished(string path)
    {
        if (PretrainingFolder.WhyUnfinished(path) is { } sentence) throw new ConfigException(sentence);
    }

    /// <summary>Trains, or goes on where it was stopped.</summary>
    /// <param name="path">The folder: new, empty, or of this pretraining.</param>
    /// <param name="cancellation">Stops the training after the current step, with a checkpoint.</param>
    /// <exception cref="ConfigException">The tokenizer cannot be used for such a folder, or the folder's settings cannot be read.</exception>
    /// <exception cref="RunFolderException">The folder holds something else, or another program works in it; nothing is changed.</exception>
    /// <exception cref="FileContentException">Text or tokenizer cannot be used, or the text is too short; no folder was made.</exception>
    /// <exception cref="TrainingException">A loss became infinite or not a number; the folder keeps its checkpoints.</exception>
    /// <exception cref="IOException">A file cannot be read or written; the folder keeps its checkpoints.</exception>
    public PretrainingResult Execute(string path, CancellationToken cancellation)
    {
        var tokenizer = LoadTokenizer();
        if (!TextFiles.AreNamedBy(config.Text)) throw new ConfigException($"there is no file {Quoted.Path(config.Text)}: name the text with --text");
        var model = config.Model(tokenizer.VocabularySize);
        var text = TextSequences.Of(new TextConfig { Text = config.Text, Column = config.Column }, tokenFolder, tokenizer, config.Context, tokenizing);
        string yaml = config.ToYaml();
        var meaning = PretrainingFolder.MeaningOf(yaml, config.Files);
        var folder = PretrainingFolder.Take(path, yaml, out var own);
        using (own)
        {
            var found = folder.Find(meaning, observer.Note);
            if (found is not null) observer.Note($"going on from step {found.Position.Step} of {config.Steps}");
            if (found?.Position.RemarkOn(backend.Name) is { } remark) observer.Note(remark);
            var network = model.Build();
            network.Initialise(config.Seed);
            var heldOut = new HeldOutLoss(network, text.HeldOut, MeasuredSequences, MeasuredAtOnce, backend);
            var (file, kept) = MetricLog.Continue(folder.LogFile, found?.Position.LogLines ?? 0, found?.Position.Step ?? 0);
            using (file)
            {
                var log = new TrainingLog(config, file, kept, _start, heldOut, observer, () => Sample(network, text.HeldOut, tokenizer));
                var checkpoints = new PretrainingCheckpoints(folder.CheckpointsFolder, found, config.Steps, backend.Name, meaning, file, () => log.Lines);
                long weights = network.NamedParameters().Sum(entry => (long)entry.Parameter.Count);
                try
                {
                    SupervisedTraining.Train(
                        network, TextSequences.DataOf(text.Training),
                        (graph, tokens) => graph.CrossEntropy(network.Forward(new ForwardPass(graph), tokens), tokens),
                        config.Training, backend, log.Step, checkpoints, cancellation);
                }
                catch (TrainingException failure)
                {
                    log.Fail();
                    string remedy = $"the same settings come to the same, so begin in another folder with a smaller --lr (it is {Number(config.Lr)}) or --clip ({Number(config.Clip)}), or a longer --warmup ({config.Warmup})";
                    throw new TrainingException($"{failure.Message.Split(':')[0].Replace("the target's loss", "the loss", StringComparison.Ordinal)}: {remedy}");
                }
                catch (OperationCanceledException)
                {
                    return new PretrainingResult(checkpoints.StepsKept, weights, heldOut.Sequences, ValidationLoss: null, log.Seconds);
                }

                checkpoints.SaveEnd();
                folder.WriteModel(model, network, tokenizer, config.Tokenizer);
                return new PretrainingResult(config.Steps, weights, heldOut.Sequences, heldOut.Measure(), log.Seconds);
            }
        }
    }

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private Tokenizer LoadTokenizer()
    {
        if (!Path.Exists(config.Tokenizer)) throw new ConfigException($"there is no tokenizer {Quoted.Path(config.Tokenizer)}: name its file with --tokenizer");
        var tokenizer = Tokenizer.Load(config.Tokenizer);
        return tokenizer.Format == Tokenizer.FileName
            ? tokenizer
            : throw new ConfigException($"{Quoted.Path(config.Tokenizer)} is a {tokenizer.Format}, but the folder of a model holds a {Tokenizer.FileName}: name one of these");
    }

    /// <summary>What the model writes after the first words of a held-out sequence.</summary>
    private string Sample(Transformer network, TokenSequences heldOut, Tokenizer tokenizer)
    {
        int[] sequence = new int[heldOut.Length];
        heldOut.Read(0, sequence);
        var generator = new TextGenerator(network, backend, Math.Min(SampleBegins, sequence.Length) + SampleTokens);
        string[] parts = [.. new TextSampler(generator, tokenizer)
            .Write([.. sequence.Take(SampleBegins)], SampleTokens, temperature: 1, new RandomSequence(config.Seed, NetworkStreams.Tokens))];
        return $"sample: {parts[0].Trim()} |{string.Concat(parts.Skip(1))}";
    }

    /// <summary>Writes a line of the log now and then, and measures the model and lets it write a tenth as often.</summary>
    private sealed class TrainingLog
    {
        private readonly PretrainingConfig _config;
        private readonly MetricLog _file;
        private readonly HeldOutLoss _heldOut;
        private readonly IRunObserver _observer;
        private readonly Func<string> _sample;
        private readonly StepTimes _times;
        private readonly long _start;
        private readonly double _secondsBefore;
        private readonly Cadence _lines, _measurements;
        private int _timedAtLine, _last;

        public TrainingLog(
            PretrainingConfig config, MetricLog file, IReadOnlyList<MetricRecord> kept, long start, HeldOutLoss heldOut, IRunObserver observer, Func<string> sample)
        {
            (_config, _file, _start, _heldOut, _observer, _sample, _times) = (config, file, start, heldOut, observer, sample, new StepTimes(config.Steps));
            _last = kept.Count > 0 ? kept[^1].Step : 0;
            (Lines, _secondsBefore) = (kept.Count, kept.Count > 0 ? kept[^1].Seconds : 0);
            int interval = Math.Max(1, (config.Steps + 9) / 10);
            (_lines, _measurements) = (new Cadence(Math.Max(1, interval / LinesPerMeasurement), WithFirst: true), new Cadence(interval));
        }

        /// <summary>How many lines there are.</summary>
        public int Lines { get; private set; }

        /// <summary>Seconds so far.</summary>
        public double Seconds => _secondsBefore + Stopwatch.GetElapsedTime(_start).TotalSeconds;

        /// <summary>Is told of a step behind it.</summary>
        /// <param name="step">Its number, from 0.</param>
        /// <param name="loss">The loss before it.</param>
        public void Step(int step, double loss)
        {
            _times.Record();
            _last = step + 1;
            int taken = step + 1, steps = _config.Steps;
            bool isMeasured = taken == steps || _measurements.IsDue(taken, steps);
            if (!isMeasured && !_lines.IsDue(taken, steps)) return;
            var options = _config.Training;
            var line = new MetricRecord
            {
                Step = taken,
                Seconds = Seconds,
                MsPerStep = _times.Quantile(0.5, _timedAtLine),
                Lr = options.LearningRate * options.Schedule.Factor(step, steps),
                Losses = new Dictionary<string, double> { ["loss"] = loss },
                Metrics = isMeasured ? new Dictionary<string, double> { [ValidationLoss] = Measure(taken) } : new Dictionary<string, double>(),
            };
            _file.Write(line);
            Lines++;
            _observer.Progress(new RunProgress(taken, steps, line.MsPerStep, line, IsLogLine: true));
            if (isMeasured) _observer.Note(_sample());
            _timedAtLine = _times.Count;
            _times.Restart();
        }

        /// <summary>Writes a last line, which says that the loss is no number any more.</summary>
        public void Fail() => _file.Write(new MetricRecord
        {
            Step = _last + 1,
            Seconds = Seconds,
            Losses = new Dictionary<string, double> { ["loss"] = double.NaN },
        });

        /// <summary>Measures; weights that are no numbers any more are never kept.</summary>
        private double Measure(int taken)
        {
            double loss = _heldOut.Measure();
            return double.IsFinite(loss) ? loss
                : throw new TrainingException($"the validation loss became {loss} after step {taken} of the training, which stopped there: a smaller lr usually helps");
        }
    }
}
