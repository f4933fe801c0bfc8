using System.Text.Json;
using System.Text.Json.Serialization;

namespace Spd.Runs.Results;

/// <summary>What a metric came to: a number, a truth, or a number for each site.</summary>
[JsonConverter(typeof(Converter))]
public sealed record MetricValue
{
    /// <summary>A number; NaN where it could not be computed.</summary>
    public MetricValue(double number) => Number = number;

    /// <summary>A truth.</summary>
    public MetricValue(bool truth) => (Number, IsTruth) = (truth ? 1 : 0, true);

    /// <summary>A number for each site.</summary>
    public MetricValue(IReadOnlyDictionary<string, double> bySite) => (Number, BySite) = (double.NaN, bySite);

    /// <summary>The number; 1 or 0 for a truth, NaN where there is one for each site.</summary>
    public double Number { get; }

    /// <summary>Whether it is a truth.</summary>
    public bool IsTruth { get; }

    /// <summary>The numbers of the sites; null where there is one number.</summary>
    public IReadOnlyDictionary<string, double>? BySite { get; }

    internal sealed class Converter : JsonConverter<MetricValue>
    {
        public override bool HandleNull => true;

        public override MetricValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
        {
            JsonTokenType.True or JsonTokenType.False => new MetricValue(reader.GetBoolean()),
            JsonTokenType.StartObject => new MetricValue(ReadSites(ref reader)),
            _ => new MetricValue(FiniteNumber.Read(ref reader)),
        };

        public override void Write(Utf8JsonWriter writer, MetricValue value, JsonSerializerOptions options)
        {
            if (value.BySite is { } sites)
            {
                writer.WriteStartObject();
                foreach (var (site, number) in sites)
                {
                    writer.WritePropertyName(site);
                    FiniteNumber.Write(writer, number);
                }

                writer.WriteEndObject();
            }
            else if (value.IsTruth)
            {
                writer.WriteBooleanValue(value.Number == 1);
            }
            else
            {
                FiniteNumber.Write(writer, value.Number);
            }
        }

        private static Dictionary<string, double> ReadSites(ref Utf8JsonReader reader)
        {
            var sites = new Dictionary<string, double>();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string site = reader.GetString()!;
                reader.Read();
                if (!sites.TryAdd(site, FiniteNumber.Read(ref reader))) throw new JsonException();
            }

            return sites;
        }
    }
}

/// <summary>Numbers as the files of a run have them: one that is not finite is null.</summary>
internal sealed class FiniteNumber : JsonConverter<double>
{
    public override bool HandleNull => true;

    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Read(ref reader);

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) => Write(writer, value);

    public static double Read(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Null => double.NaN,
        JsonTokenType.Number when reader.TryGetDouble(out double value) && double.IsFinite(value) => value,
        _ => throw new JsonException(),
    };

    public static void Write(Utf8JsonWriter writer, double value)
    {
        if (double.IsFinite(value)) writer.WriteNumberValue(value);
        else writer.WriteNullValue();
    }
}

/// <summary>The same for numbers of single precision, which have fewer digits.</summary>
internal sealed class FiniteSingle : JsonConverter<float>
{
    public override bool HandleNull => true;

    public override float Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => (float)FiniteNumber.Read(ref reader);

    public override void Write(Utf8JsonWriter writer, float value, JsonSerializerOptions options)
    {
        if (float.IsFinite(value)) writer.WriteNumberValue(value);
        else writer.WriteNullValue();
    }
}
