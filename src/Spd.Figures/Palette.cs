namespace Spd.Figures;

/// <summary>Colours that stay apart for colour-blind readers, as "#rrggbb".</summary>
internal static class Palette
{
    public const string Ink = "#222222";
    public const string Muted = "#555555";
    public const string GridLine = "#e3e3e3";
    public const string Frame = "#8a8a8a";
    public const string NonFinite = "#b0b0b0";
    public const string Positive = "#b2182b";
    public const string Negative = "#2166ac";

    private static readonly string[] SeriesColors =
        ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

    private static readonly string[] FeatureColors =
        ["#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#000000", "#d55e00", "#0072b2", "#c9b800"];

    private static readonly (int Red, int Green, int Blue)[] DivergingStops =
    [
        (0x05, 0x30, 0x61), (0x21, 0x66, 0xac), (0x43, 0x93, 0xc3), (0x92, 0xc5, 0xde), (0xd1, 0xe5, 0xf0), (0xff, 0xff, 0xff),
        (0xfd, 0xdb, 0xc7), (0xf4, 0xa5, 0x82), (0xd6, 0x60, 0x4d), (0xb2, 0x18, 0x2b), (0x67, 0x00, 0x1f),
    ];

    private static readonly (int Red, int Green, int Blue)[] SequentialStops =
    [
        (0xff, 0xff, 0xff), (0xde, 0xeb, 0xf7), (0xc6, 0xdb, 0xef), (0x9e, 0xca, 0xe1), (0x6b, 0xae, 0xd6),
        (0x42, 0x92, 0xc6), (0x21, 0x71, 0xb5), (0x08, 0x51, 0x9c), (0x08, 0x30, 0x6b),
    ];

    private static readonly (int Red, int Green, int Blue)[] ViridisStops =
    [
        (0x44, 0x01, 0x54), (0x47, 0x2d, 0x7b), (0x3b, 0x52, 0x8b), (0x2c, 0x72, 0x8e),
        (0x21, 0x91, 0x8c), (0x28, 0xae, 0x80), (0x5e, 0xc9, 0x62), (0xad, 0xdc, 0x30), (0xfd, 0xe7, 0x25),
    ];

    /// <summary>The colour of a line series; colours repeat after seven, where <see cref="SeriesDash"/> changes.</summary>
    public static string Series(int index) => SeriesColors[index % SeriesColors.Length];

    /// <summary>The dash pattern of a line series, null for a solid line.</summary>
    public static string? SeriesDash(int index) => (index / SeriesColors.Length % 4) switch
    {
        0 => null,
        1 => "6 3",
        2 => "2 2",
        _ => "8 3 2 3",
    };

    /// <summary>The colour of one of several features: Okabe–Ito up to eight, an ordered dark-to-light map beyond.</summary>
    public static string Feature(int index, int count) =>
        count <= FeatureColors.Length ? FeatureColors[index] : Interpolate(ViridisStops, 0.95 * index / (count - 1));

    /// <summary>Blue through white to red for -1 through 0 to 1; values beyond are drawn as the ends.</summary>
    public static string Diverging(double value) => Interpolate(DivergingStops, (value + 1) / 2);

    /// <summary>White to dark blue for 0 to 1; values beyond are drawn as the ends.</summary>
    public static string Sequential(double value) => Interpolate(SequentialStops, value);

    private static string Interpolate((int Red, int Green, int Blue)[] stops, double position)
    {
        double scaled = Math.Clamp(position, 0, 1) * (stops.Length - 1);
        int lower = Math.Min((int)scaled, stops.Length - 2);
        var (from, to, share) = (stops[lower], stops[lower + 1], scaled - lower);
        return $"#{Mix(from.Red, to.Red, share):x2}{Mix(from.Green, to.Green, share):x2}{Mix(from.Blue, to.Blue, share):x2}";
    }

    private static int Mix(int from, int to, double share) => (int)Math.Round(from + ((to - from) * share), MidpointRounding.AwayFromZero);
}
