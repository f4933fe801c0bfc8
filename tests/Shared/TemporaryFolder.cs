namespace Spd.Tests;

/// <summary>A folder that goes with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("spd-test-").FullName;

    public string this[params string[] names] => Path.Combine([Root, .. names]);

    public IEnumerable<string> FileNames => Directory.EnumerateFiles(Root).Select(path => Path.GetFileName(path));

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
