namespace Spd.Figures;

/// <summary>The cells of one matrix as a picture.</summary>
/// <param name="Name">The panel's name.</param>
/// <param name="Width">Pixels of a row.</param>
/// <param name="Height">Rows of pixels.</param>
/// <param name="Png">The picture as a PNG file, 8-bit RGB.</param>
public sealed record HeatmapImage(string Name, int Width, int Height, ReadOnlyMemory<byte> Png);

public sealed partial record HeatmapFigure
{
    /// <summary>Pixels that the longer side of a picture comes to, as far as whole pixels for a cell allow.</summary>
    private const int ImageSide = 512;
    private const int LargestCell = 32;

    /// <summary>Each matrix as a picture of its cells alone, in the colours of the drawing; cells are squares of whole pixels, pooled as in the drawing.</summary>
    /// <returns>A picture per panel, in their order.</returns>
    /// <exception cref="ArgumentException">The figure cannot be drawn; see <see cref="ToSvg"/>.</exception>
    public IReadOnlyList<HeatmapImage> ToImages()
    {
        Validate();
        var shared = ColorAxis(Panels);
        return [.. Panels.Select(panel => Image(panel, AxisOf(panel, shared)))];
    }

    private HeatmapImage Image(HeatmapPanel panel, Axis axis)
    {
        var cells = panel.Values;
        if (cells.Rows * cells.Columns > SingleCellLimit)
        {
            var (rowBlock, columnBlock) = Pooling(cells.Rows, cells.Columns);
            cells = Pool(cells, rowBlock, columnBlock);
        }

        int side = Math.Clamp(ImageSide / Math.Max(cells.Rows, cells.Columns), 1, LargestCell);
        var (width, height) = (cells.Columns * side, cells.Rows * side);
        byte[] pixels = new byte[3 * width * height];
        for (int row = 0; row < cells.Rows; row++)
        {
            for (int column = 0; column < cells.Columns; column++)
            {
                byte[] color = Convert.FromHexString(Color(cells[row, column], axis).AsSpan(1));
                for (int y = row * side; y < (row + 1) * side; y++)
                {
                    for (int x = column * side; x < (column + 1) * side; x++) color.CopyTo(pixels, 3 * ((y * width) + x));
                }
            }
        }

        return new HeatmapImage(panel.Name ?? panel.Title, width, height, Png.Encode(width, height, pixels));
    }
}
