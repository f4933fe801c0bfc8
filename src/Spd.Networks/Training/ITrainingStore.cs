using Spd.Engine.Optimisation;

namespace Spd.Networks.Training;

/// <summary>Keeps where a training stands, so that another program can go on with it.</summary>
public interface ITrainingStore
{
    /// <summary>Writes where the training stood into its parameters and the state of its optimiser.</summary>
    /// <returns>The steps that had been taken; 0 where nothing is kept, and then nothing was written.</returns>
    int Load(Optimiser optimiser);

    /// <summary>Keeps where the training stands: every tenth of its steps, and when it is stopped.</summary>
    /// <param name="optimiser">What the training stands by.</param>
    /// <param name="steps">Steps taken.</param>
    void Save(Optimiser optimiser, int steps);
}
