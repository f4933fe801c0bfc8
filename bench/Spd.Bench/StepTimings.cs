using System.Diagnostics;
using Spd.Decomposition;
using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Networks.Transformers;
using Spd.Engine.Operations;

namespace Spd.Bench;

/// <summary>
/// The time of a whole decomposition step of each experiment at its full size, on random weights: what they are does not change the work. Beside it the floor,
/// what the step's work takes at the peaks of this machine, and its share of the time.
/// </summary>
internal static class StepTimings
{
    /// <summary>Prints a line for each experiment.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="filter">A part of the names of those that are meant.</param>
    /// <param name="threads">Threads; null for one for each processor.</param>
    /// <param name="seconds">How long each is measured.</param>
    public static void Print(TextWriter output, string filter, int? threads, int seconds)
    {
        ToyModel("tms_5-2", new TmsModelConfig(), 20);
        ToyModel("tms_40-10", new TmsModelConfig { NFeatures = 40, NHidden = 10 }, 200);
        Residual("resid_mlp1", new ResidualMlpConfig(), 100, 16);
        Residual("resid_mlp2", new ResidualMlpConfig { NLayers = 2, DMlp = 25 }, 400, 16);
        Residual("resid_mlp3", new ResidualMlpConfig { NLayers = 3, DMlp = 17, NFeatures = 102 }, 500, 128);

        // The shape of stories260K, with all matrices of one block.
        var llama = new LlamaConfig
        {
            VocabSize = 512,
            HiddenSize = 64,
            IntermediateSize = 172,
            NumHiddenLayers = 5,
            NumAttentionHeads = 8,
            NumKeyValueHeads = 4,
            MaxPositionEmbeddings = 512,
            TieWordEmbeddings = true,
        }.Build();
        llama.Initialise(1);
        Decompose("lm_stories260K", llama, new TokenData(new RandomTokens(512), 256), new()
        {
            C = 100,
            BatchSize = 4,
            TargetModulePatterns = ["model.layers.2.*_proj"],
            OutputLossType = OutputLoss.Kl,
        });

        // The shape of GPT-2 small, with the four matrices of one block: minutes a step would be too long for a default.
        if (filter == "lm_gpt2_small")
        {
            var gpt2 = new Gpt2Config { VocabSize = 50_257, NPositions = 1024, NEmbd = 768, NLayer = 12, NHead = 12 }.Build();
            gpt2.Initialise(1);
            Decompose(filter, gpt2, new TokenData(new RandomTokens(50_257), 256), new()
            {
                C = 100,
                BatchSize = 2,
                TargetModulePatterns = ["transformer.h.5.attn.c_*", "transformer.h.5.mlp.c_*"],
                OutputLossType = OutputLoss.Kl,
            });
        }

        void ToyModel(string name, TmsModelConfig config, int c)
        {
            var network = new Tms(config);
            network.Initialise(1);
            Decompose(name, network, new SparseFeatures(config.NFeatures, 0.05), new() { C = c, NCiMlpNeurons = 16, BatchSize = 4096, TargetModulePatterns = ["linear*"] });
        }

        void Residual(string name, ResidualMlpConfig config, int c, int k)
        {
            foreach (bool isReassociated in new[] { true, false })
            {
                var network = new ResidualMlp(config) { IsReassociated = isReassociated };
                var random = new RandomSequence(1, stream: 0);
                foreach (var (_, parameter) in network.NamedParameters()) random.FillNormal(parameter.Values, 0.03);
                Decompose(
                    $"{name}{(isReassociated ? "" : ", stream computed")}", network, new SparseFeatures(config.NFeatures, 0.01),
                    new() { C = c, NCiMlpNeurons = k, BatchSize = 2048, TargetModulePatterns = ["layers.*"] });
            }
        }

        void Decompose(string name, Module network, DataSource data, DecompositionOptions options)
        {
            if (!name.Contains(filter, StringComparison.Ordinal)) return;
            options = options with { Pnorm = 2, ImportanceMinimalityCoeff = 1e-5, Steps = int.MaxValue };
            using var backend = new CpuBackend(threads, kernels: Environment.GetEnvironmentVariable("SPD_KERNELS"));
            var model = ComponentModel.Create(network, options.TargetModulePatterns, options.C, options.NCiMlpNeurons, seed: 0);
            var step = new DecompositionStep(model, data, options, backend);
            var times = new List<double>();
            long begin = Stopwatch.GetTimestamp();
            for (int i = 0; times.Count < 5 || Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds; i++)
            {
                long start = Stopwatch.GetTimestamp();
                step.Run(i);
                if (i > 1) times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            times.Sort();
            var (peaks, work) = (Peaks.Measure(backend), step.Program.Plan.Work);
            double median = times[times.Count / 2], floor = peaks.Floor(work, backend.Threads).Sum;
            output.WriteLine(FormattableString.Invariant(
                $"{name,-30} {median,8:F2} ms a step (10 % {times[times.Count / 10]:F2}, 90 % {times[times.Count * 9 / 10]:F2}), {backend.Threads} threads, {times.Count} steps; floor {floor:F2} ms, {floor / median:P0}"));
            if (data.Length == 1) return;
            double multiplyAdds = work.MultiplyAdds + work.OuterMultiplyAdds, peak = backend.Threads / peaks.Nanoseconds.MultiplyAdds * 1e9;
            output.WriteLine(FormattableString.Invariant(
                $"{"",-30} {step.Program.Plan.Batch.Positions / median * 1e3:F0} tokens a second; {2 * multiplyAdds / 1e9:F2} GFLOP a step, {2 * multiplyAdds / median / 1e6:F0} GFLOP/s, {multiplyAdds / (median / 1e3) / peak:P0} of the multiply-add peak"));
        }
    }

    /// <summary>Tokens at random, other ones in every sequence.</summary>
    private sealed class RandomTokens(int vocabulary) : IExamples
    {
        public void Fill(ulong seed, long step, int sequences, int sequence, Span<float> values)
        {
            var random = new Random(HashCode.Combine(seed, step, sequence));
            for (int i = 0; i < values.Length; i++) values[i] = random.Next(vocabulary);
        }
    }
}
