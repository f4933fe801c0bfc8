namespace Spd.Engine.Tests;

/// <summary>What others build on, in full: whoever adds a type, or takes one away, says so here.</summary>
public sealed class PublicTypesTests
{
    private static readonly string[] Expected =
    [
        "Cpu.Call", "Cpu.CpuBackend", "Cpu.CpuKernel", "Cpu.CpuKernel`1", "Cpu.Peaks",
        "Execution.Backend", "Execution.ParameterGradients", "Execution.Program",
        "Graphs.Constant", "Graphs.Derivative", "Graphs.Domain", "Graphs.Graph", "Graphs.Knots", "Graphs.Operation", "Graphs.Schedule",
        "Graphs.SequenceSum", "Graphs.Shape", "Graphs.Sum", "Graphs.Value", "Graphs.Work",
        "Matrix",
        "Operations.Above", "Operations.Absolute", "Operations.Affine", "Operations.AffineBelow", "Operations.Broadcast", "Operations.CachedAttention",
        "Operations.CausalAttention",
        "Operations.CausalAttentionGradient", "Operations.ColumnSum", "Operations.Combine", "Operations.CombineGradient", "Operations.CountAbove", "Operations.CrossEntropy",
        "Operations.Divergence", "Operations.Examples", "Operations.ExpectedUnembedding", "Operations.FrequencyCost", "Operations.Gelu", "Operations.GeluTanh",
        "Operations.GraphOperations", "Operations.GroupMinimum", "Operations.HardSigmoid", "Operations.Histogram", "Operations.IExamples", "Operations.InnerProduct",
        "Operations.Input", "Operations.Interpolate", "Operations.LaneDot", "Operations.LaneSum", "Operations.LastPosition", "Operations.LastPositionGradient", "Operations.LeakyHardSigmoid", "Operations.Lookup",
        "Operations.LookupGradient", "Operations.LowerLeakyHardSigmoid", "Operations.Map", "Operations.MapGradient", "Operations.MatMul",
        "Operations.MatrixColumns", "Operations.Maximum", "Operations.Multiply", "Operations.Normalise", "Operations.NormaliseGradient", "Operations.Number",
        "Operations.NumberMap", "Operations.NumberMapGradient", "Operations.Objective", "Operations.Outer", "Operations.PlacedRows", "Operations.Positions", "Operations.Power", "Operations.PowerOf", "Operations.PowerSum",
        "Operations.RandomSubset", "Operations.Relu", "Operations.RepeatRows", "Operations.Rotate", "Operations.RotateAt", "Operations.RowAffine", "Operations.RowDot", "Operations.RowMlp",
        "Operations.RowMlpGradient", "Operations.RowRange", "Operations.RowSum", "Operations.Scale", "Operations.ScaleLanes", "Operations.ScaledGradient", "Operations.Sigmoid", "Operations.Silu",
        "Operations.Smallest", "Operations.SmoothCount", "Operations.SquaredError", "Operations.SwiGlu", "Operations.SwishHardSigmoid", "Operations.TableRows", "Operations.Tanh", "Operations.Term",
        "Operations.UnembeddingCrossEntropy", "Operations.UnembeddingDivergence", "Operations.Uniform", "Operations.UpperLeakyHardSigmoid", "Operations.Weight",
        "Optimisation.AdamW", "Optimisation.Ascent", "Optimisation.IUpdateRule", "Optimisation.LearningRateSchedule", "Optimisation.Optimiser",
        "Optimisation.ParameterGroup", "Optimisation.ScheduleShape", "Optimisation.Sgd", "Optimisation.SignSgd", "Optimisation.Stretch",
        "Parameter", "ParameterSet",
        "Planning.Batch", "Planning.Phase", "Planning.Place", "Planning.Plan", "Planning.PlannedOperation", "Planning.Store", "Planning.Traits",
        "RandomSequence",
    ];

    [Fact]
    public void TheyAreThese()
    {
        string[] actual = [.. typeof(Parameter).Assembly.GetExportedTypes().Select(type => type.FullName!["Spd.Engine.".Length..])];
        Assert.Equal("", string.Join(", ", actual.Except(Expected)));
        Assert.Equal("", string.Join(", ", Expected.Except(actual)));
        Assert.Equal(Expected.Order(StringComparer.Ordinal), Expected);
    }
}
