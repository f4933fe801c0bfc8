using Spd.Decomposition;
using Spd.Engine.Cpu;
using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Training;

// A network of our own: six sparse inputs through a layer of four neurons and back.
var network = new Sequential(
    ("hidden", new Linear(6, 4)),
    ("out", new Linear(4, 6)),
    ("relu", new Activation(ActivationName.Relu)));
var data = new SparseFeatures(features: 6, probability: 0.05);

// Train it to copy its input; weights from elsewhere can be written to network.NamedParameters() instead.
network.Initialise(seed: 1);
using var backend = new CpuBackend();
double loss = SupervisedTraining.TrainOnLabels(network, data, label: (graph, x) => x, new TrainingOptions { Steps = 5_000 }, backend);
Console.WriteLine($"trained the network: loss {loss:0.0e+0}");

// Split both matrices into subcomponents and learn when each is needed.
var options = new DecompositionOptions
{
    TargetModulePatterns = ["hidden", "out"],
    C = 16,
    NCiMlpNeurons = 8,
    ImportanceMinimalityCoeff = 3e-3,
    LrSchedule = ScheduleShape.Cosine,
    Steps = 10_000,
    BatchSize = 2_048,
};
using var decomposer = new Decomposer(network, data, options, backend);
decomposer.Train(onStep: step =>
{
    if (step.StepsTaken % 1_000 == 0) Console.WriteLine($"step {step.StepsTaken} of {options.Steps}: loss {step.TotalLoss:0.0e+0}");
});

var evidence = decomposer.Evaluate();
foreach (var site in evidence.Sites)
    Console.WriteLine($"{site.Name}: {site.Alive} of {site.C} subcomponents in use, {site.L0:F2} on an average input");
Console.WriteLine($"output error: {evidence.UnmaskedRecon:0.0e+0} with all of them, {evidence.StochasticRecon:0.0e+0} with the unneeded ones masked at random");
