using Spd.Decomposition;
using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>A subcomponent that some pair needs, by its frequencies.</summary>
/// <param name="C">Its number.</param>
/// <param name="Read">What it reads: its inner activation as a function of the residue, or of the sum, that it depends on.</param>
/// <param name="Write">What it writes: to the answers' logits, or to the neurons by their own frequency; null for queries and keys, which meet in products.</param>
internal sealed record FourierSubcomponent(int C, Spectrum Read, Spectrum? Write)
{
    /// <summary>Whether it is a Fourier frequency: it reads one, and writes the same where that can be said.</summary>
    public bool IsFrequency => Read.IsPure && (Write is null || (Write.IsPure && Write.Largest == Read.Largest));
}

/// <summary>
/// A decomposed network that adds, measured on all pairs: how many it adds rightly under each kind of mask, and which frequencies its subcomponents read and
/// write. Such networks are known to compute with the sines and cosines of a few frequencies, 2πk(a + b)/p (Nanda et al., "Progress measures for grokking via
/// mechanistic interpretability", 2023).
/// </summary>
/// <param name="Pairs">All pairs.</param>
/// <param name="Accuracies">The share of them, by the ends of the keys <c>accuracy_*</c>.</param>
/// <param name="Sites">The subcomponents that any pair needs, by site.</param>
/// <param name="Neurons">What the network's own neurons read through the first block's attention.</param>
/// <param name="Embedding">The embedding's power by frequency, all features together.</param>
internal sealed record ModularAdditionReport(
    int Pairs, IReadOnlyDictionary<string, double> Accuracies, IReadOnlyList<(string Site, IReadOnlyList<FourierSubcomponent> Subcomponents)> Sites,
    IReadOnlyList<Spectrum> Neurons, Spectrum Embedding)
{
    // A frequency that fewer neurons have is not what the network computes with.
    private const double FewestNeurons = 0.01;

    private static readonly (string Name, MaskSource Masks)[] Kinds =
    [
        ("unmasked", Masks.Ones), ("stochastic", Masks.Stochastic(DecompositionStreams.Masks)), ("ci_masked", Masks.Importance), ("rounded_masked", Masks.RoundedImportance),
    ];

    /// <summary>The frequencies of at least a hundredth of the neurons.</summary>
    public IReadOnlyList<int> KeyFrequencies { get; } =
    [
        .. Neurons.Where(neuron => neuron.LargestShare > 0).GroupBy(neuron => neuron.Largest).Where(group => group.Count() >= FewestNeurons * Neurons.Count)
            .Select(group => group.Key).Order(),
    ];

    private IEnumerable<FourierSubcomponent> All => Sites.SelectMany(site => site.Subcomponents);

    /// <summary>Measures a decomposition.</summary>
    /// <param name="model">The components.</param>
    /// <param name="pairs">All pairs.</param>
    /// <param name="seed">Seed of random masks.</param>
    /// <param name="backend">What computes.</param>
    public static ModularAdditionReport Of(ComponentModel model, ModularPairs pairs, ulong seed, Backend backend)
    {
        int modulus = pairs.Modulus;
        var graph = new Graph();
        var x = graph.Input(1);
        var target = CausalImportance.Build(graph, model, x);
        var outputs = Kinds.Select(kind => (kind.Name, Logits: model.MaskedForward(graph, x, target.Sites, kind.Masks)))
            .Prepend((Name: "target", Logits: target.TargetOutput)).ToList();
        var program = backend.Compile(
            new Objective(graph), pairs.BatchOf(modulus),
            keep: [.. outputs.Select(output => output.Logits), .. target.Sites.SelectMany(site => new[] { site.Inner, site.Importance })]);
        int[] right = new int[outputs.Count];
        double[][,] read = [.. model.Sites.Select(site => new double[site.C, modulus])];
        float[][] largest = [.. model.Sites.Select(site => new float[site.C])];
        for (int first = 0; first < modulus; first++)
        {
            program.Set(x, pairs.With(first));
            program.Run(seed, first);
            foreach (var (i, output) in outputs.Index()) right[i] += Right(program.Read(output.Logits), first, modulus).Count(isRight => isRight);
            foreach (var site in target.Sites)
            {
                float[] importances = program.Read(site.Importance), inner = program.Read(site.Inner);
                int c = site.Site.C;
                for (int i = 0; i < importances.Length; i++) largest[site.Site.Index][i % c] = Math.Max(largest[site.Site.Index][i % c], importances[i]);
                var (position, isOfSum) = ReadAt(site.Site.Name);
                for (int second = 0; second < modulus; second++)
                {
                    int at = isOfSum ? (first + second) % modulus : first;
                    for (int i = 0; i < c; i++) read[site.Site.Index][i, at] += inner[(second * ModularPairs.Tokens + position) * c + i] / (double)modulus;
                }
            }
        }

        var paths = new WritePaths(model.Network, modulus);
        return new ModularAdditionReport(
            modulus * modulus, outputs.Index().ToDictionary(entry => entry.Item.Name, entry => right[entry.Index] / (double)(modulus * modulus)),
            [
                .. model.Sites.Select(site => (site.Name, (IReadOnlyList<FourierSubcomponent>)
                [
                    .. from c in Enumerable.Range(0, site.C)
                       where largest[site.Index][c] > Evaluator.AliveThreshold
                       let values = Enumerable.Range(0, modulus).Select(residue => read[site.Index][c, residue])
                       select new FourierSubcomponent(c, Spectrum.Of([.. values]), paths.Write(site, c)),
                ])),
            ],
            paths.Neurons, paths.Embedding);
    }

    /// <summary>Which pairs a network itself adds rightly, a · p + b for each.</summary>
    public static HashSet<int> RightOf(Module network, ModularPairs pairs, Backend backend)
    {
        var graph = new Graph();
        var x = graph.Input(1);
        var logits = network.Forward(new ForwardPass(graph), x);
        var program = backend.Compile(new Objective(graph), pairs.BatchOf(pairs.Modulus), keep: [logits]);
        return Enumerable.Range(0, pairs.Modulus).SelectMany(first =>
        {
            program.Set(x, pairs.With(first));
            program.Run(seed: 0, first);
            return Right(program.Read(logits), first, pairs.Modulus);
        }).Index().Where(pair => pair.Item).Select(pair => pair.Index).ToHashSet();
    }

    /// <summary>The evidence by the keys of <see cref="Metric"/>.</summary>
    public IEnumerable<(string Metric, MetricValue Value)> Evidence()
    {
        yield return ("fourier_alive", new(All.Count()));
        yield return ("fourier_subcomponents", new(All.Count(each => each.IsFrequency)));
        yield return ("fourier_frequencies", new(All.Where(each => each.IsFrequency).Select(each => each.Read.Largest).Distinct().Count()));
        yield return ("fourier_network_frequencies", new(KeyFrequencies.Count));
        foreach (var (name, side) in new (string, Func<FourierSubcomponent, Spectrum?>)[] { ("read", each => each.Read), ("write", each => each.Write) })
        {
            var spectra = Sites.Select(site => (site.Site, Spectra: site.Subcomponents.Select(side).OfType<Spectrum>().ToList())).Where(site => site.Spectra.Count > 0).ToList();
            yield return ($"fourier_{name}", new(spectra.ToDictionary(site => site.Site, site => (double)site.Spectra.Count(spectrum => spectrum.IsPure))));
            yield return ($"fourier_{name}_share", new(spectra.ToDictionary(site => site.Site, site => site.Spectra.Average(spectrum => spectrum.LargestShare))));
            // Mixtures of these are of the right subspace, but no mechanism each.
            yield return ($"fourier_{name}_key_share", new(spectra.ToDictionary(
                site => site.Site, site => site.Spectra.Average(spectrum => KeyFrequencies.Sum(key => spectrum.Shares[key - 1])))));
        }

        yield return ("accuracy_rows", new(Pairs));
        foreach (var (name, accuracy) in Accuracies) yield return ($"accuracy_{name}", new(accuracy));
    }

    /// <summary>Which sums of a first residue and every second are right.</summary>
    /// <param name="logits">Row-major <c>[positions, vocabulary]</c>.</param>
    /// <param name="first">The first residue.</param>
    /// <param name="modulus">p.</param>
    private static IEnumerable<bool> Right(float[] logits, int first, int modulus)
    {
        float[] answers = [.. logits.Chunk(logits.Length / (modulus * ModularPairs.Tokens)).Where((_, position) => position % ModularPairs.Tokens == ModularPairs.Tokens - 1).SelectMany(row => row[..modulus])];
        return Accuracy.Classes(answers, modulus).Index().Select(entry => entry.Item == (first + entry.Index) % modulus);
    }

    /// <summary>
    /// Where a site's inner activations are looked at, and of what they are taken for a function: before the neurons of the first residue, in whose place
    /// attention finds it, or at the last position in the mean over the second; behind the neurons of the sum, in the mean over the pairs that have it.
    /// </summary>
    private static (int Position, bool IsOfSum) ReadAt(string site) => site[(site.LastIndexOf('.') + 1)..] switch
    {
        "W_E" or "W_K" or "W_V" => (0, false),
        "W_out" or "W_U" => (ModularPairs.Tokens - 1, true),
        _ => (ModularPairs.Tokens - 1, false),
    };

    /// <summary>
    /// What subcomponents write to: behind the neurons the answers' logits, before them the neurons, each with the frequency that it reads. On the way, attention
    /// is taken for linear, every head alike.
    /// </summary>
    private sealed class WritePaths
    {
        private readonly Dictionary<string, Linear> _maps;
        private readonly int _modulus;
        private readonly Dictionary<string, float[]> _toNeurons = [];

        public WritePaths(Module network, int modulus)
        {
            (_maps, _modulus) = (network.LinearMaps().ToDictionary(map => map.Path, map => map.Linear), modulus);
            var embedding = new Matrix(_maps["embed.W_E"].EffectiveWeight(), _maps["embed.W_E"].Outputs, _maps["embed.W_E"].Inputs);
            Neurons = [.. Rows(new Matrix(ToNeurons("blocks.0", "W_E"), _maps["blocks.0.mlp.W_in"].Outputs, embedding.Rows).Times(embedding)).Select(Spectrum.Of)];
            double[] powers = new double[modulus / 2];
            double whole = 0;
            for (int feature = 0; feature < embedding.Rows; feature++)
            {
                double[] values = new double[modulus];
                for (int token = 0; token < modulus; token++) values[token] = embedding[feature, token];
                double mean = values.Average(), power = values.Sum(value => (value - mean) * (value - mean));
                whole += power;
                foreach (var (i, share) in Spectrum.Of(values).Shares.Index()) powers[i] += share * power;
            }

            Embedding = Spectrum.OfPowers(powers, whole);
        }

        public IReadOnlyList<Spectrum> Neurons { get; }

        public Spectrum Embedding { get; }

        public Spectrum? Write(Site site, int c)
        {
            string name = site.Name[(site.Name.LastIndexOf('.') + 1)..], block = site.Name.StartsWith("blocks.", StringComparison.Ordinal) ? site.Name[..site.Name.IndexOf('.', "blocks.".Length)] : "blocks.0";
            var direction = new Matrix(site.U.Row(c), site.Outputs, 1);
            if (name is "W_Q" or "W_K") return null;
            if (name is "W_U" or "W_out")
            {
                var head = _maps["unembed.W_U"];
                double[] logits = name == "W_U" ? [.. site.U.Row(c).ToArray().Select(value => (double)value)]
                    : [.. new Matrix(head.EffectiveWeight(), head.Outputs, head.Inputs).Times(direction).Cast<double>()];
                return Spectrum.Of(logits[.._modulus]);
            }

            float[] path = ToNeurons(block, name is "W_pos" ? "W_E" : name);
            double[] powers = new double[_modulus / 2];
            double whole = 0;
            foreach (var (neuron, response) in new Matrix(path, path.Length / site.Outputs, site.Outputs).Times(direction).Cast<double>().Index())
            {
                whole += response * response;
                if (Neurons[neuron].LargestShare > 0) powers[Neurons[neuron].Largest - 1] += response * response;
            }

            return Spectrum.OfPowers(powers, whole);
        }

        /// <summary>The product of the matrices from what a map writes to the neurons <c>[neurons, d_out]</c>.</summary>
        private float[] ToNeurons(string block, string from)
        {
            if (_toNeurons.TryGetValue($"{block}.{from}", out float[]? known)) return known;
            var next = from switch { "W_E" => _maps[$"{block}.attn.W_V"], "W_V" => _maps[$"{block}.attn.W_O"], "W_O" => _maps[$"{block}.mlp.W_in"], _ => null };
            float[] product;
            if (next is null)
            {
                int neurons = _maps[$"{block}.mlp.W_in"].Outputs;
                product = new float[neurons * neurons];
                for (int i = 0; i < neurons; i++) product[i * neurons + i] = 1;
            }
            else
            {
                string reached = from switch { "W_E" => "W_V", "W_V" => "W_O", _ => "W_in" };
                float[] rest = ToNeurons(block, reached);
                product = [.. new Matrix(rest, rest.Length / next.Outputs, next.Outputs).Times(new Matrix(next.EffectiveWeight(), next.Outputs, next.Inputs)).Cast<double>().Select(value => (float)value)];
            }

            return _toNeurons[$"{block}.{from}"] = product;
        }

        private IEnumerable<IReadOnlyList<double>> Rows(double[,] functions) =>
            Enumerable.Range(0, functions.GetLength(0)).Select(row => Enumerable.Range(0, _modulus).Select(token => functions[row, token]).ToArray());
    }
}
