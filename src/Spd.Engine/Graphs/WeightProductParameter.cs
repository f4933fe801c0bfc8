namespace Spd.Engine.Graphs;

/// <summary>A weight, or its transpose, as a factor of a product of weights.</summary>
/// <param name="Weight">The weight.</param>
/// <param name="Transposed">Whether the transpose is meant.</param>
public readonly record struct WeightOperand(Parameter Weight, bool Transposed = false)
{
    internal int Rows => Transposed ? Weight.Columns : Weight.Rows;

    internal int Columns => Transposed ? Weight.Rows : Weight.Columns;
}

/// <summary>A parameter that is the product of two others; see <see cref="Graph.WeightProduct"/>.</summary>
internal sealed class WeightProductParameter
{
    public WeightProductParameter(WeightOperand left, WeightOperand right)
    {
        if (left.Columns != right.Rows)
        {
            throw new ArgumentException(
                $"'{left.Weight.Name}' [{left.Rows}, {left.Columns}] and '{right.Weight.Name}' [{right.Rows}, {right.Columns}] cannot be multiplied");
        }

        (Left, Right) = (left, right);
        Value = new Parameter($"{left.Weight.Name} · {right.Weight.Name}", left.Rows, right.Columns);
    }

    public WeightOperand Left { get; }

    public WeightOperand Right { get; }

    /// <summary>The product <c>[m, n]</c>; it has its own gradient while the panels run.</summary>
    public Parameter Value { get; }

    public bool DependsOnTrainable { get; set; }
}
