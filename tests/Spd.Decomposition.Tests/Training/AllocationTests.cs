using Spd.Networks.Data;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Training;

/// <summary>Runs alone, so that nobody else's allocations are counted.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class RunsAlone;

[Collection(nameof(AllocationTests))]
public sealed class AllocationTests
{
    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 3)]
    [InlineData(2, 0)]
    public void ASteadyStepAllocatesNothingButItsResult(int threads, int k)
    {
        var options = new DecompositionOptions
        {
            C = 5,
            NCiMlpNeurons = k,
            BatchSize = 300,
            NMaskSamples = 2,
            Steps = 2000,
            TargetModulePatterns = ["linear*"],
            LrSchedule = Spd.Engine.Optimisation.ScheduleShape.Cosine,
            LrWarmupPct = 0.01,
            ReconCoeff = 1,
            ReconLayerwiseCoeff = 1,
            SchattenCoeff = 1e-3,
            OutReconCoeff = 1,
            Pnorm = 0.9,
        };
        var model = ComponentModel.Create(Given.Tms(), options.TargetModulePatterns, options.C, k, seed: 0);
        using var backend = TestBackend.Create(threads);
        var step = new DecompositionStep(model, new SparseFeatures(5, 0.2), options, backend);
        var result = step.Run(0);
        long start = GC.GetAllocatedBytesForCurrentThread();
        result = result with { Losses = result.Losses.ToArray() };
        long hundredResults = 100 * (GC.GetAllocatedBytesForCurrentThread() - start);
        int number = result.StepsTaken;
        long fewest = long.MaxValue;
        // Other threads of the test host may allocate once in a while; a step that allocates does so every time.
        for (int round = 0; round < 6 && fewest > hundredResults; round++)
        {
            long before = GC.GetTotalAllocatedBytes(true), beforeHere = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++) step.Run(number++);
            long here = GC.GetAllocatedBytesForCurrentThread() - beforeHere;
            fewest = Math.Min(fewest, GC.GetTotalAllocatedBytes(true) - before);
            if (round > 0) Assert.Equal(hundredResults, here);
        }

        Assert.Equal(hundredResults, fewest);
    }
}
