using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Spd.Engine.Execution;

/// <summary>
/// Zeroed floats on a cache-line boundary that do not move. The memory lives as long as the buffer is reachable: whoever hands out pointers keeps it.
/// </summary>
internal sealed unsafe class AlignedBuffer
{
    private const int CacheLine = 64;
    private readonly float[] _memory;
    private readonly int _offset;

    public AlignedBuffer(long length)
    {
        Length = checked((int)length);
        _memory = GC.AllocateArray<float>(checked(Length + CacheLine / sizeof(float)), pinned: true);
        nuint address = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory));
        _offset = (int)((CacheLine - address % CacheLine) % CacheLine) / sizeof(float);
        Pointer = (float*)address + _offset;
    }

    public float* Pointer { get; }

    public int Length { get; }

    public Span<float> Span => _memory.AsSpan(_offset, Length);

    public Memory<float> Memory => _memory.AsMemory(_offset, Length);
}
