using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Spd.Cli.Tests;

/// <summary>All that others can use has a comment of its own, or that of the member which it overrides or implements.</summary>
public sealed class DocumentationTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static TheoryData<string> Projects => LayerTests.Projects;

    [Theory]
    [MemberData(nameof(Projects))]
    public void EveryPublicMemberHasAComment(string project)
    {
        string file = Path.Combine(AppContext.BaseDirectory, project == "Spd.Cli" ? "spd.dll" : $"{project}.dll");
        var documented = XDocument.Load(Path.ChangeExtension(file, ".xml")).Descendants("member")
            .Select(member => member.Attribute("name")!.Value[2..].Split('(')[0].Split("``")[0]).ToHashSet();
        var types = Assembly.LoadFrom(file).GetExportedTypes();
        var members = types.Where(type => !type.IsSubclassOf(typeof(Delegate))).SelectMany(MembersOf);
        string[] missing = [.. types.Select(NameOf).Concat(members).Where(name => !documented.Contains(name)).Distinct()];
        Assert.True(missing.Length == 0, $"no comment says what these are: {string.Join(", ", missing)}");
    }

    private static IEnumerable<string> MembersOf(Type type)
    {
        var inherited = type.GetInterfaces().Append(type.BaseType).OfType<Type>().SelectMany(of => of.GetMethods(Declared & ~BindingFlags.DeclaredOnly))
            .Select(method => method.Name).ToHashSet();
        // The values of a record's first line are told of as its parameters.
        var parameters = type.GetConstructors(Declared).SelectMany(constructor => constructor.GetParameters()).Select(parameter => parameter.Name).ToHashSet();
        foreach (var method in type.GetMethods(Declared))
        {
            if (IsOwn(method) && !method.IsSpecialName && !IsMade(method)) yield return $"{NameOf(type)}.{method.Name}";
        }

        foreach (var property in type.GetProperties(Declared))
        {
            var getter = property.GetMethod ?? property.SetMethod!;
            bool isOfRecord = parameters.Contains(property.Name) && IsMade(getter);
            if (IsOwn(getter) && !isOfRecord && property.Name != "EqualityContract") yield return $"{NameOf(type)}.{property.Name}";
        }

        foreach (var field in type.GetFields(Declared))
        {
            if (IsVisible(field) && !field.IsSpecialName && !IsMade(field)) yield return $"{NameOf(type)}.{field.Name}";
        }

        bool IsOwn(MethodInfo method) => IsVisible(method) && !inherited.Contains(method.Name);
    }

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsVisible(FieldInfo field) => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly;

    private static bool IsMade(MemberInfo member) => member.IsDefined(typeof(CompilerGeneratedAttribute));

    private static string NameOf(Type type) => type.FullName!.Replace('+', '.');
}
