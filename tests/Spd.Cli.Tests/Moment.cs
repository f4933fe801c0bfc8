using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Spd.Formats;

namespace Spd.Cli.Tests;

/// <summary>
/// A point in the work of a program that a test starts, and what happens there: when so many bytes of a file are written, and before the next one is, the
/// program sends itself a signal. Neither the clock nor the machine's load decides how far it has come.
/// </summary>
/// <param name="File">What the file's path ends in.</param>
/// <param name="Bytes">Bytes of it that are on the disk by then; with 0 it exists and is empty.</param>
/// <param name="Signal">What <c>kill</c> calls the signal: <c>-KILL</c>, <c>-INT</c>, <c>-TERM</c>.</param>
/// <param name="IsHeld">Waits before that until the test deletes <see cref="HeldFile"/>, which the program writes.</param>
internal sealed record Moment(string File, long Bytes, string Signal, bool IsHeld = false)
{
    /// <summary>The file in the program's working folder that says that it waits.</summary>
    public const string HeldFile = "held";

    /// <summary>The environment variable that it travels in.</summary>
    public const string Variable = "SPD_TEST_MOMENT";

    private const char Separator = '|';

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{File}{Separator}{Bytes}{Separator}{Signal}{Separator}{IsHeld}");

    public static Moment Parse(string text)
    {
        string[] parts = text.Split(Separator);
        return new Moment(parts[0].Replace('/', Path.DirectorySeparatorChar), long.Parse(parts[1], CultureInfo.InvariantCulture), parts[2], bool.Parse(parts[3]));
    }

    /// <summary>Waits for it in the program.</summary>
    public void Arm()
    {
        var answered = new CountdownEvent(2);
        // Handlers are called one after the other: when the first and the last registered have been, the program's own has too.
        if (Signal != "-KILL") Register(answered);
        AtomicFile.Between = (path, stream) => path.EndsWith(File, StringComparison.Ordinal) ? new CountingStream(stream, Bytes, Come) : stream;

        void Come()
        {
            AtomicFile.Between = null;
            if (IsHeld)
            {
                System.IO.File.WriteAllText(HeldFile, "");
                while (System.IO.File.Exists(HeldFile)) Thread.Sleep(1);
            }

            if (Signal == "-KILL")
            {
                Process.GetCurrentProcess().Kill();
                Thread.Sleep(Timeout.Infinite);
            }

            Register(answered);
            SpdProgram.Signal(Process.GetCurrentProcess(), Signal);
            answered.Wait();
        }
    }

    private static void Register(CountdownEvent answered)
    {
        foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP })
            Registrations.Add(PosixSignalRegistration.Create(signal, _ => { if (!answered.IsSet) answered.Signal(); }));
    }

    /// <summary>Kept, since a registration ends with its object.</summary>
    private static List<PosixSignalRegistration> Registrations { get; } = [];

    /// <summary>Passes bytes on, and says when there have been so many.</summary>
    private sealed class CountingStream(Stream inner, long bytes, Action come) : Stream
    {
        private long _left = bytes;
        private bool _hasCome;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (!_hasCome && buffer.Length >= _left)
            {
                inner.Write(buffer[..(int)_left]);
                inner.Flush();
                buffer = buffer[(int)_left..];
                _hasCome = true;
                come();
            }

            _left -= buffer.Length;
            inner.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void WriteByte(byte value) => Write([value]);

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
