using System.IO.Compression;

namespace Spd.Cli.Tests;

/// <summary>What <c>./pack</c> makes, used as others use it: outside the repository, from a folder of packages.</summary>
public sealed class PackTests(PackTests.Packages packages) : IClassFixture<PackTests.Packages>
{
    private static readonly string[] Libraries = ["Spd.Engine", "Spd.Formats", "Spd.Text", "Spd.Networks", "Spd.Decomposition", "Spd.Figures", "Spd.Runs", "Spd.Baselines", "Spd.Paper"];

    [Fact]
    public void TheToolRunsShippedExperimentsOutsideTheRepository()
    {
        using var spd = new SpdProgram();
        Dotnet(spd, "tool", "install", "Spd.Cli", "--tool-path", spd.PathTo("tools"), "--configfile", packages.Configuration(spd));
        string tool = spd.PathTo("tools", OperatingSystem.IsWindows() ? "spd.exe" : "spd");

        Assert.Equal(spd.Run("list"), Run(spd, tool, "list"));
        var (code, output, error) = Run(spd, tool, "run", "tms_5-2", "--steps", "3", "--out", "run");
        Assert.True(code == 0, output + error);
        Assert.Contains("tms_5-2, seed 1: 3 steps", output, StringComparison.Ordinal);
        Assert.True(File.Exists(spd.PathTo("run", "summary.json")));
    }

    [Fact]
    public void TheExampleOfTheReadmeIsBuiltFromThePackages()
    {
        using var spd = new SpdProgram();
        packages.Configuration(spd);
        File.Copy(Path.Combine(Repository.Root, "examples", "OwnNetwork", "Program.cs"), spd.PathTo("Program.cs"));
        File.WriteAllText(spd.PathTo("mine.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Spd.Decomposition" Version="*" />
                <PackageReference Include="Spd.Networks" Version="*" />
              </ItemGroup>
            </Project>
            """);
        // Into a folder of its own: what NuGet has once unpacked of a version it does not read again.
        Dotnet(spd, "build", "--nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false", $"-p:RestorePackagesPath={spd.PathTo("unpacked")}");
        string program = Assert.Single(Directory.GetFiles(spd.PathTo("bin"), "mine.dll", SearchOption.AllDirectories));
        Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(program)!, "Spd.Engine.dll")));
    }

    [Fact]
    public void EveryPackageHasItsReadmeIconCommentsAndSymbols()
    {
        Assert.Equal(2 * (Libraries.Length + 1), Directory.GetFiles(packages.Folder).Length);
        Assert.All(Libraries, library =>
        {
            string[] files = FilesOf(library, ".nupkg");
            Assert.All(["README.md", "icon.png", $"lib/net10.0/{library}.dll", $"lib/net10.0/{library}.xml"], file => Assert.Contains(file, files));
            Assert.Contains($"lib/net10.0/{library}.pdb", FilesOf(library, ".snupkg"));
        });
        // The experiments, and the network and data that lie in a folder below them.
        int shipped = Directory.GetFiles(Path.Combine(Repository.Root, "experiments"), "*", SearchOption.AllDirectories).Length;
        Assert.Equal(shipped, FilesOf("Spd.Cli", ".nupkg").Count(file => file.StartsWith("tools/net10.0/any/experiments/", StringComparison.Ordinal)));
        Assert.Equal(shipped, FilesOf("Spd.Runs", ".nupkg").Count(file => file.StartsWith("contentFiles/any/any/experiments/", StringComparison.Ordinal)));
    }

    private string[] FilesOf(string name, string ending)
    {
        using var package = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(packages.Folder, $"{name}.*{ending}")));
        return [.. package.Entries.Select(entry => entry.FullName)];
    }

    private static void Dotnet(SpdProgram spd, params string[] arguments)
    {
        var (code, output, error) = Run(spd, "dotnet", arguments);
        Assert.True(code == 0, output + error);
    }

    private static (int ExitCode, string Output, string Error) Run(SpdProgram spd, string program, params string[] arguments)
    {
        using var process = spd.StartProgram(program, arguments);
        return SpdProgram.Finish(process);
    }

    /// <summary>The packages of what the tests were built with, in a folder that goes with them.</summary>
    public sealed class Packages : IDisposable
    {
        /// <summary>Packs them.</summary>
        public Packages()
        {
            using var spd = new SpdProgram();
            string build = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            Dotnet(spd, "pack", Path.Combine(Repository.Root, "Spd.slnx"), "--no-build", "-c", build, "-o", Folder, "-nodeReuse:false");
        }

        /// <summary>Where they lie.</summary>
        public string Folder { get; } = Directory.CreateTempSubdirectory("spd-packages-").FullName;

        /// <summary>
        /// Writes the <c>nuget.config</c> of a folder, by which ours come from these packages alone, and what they build on from where NuGet has it on this
        /// machine since these tests were built: nothing is asked of the network. Skips the test where NuGet has it elsewhere.
        /// </summary>
        /// <returns>Its path.</returns>
        internal string Configuration(SpdProgram spd)
        {
            string machine = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
                ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
            Assert.SkipUnless(
                Directory.Exists(Path.Combine(machine, "parquet.net")), $"the packages that this was built with do not lie in {machine}: name their folder in NUGET_PACKAGES");
            string path = spd.PathTo("nuget.config");
            File.WriteAllText(path, $"""
                <configuration>
                  <packageSources>
                    <clear />
                    <add key="packed" value="{Folder}" />
                    <add key="machine" value="{machine}" />
                  </packageSources>
                  <packageSourceMapping>
                    <clear />
                    <packageSource key="packed"><package pattern="Spd.*" /></packageSource>
                    <packageSource key="machine"><package pattern="*" /></packageSource>
                  </packageSourceMapping>
                </configuration>
                """);
            return path;
        }

        /// <inheritdoc/>
        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
