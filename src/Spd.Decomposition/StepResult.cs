using Spd.Engine.Execution;

namespace Spd.Decomposition;

/// <summary>What a training step computed.</summary>
/// <param name="Step">The step's number, from 0.</param>
/// <param name="Losses">Each loss before its coefficient, in the order of the objective.</param>
/// <param name="TotalLoss">Σ coefficient · loss.</param>
/// <param name="LearningRate">The learning rate that the parameters were stepped with.</param>
public sealed record StepResult(int Step, IReadOnlyList<(string Name, double Value)> Losses, double TotalLoss, double LearningRate)
{
    /// <summary>Steps taken with this one.</summary>
    public int StepsTaken => Step + 1;

    /// <summary>One loss before its coefficient.</summary>
    /// <exception cref="ArgumentException">The objective has no such loss.</exception>
    public double Loss(string name)
    {
        foreach (var loss in Losses)
            if (loss.Name == name) return loss.Value;
        throw new ArgumentException($"the objective has no loss '{name}', only {string.Join(", ", Losses.Select(loss => loss.Name))}", nameof(name));
    }

    /// <summary>The losses of a program's last run, with their names.</summary>
    internal static (string Name, double Value)[] LossesOf(Program program)
    {
        var losses = new (string, double)[program.LossNames.Count];
        for (int i = 0; i < losses.Length; i++) losses[i] = (program.LossNames[i], program.Losses[i]);
        return losses;
    }

    /// <summary>Itself, where all losses are finite.</summary>
    /// <exception cref="NonFiniteLossException">One is not.</exception>
    internal StepResult RequireFinite()
    {
        // By number: an enumerator would be an object.
        for (int i = 0; i < Losses.Count; i++)
            if (!double.IsFinite(Losses[i].Value)) throw new NonFiniteLossException(Step, Losses[i].Name, Losses[i].Value);
        return this;
    }
}
