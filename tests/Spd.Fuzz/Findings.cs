using System.Security.Cryptography;
using System.Text;

namespace Spd.Fuzz;

/// <summary>Keeps the first mutant of each finding in a folder, with what happened.</summary>
/// <param name="folder">The folder.</param>
internal sealed class Findings(string folder)
{
    // Stands for the slash of a name, so that a mutant is one file.
    private const char Slash = '+';

    /// <summary>Keeps a mutant, unless one with the same finding is there.</summary>
    /// <returns>Its file, or null.</returns>
    public string? Keep(FuzzKind kind, Sample sample, string number, string key, string what)
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..8];
        string name = $"{kind.Name}-{hash}-";
        if (Directory.Exists(folder) && Directory.GetFiles(folder, $"{name}*").Length > 0) return null;
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, name + sample.Name.Replace('/', Slash));
        File.WriteAllBytes(path, sample.Bytes);
        File.WriteAllText($"{path}.txt", $"--replay {number}\n\n{what}\n");
        return path;
    }

    /// <summary>A mutant that was kept.</summary>
    public static (string Kind, Sample Sample) Read(string path)
    {
        string[] parts = Path.GetFileName(path).Split('-', 3);
        return parts.Length == 3
            ? (parts[0], new Sample(parts[2].Replace(Slash, '/'), File.ReadAllBytes(path)))
            : throw new ArgumentException($"'{path}' is not called as findings are, kind-hash-name");
    }
}
