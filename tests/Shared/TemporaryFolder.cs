namespace Spd.Tests;

/// <summary>A folder that goes with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("spd-test-").FullName;

    public string this[string name] => Path.Combine(_path, name);

    public IEnumerable<string> FileNames => Directory.EnumerateFiles(_path).Select(path => Path.GetFileName(path));

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
