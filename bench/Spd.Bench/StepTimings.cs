using System.Diagnostics;
using Spd.Decomposition;
using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;

namespace Spd.Bench;

/// <summary>
/// The time of a whole decomposition step of each experiment at its full size, on random weights: what they are does not change the work. Beside it the floor,
/// what the step's work takes at the peaks of this machine, and its share of the time.
/// </summary>
internal static class StepTimings
{
    private const double SecondsEach = 8;

    public static void Print(TextWriter output, string filter)
    {
        Decompose("tms_5-2", new Tms(new TmsModelConfig()), 0.05, 20, 16, 4096, ["linear*"]);
        Decompose("tms_40-10", new Tms(new TmsModelConfig { NFeatures = 40, NHidden = 10 }), 0.05, 200, 16, 4096, ["linear*"]);
        Residual("resid_mlp1", new ResidualMlpConfig(), 100, 16);
        Residual("resid_mlp2", new ResidualMlpConfig { NLayers = 2, DMlp = 25 }, 400, 16);
        Residual("resid_mlp3", new ResidualMlpConfig { NLayers = 3, DMlp = 17, NFeatures = 102 }, 500, 128);

        void Residual(string name, ResidualMlpConfig config, int c, int k)
        {
            foreach (bool isReassociated in new[] { true, false })
            {
                var network = new ResidualMlp(config) { IsReassociated = isReassociated };
                var random = new RandomSequence(1, stream: 0);
                foreach (var (_, parameter) in network.NamedParameters()) random.FillNormal(parameter.Values, 0.03);
                Decompose($"{name}{(isReassociated ? "" : ", stream computed")}", network, 0.01, c, k, 2048, ["layers.*"]);
            }
        }

        void Decompose(string name, Module network, double probability, int c, int k, int batch, string[] sites)
        {
            if (!name.Contains(filter, StringComparison.Ordinal)) return;
            if (network is Tms) network.Initialise(1);
            int features = network switch { Tms tms => tms.Config.NFeatures, ResidualMlp residual => residual.Config.NFeatures, _ => 0 };
            var options = new DecompositionOptions
            {
                C = c,
                NCiMlpNeurons = k,
                BatchSize = batch,
                TargetModulePatterns = sites,
                Pnorm = 2,
                ImportanceMinimalityCoeff = 1e-5,
                Steps = int.MaxValue,
            };
            using var backend = new CpuBackend(kernels: Environment.GetEnvironmentVariable("SPD_KERNELS"));
            var model = ComponentModel.Create(network, sites, c, k, seed: 0);
            var step = new DecompositionStep(model, new SparseFeatures(features, probability), options, backend);
            var times = new List<double>();
            long begin = Stopwatch.GetTimestamp();
            for (int i = 0; times.Count < 5 || Stopwatch.GetElapsedTime(begin).TotalSeconds < SecondsEach; i++)
            {
                long start = Stopwatch.GetTimestamp();
                step.Run(i);
                if (i > 1) times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            times.Sort();
            double median = times[times.Count / 2], floor = Peaks.Measure(backend).Floor(step.Program.Plan.Work, backend.Threads).Sum;
            output.WriteLine(FormattableString.Invariant(
                $"{name,-30} {median,8:F2} ms a step (10 % {times[times.Count / 10]:F2}, 90 % {times[times.Count * 9 / 10]:F2}), {backend.Threads} threads, {times.Count} steps; floor {floor:F2} ms, {floor / median:P0}"));
        }
    }
}
