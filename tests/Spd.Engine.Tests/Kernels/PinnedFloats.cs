namespace Spd.Engine.Tests.Kernels;

/// <summary>Floats that do not move, with a guard of a known value on either side.</summary>
internal sealed unsafe class PinnedFloats
{
    public const float Guard = -12345.5f;
    private const int GuardLength = 64;
    private readonly float[] _memory;

    public PinnedFloats(int length, Func<int, float> value)
    {
        _memory = GC.AllocateUninitializedArray<float>(length + 2 * GuardLength, pinned: true);
        Array.Fill(_memory, Guard);
        Length = length;
        for (int i = 0; i < length; i++) this[i] = value(i);
    }

    public int Length { get; }

    public float* Pointer
    {
        get
        {
            fixed (float* first = _memory) return first + GuardLength;
        }
    }

    public float this[int index]
    {
        get => _memory[GuardLength + index];
        set => _memory[GuardLength + index] = value;
    }

    public static PinnedFloats Random(Random random, int length, float scale = 1f) =>
        new(length, _ => scale * (2f * random.NextSingle() - 1f));

    public PinnedFloats Copy() => new(Length, i => this[i]);

    public void AssertGuards()
    {
        for (int i = 0; i < GuardLength; i++)
        {
            Assert.Equal(Guard, _memory[i]);
            Assert.Equal(Guard, _memory[GuardLength + Length + i]);
        }
    }
}
