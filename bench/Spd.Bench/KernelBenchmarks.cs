using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Spd.Engine.Kernels;

namespace Spd.Bench;

/// <summary>A matrix of the experiments: W is <c>[Rows, Columns]</c>, stored transposed or not; panels have <c>Lanes</c> lanes.</summary>
public sealed record MatrixShape(string Name, int Rows, int Columns, int Lanes, bool Transposed)
{
    public override string ToString() => $"{Name} {Rows}x{Columns}, {Lanes} lanes{(Transposed ? ", transposed" : "")}";
}

/// <summary>The gates of a site: C subcomponents of K hidden neurons.</summary>
public sealed record GateShape(int Subcomponents, int Width, int Lanes)
{
    public override string ToString() => $"C={Subcomponents} K={Width}, {Lanes} lanes";
}

/// <summary>The two matrix kernels.</summary>
public unsafe class MatrixBenchmarks
{
    private KernelSet _kernels = new ScalarKernels();
    private float* _w;
    private float* _x;
    private float* _y;

    public static IEnumerable<string> Sets => KernelSet.Available.Where(name => name != "scalar");

    public static IEnumerable<MatrixShape> Shapes =>
    [
        new("TMS 5-2 V", 20, 5, 256, Transposed: false),
        new("TMS 5-2 U", 2, 20, 256, Transposed: false),
        new("TMS 5-2 Ut", 20, 2, 256, Transposed: true),
        new("residual MLP V", 100, 1000, 128, Transposed: false),
        new("residual MLP Vt", 1000, 100, 128, Transposed: true),
        new("residual MLP V", 100, 50, 128, Transposed: false),
        new("residual MLP Vt", 50, 100, 128, Transposed: true),
    ];

    [ParamsSource(nameof(Sets))]
    public string Set { get; set; } = "";

    [ParamsSource(nameof(Shapes))]
    public MatrixShape Shape { get; set; } = new("", 1, 1, KernelSet.LaneBlock, Transposed: false);

    [GlobalSetup]
    public void Setup()
    {
        _kernels = KernelSet.Create(Set);
        _w = Memory.Random(Shape.Rows * Shape.Columns, 1);
        _x = Memory.Random(Shape.Columns * Shape.Lanes, 2);
        _y = Memory.Random(Shape.Rows * Shape.Lanes, 3);
    }

    [GlobalCleanup]
    public void Cleanup() => Memory.Free(_w, _x, _y);

    [Benchmark]
    public void Product() => _kernels.MatrixProduct(
        Shape.Rows, Shape.Columns, Shape.Lanes,
        _w, Shape.Transposed ? 1 : Shape.Columns, Shape.Transposed ? Shape.Rows : 1,
        _x, Shape.Lanes, _y, Shape.Lanes, accumulate: false);

    [Benchmark]
    public void OuterProduct() => _kernels.AccumulateOuterProduct(Shape.Rows, Shape.Columns, Shape.Lanes, _y, _x, Shape.Lanes, _w, Shape.Columns);
}

/// <summary>The fused gate, forward and backward.</summary>
public unsafe class GateBenchmarks
{
    private KernelSet _kernels = new ScalarKernels();
    private float* _parameters;
    private float* _gradients;
    private float* _h;
    private float* _g;
    private float* _dh;

    public static IEnumerable<string> Sets => MatrixBenchmarks.Sets;

    public static IEnumerable<GateShape> Shapes => [new(20, 16, 256), new(100, 16, 128), new(100, 128, 128)];

    [ParamsSource(nameof(Sets))]
    public string Set { get; set; } = "";

    [ParamsSource(nameof(Shapes))]
    public GateShape Shape { get; set; } = new(1, 1, KernelSet.LaneBlock);

    [GlobalSetup]
    public void Setup()
    {
        _kernels = KernelSet.Create(Set);
        int hidden = Shape.Subcomponents * Shape.Width;
        _parameters = Memory.Random(3 * hidden + Shape.Subcomponents, 1);
        _gradients = Memory.Random(3 * hidden + Shape.Subcomponents, 2);
        _h = Memory.Random(Shape.Subcomponents * Shape.Lanes, 3);
        _g = Memory.Random(Shape.Subcomponents * Shape.Lanes, 4);
        _dh = Memory.Random(Shape.Subcomponents * Shape.Lanes, 5);
    }

    [GlobalCleanup]
    public void Cleanup() => Memory.Free(_parameters, _gradients, _h, _g, _dh);

    [Benchmark]
    public void Forward() => _kernels.GateForward(Split(_parameters), Shape.Lanes, _h, _g, Shape.Lanes);

    [Benchmark]
    public void Backward() => _kernels.GateBackward(Split(_parameters), Split(_gradients), Shape.Lanes, _h, _g, _dh, Shape.Lanes);

    private GateParameters Split(float* memory)
    {
        int hidden = Shape.Subcomponents * Shape.Width;
        return new(Shape.Subcomponents, Shape.Width, memory, memory + hidden, memory + 2 * hidden, memory + 3 * hidden);
    }
}

/// <summary>Aligned native memory.</summary>
internal static unsafe class Memory
{
    private const nuint CacheLine = 64;

    public static float* Random(int count, int seed)
    {
        float* values = (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), CacheLine);
        Random random = new(seed);
        for (int i = 0; i < count; i++) values[i] = 2f * random.NextSingle() - 1f;
        return values;
    }

    public static void Free(params float*[] buffers)
    {
        foreach (float* buffer in buffers) NativeMemory.AlignedFree(buffer);
    }
}
