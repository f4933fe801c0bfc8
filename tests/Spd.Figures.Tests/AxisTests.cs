using System.Globalization;

namespace Spd.Figures.Tests;

public sealed class AxisTests
{
    [Theory]
    [InlineData(0, 9999, 0, 10000)]
    [InlineData(-0.13, 0.97, -0.2, 1)]
    [InlineData(0.3, 0.7, 0.3, 0.7)]
    [InlineData(5, 5, 0, 7)]
    [InlineData(0, 0, 0, 1)]
    public void Linear_axis_ends_at_ticks_around_the_data(double minimum, double maximum, double first, double last)
    {
        var axis = Axis.Linear(minimum, maximum, 5);

        Assert.Equal(first, axis.Minimum, 9);
        Assert.Equal(last, axis.Maximum, 9);
        Assert.InRange(axis.Ticks.Count, 3, 9);
    }

    [Fact]
    public void Linear_ticks_are_round_evenly_spaced_cover_the_data_and_read_as_their_value()
    {
        var random = new Random(7);
        for (var turn = 0; turn < 2000; turn++)
        {
            var scale = Math.Pow(10, random.Next(-12, 13));
            var minimum = (random.NextDouble() - 0.5) * scale;
            var maximum = minimum + (random.NextDouble() * scale) + (scale * 1e-3);
            var axis = Axis.Linear(minimum, maximum, 5);

            Assert.True(axis.Minimum <= minimum + (scale * 1e-9) && axis.Maximum >= maximum - (scale * 1e-9));
            var step = (axis.Maximum - axis.Minimum) / (axis.Ticks.Count - 1);
            var mantissa = step / Math.Pow(10, Math.Floor(Math.Log10(step * (1 + 1e-6))));
            Assert.Contains(new[] { 1.0, 2.0, 5.0 }, allowed => Math.Abs(mantissa - allowed) < 1e-5);
            Assert.All(axis.Ticks, tick =>
            {
                Assert.Equal(tick.Value, double.Parse(tick.Label, CultureInfo.InvariantCulture), Math.Abs(step) * 1e-3);
                Assert.Equal(Math.Round(tick.Value / step), tick.Value / step, 1e-6);
            });
        }
    }

    [Fact]
    public void Log_axis_has_decades_for_long_ranges_and_one_two_five_for_short_ones()
    {
        Assert.Equal(["1e-4", "0.001", "0.01", "0.1", "1", "10"], Axis.Log(3e-4, 2).Ticks.Select(tick => tick.Label));
        Assert.Equal([0.2, 0.5, 1, 2, 5], Axis.Log(0.3, 4).Ticks.Select(tick => tick.Value));
        Assert.InRange(Axis.Log(1e-100, 1e100).Ticks.Count, 3, 9);
    }

    [Fact]
    public void Log_axis_places_a_decade_at_equal_distances()
    {
        var axis = Axis.Log(1e-3, 1e3);

        Assert.Equal(0, axis.Place(1e-3, 0, 60), 9);
        Assert.Equal(30, axis.Place(1, 0, 60), 9);
        Assert.Equal(40, axis.Place(10, 0, 60), 9);
    }

    [Theory]
    [InlineData(double.NaN, false, false)]
    [InlineData(double.PositiveInfinity, false, false)]
    [InlineData(1e200, false, false)]
    [InlineData(-1, false, true)]
    [InlineData(-1, true, false)]
    [InlineData(0, true, false)]
    [InlineData(1e-30, true, true)]
    public void Only_some_values_have_a_place(double value, bool logarithmic, bool expected) =>
        Assert.Equal(expected, Axis.CanShow(value, logarithmic));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(1.05, "1.05")]
    [InlineData(-0.02, "-0.02")]
    [InlineData(123456, "123456")]
    [InlineData(1e-5, "1e-5")]
    [InlineData(2.5e7, "2.5e7")]
    public void Numbers_are_short(double value, string expected) => Assert.Equal(expected, Axis.Format(value));
}
