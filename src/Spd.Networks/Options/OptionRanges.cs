using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using Spd.Engine.Planning;

namespace Spd.Networks;

/// <summary>
/// The ranges of options. Each is stated once, as a <see cref="RangeAttribute"/> on its property; that of a list or dictionary is the range of each entry.
/// What takes options checks them by it, and what reads them from a text asks for it.
/// </summary>
public static class OptionRanges
{
    /// <summary>What a native build has to keep of a type of options, so that its ranges are found.</summary>
    public const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicProperties;

    /// <summary>The range of a property, or null where it has none.</summary>
    /// <param name="options">The type of the options.</param>
    /// <param name="name">The property's name, or that of its configuration key: upper and lower case and underscores make no difference.</param>
    /// <exception cref="ArgumentException">There is no such property.</exception>
    public static RangeAttribute? Of([DynamicallyAccessedMembers(Needed)] Type options, string name)
    {
        string letters = name.Replace("_", "", StringComparison.Ordinal);
        return options.GetProperties().FirstOrDefault(property => property.Name.Equals(letters, StringComparison.OrdinalIgnoreCase)) is { } found
            ? found.GetCustomAttribute<RangeAttribute>()
            : throw new ArgumentException($"{options.Name} has no property for '{name}'", nameof(name));
    }

    /// <summary>Checks every option against its range.</summary>
    /// <param name="options">The options.</param>
    /// <param name="type">Their type.</param>
    /// <exception cref="ArgumentException">One is out of its range; one sentence says which, and what it must be.</exception>
    public static void Check(object options, [DynamicallyAccessedMembers(Needed)] Type type)
    {
        foreach (var property in type.GetProperties())
        {
            if (property.GetCustomAttribute<RangeAttribute>() is not { } range) continue;
            object? value = property.GetValue(options);
            if (value is not IEnumerable entries) Check(property.Name, value, range);
            else foreach (object? entry in entries)
            {
                if (entry is KeyValuePair<string, int> pair) Check($"{property.Name} of '{pair.Key}'", pair.Value, range);
                else Check($"an entry of {property.Name}", entry, range);
            }
        }
    }

    /// <summary>What a value that is out of a range must be: <c>at least 1</c>, <c>a finite number above 0</c>.</summary>
    public static string InWords(RangeAttribute range, double value)
    {
        double least = Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture), most = Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture);
        // A whole number that is too large for its type has to know the end that nobody set.
        if (range.OperandType == typeof(int)) return most == int.MaxValue && value < least ? Text($"at least {least}") : Text($"from {least} to {most}");
        string lower = range.MinimumIsExclusive ? Text($"above {least}") : Text($"at least {least}");
        return (least, most, range.MinimumIsExclusive, range.MaximumIsExclusive) switch
        {
            (double.MinValue, double.MaxValue, _, _) => "a finite number",
            (_, double.MaxValue, var isAbove, _) => isAbove ? $"a finite number {lower}" : $"a finite number of {lower}",
            (_, _, false, false) => Text($"from {least} to {most}"),
            (_, _, _, var isBelow) => isBelow ? Text($"{lower} and below {most}") : Text($"{lower} and at most {most}"),
        };

        static string Text(FormattableString text) => FormattableString.Invariant(text);
    }

    private static void Check(string name, object? value, RangeAttribute range)
    {
        if (range.IsValid(value)) return;
        double number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
        throw new ArgumentException(FormattableString.Invariant($"{name} is {number}, but it must be {InWords(range, number)}"));
    }
}

/// <summary>A whole number that has a least value only.</summary>
/// <param name="least">The least value.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class AtLeastAttribute(int least) : RangeAttribute(least, int.MaxValue);

/// <summary>A number of rows of a batch.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class BatchRowsAttribute() : RangeAttribute(1, Batch.MostPositions);

/// <summary>A finite number.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class FiniteAttribute() : RangeAttribute(double.MinValue, double.MaxValue);

/// <summary>A finite number from 0.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NotNegativeAttribute() : RangeAttribute(0.0, double.MaxValue);

/// <summary>A finite number above 0.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PositiveAttribute : RangeAttribute
{
    /// <summary>The range.</summary>
    public PositiveAttribute()
        : base(0.0, double.MaxValue) => MinimumIsExclusive = true;
}

/// <summary>A probability above 0.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ProbabilityAttribute : RangeAttribute
{
    /// <summary>The range.</summary>
    public ProbabilityAttribute()
        : base(0.0, 1.0) => MinimumIsExclusive = true;
}

/// <summary>A share, from 0 to 1.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ShareAttribute() : RangeAttribute(0.0, 1.0);
