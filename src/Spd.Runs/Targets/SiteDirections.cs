using Spd.Decomposition;
using Spd.Runs.Reporting;

namespace Spd.Runs.Targets;

/// <summary>What the subcomponents of a site read and write, in the words of its network.</summary>
/// <param name="ReadName">What a number that is read belongs to: <c>feature 3</c>.</param>
/// <param name="Read">The direction that a subcomponent reads, where its V has length 1.</param>
/// <param name="WriteName">What a number that is written belongs to.</param>
/// <param name="Written">What a subcomponent writes for an inner activation of 1 along that direction: U with all of the norm.</param>
internal sealed record SiteDirections(Func<int, string> ReadName, Func<int, double[]> Read, Func<int, string> WriteName, Func<int, double[]> Written)
{
    /// <summary>The height and width of what is read, where it is an image.</summary>
    public (int Height, int Width)? ReadSize { get; init; }

    /// <summary>The height and width of what is written, where it is an image.</summary>
    public (int Height, int Width)? WrittenSize { get; init; }

    /// <summary>The factors as they are.</summary>
    /// <param name="site">The site.</param>
    /// <param name="inputs">What an input of it is called: <c>feature</c>.</param>
    /// <param name="outputs">What an output of it is called.</param>
    public static SiteDirections Of(Site site, string inputs = "input", string outputs = "output") => new(
        i => $"{inputs} {i}", c => [.. site.V.Row(c).ToArray().Select(value => value / Length(site, c))],
        i => $"{outputs} {i}", c => [.. site.U.Row(c).ToArray().Select(value => value * Length(site, c))]);

    /// <summary>The length of what a subcomponent reads; 1 of one that reads nothing.</summary>
    public static double Length(Site site, int c) => RunFigures.Length(site, c);

    /// <summary>The products of a direction with the columns of a matrix: how it lies to each of them.</summary>
    /// <param name="count">Columns.</param>
    /// <param name="direction">The direction.</param>
    /// <param name="entry">The matrix, by row and column.</param>
    public static double[] Against(int count, double[] direction, Func<int, int, double> entry) =>
        [.. Enumerable.Range(0, count).Select(column => Enumerable.Range(0, direction.Length).Sum(row => direction[row] * entry(row, column)))];
}
