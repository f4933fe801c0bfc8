namespace Spd.Engine.Tests;

public sealed class MatrixTests
{
    [Fact]
    public void ProductsAndTransposesAreThoseOfTheEntries()
    {
        var a = new Parameter("a", 2, 3);
        new float[] { 1, 2, 3, 4, 5, 6 }.CopyTo(a.Values);
        var matrix = new Matrix(a);
        Assert.Equal(new double[,] { { 14, 32 }, { 32, 77 } }, matrix.Times(matrix.Transposed));
        Assert.Equal(new double[,] { { 17, 22, 27 }, { 22, 29, 36 }, { 27, 36, 45 } }, matrix.Transposed.Times(matrix));
        Assert.Equal([1, 4, 2, 5, 3, 6], matrix.Transposed.ToArray());
        Assert.Equal([1, 2, 3, 4, 5, 6], matrix.Transposed.Transposed.ToArray());
        Assert.Equal(6, matrix.Transposed[2, 1]);
    }

    [Fact]
    public void AProductOfShapesThatDoNotFitIsRefused()
    {
        var a = new Parameter("a", 2, 3);
        Assert.Equal(
            "a matrix of 3 columns cannot be multiplied with one of 2 rows",
            Assert.Throws<ArgumentException>(() => new Matrix(a).Times(new Matrix(a))).Message);
    }
}
