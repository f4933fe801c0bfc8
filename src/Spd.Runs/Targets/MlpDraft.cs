using System.Text.Json;
using System.Text.RegularExpressions;
using Spd.Formats;
using Spd.Runs.Configuration;

namespace Spd.Runs.Targets;

/// <summary>The configuration of an experiment on an MLP, drafted from the names and shapes of its weight file.</summary>
public sealed partial class MlpDraft
{
    // A search for an order among more matrices than these would find many, and none that means something.
    private const int MostToOrder = 8, MostListed = 12;
    private const string BytesToOne = "0.00392156862745098";

    private readonly string _weights;
    private readonly string? _prefix;
    private readonly IReadOnlyList<string> _ignore;
    private readonly Chain _chain;
    private readonly bool _isOpenLayout;

    private MlpDraft(string weights, string? prefix, IReadOnlyList<string> ignore, Chain chain, bool isOpenLayout) =>
        (_weights, _prefix, _ignore, _chain, _isOpenLayout) = (weights, prefix, ignore, chain, isOpenLayout);

    /// <summary>Inputs, neurons of every hidden layer, outputs.</summary>
    public IReadOnlyList<int> LayerSizes => _chain.Sizes;

    /// <summary>The file's names of the matrices, from input to output.</summary>
    public IReadOnlyList<string> Weights => [.. _chain.Layers.Select(layer => layer.Weight.Name)];

    /// <summary>Finds the layers of an MLP in a weight file.</summary>
    /// <param name="weights">The weight file.</param>
    /// <param name="prefix">What stands before the names of the network; null where the file holds one network.</param>
    /// <param name="ignore">Patterns of names that are no part of it.</param>
    /// <param name="inputs">How many inputs it has, which tells orders and layouts apart; null where that is not known.</param>
    /// <exception cref="ConfigException">Its matrices are no chain of layers, or several.</exception>
    /// <exception cref="FileContentException">The file is damaged.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static MlpDraft Of(string weights, string? prefix, IReadOnlyList<string> ignore, int? inputs)
    {
        using var file = WeightFile.Open(weights);
        var tensors = file.Tensors.Where(tensor =>
            tensor.Unreadable is null && TensorNames.MightBeParameter(tensor) && tensor.Name.StartsWith(prefix ?? "", StringComparison.Ordinal)
            && !ignore.Any(pattern => TensorNames.Matches(pattern, tensor.Name))).ToList();
        var matrices = tensors.Where(tensor => tensor.Shape is [> 0, > 0] && !IsBiasLike(tensor, tensors)).ToList();
        var vectors = tensors.Where(tensor => tensor.Shape is [_] or [1, _] or [_, 1]).ToDictionary(tensor => tensor.Name);
        if (matrices.Count == 0)
        {
            throw new ConfigException(
                $"{Quoted.Path(weights)} holds no matrix that could be a layer{(prefix is null ? "" : $" below {Quoted.Of(prefix)}")}; it holds {Quoted.List([.. file.Tensors.Select(tensor => tensor.Name)])}");
        }

        // NumPy's users multiply rows by the matrix; PyTorch's layers have it the other way round.
        WeightLayout[] layouts = file.Format.Contains("NumPy", StringComparison.Ordinal) ? [WeightLayout.InOut, WeightLayout.OutIn] : [WeightLayout.OutIn, WeightLayout.InOut];
        foreach (var (groups, known) in Groupings(matrices).SelectMany(groups => inputs is null ? new[] { (groups, inputs) } : [(groups, inputs), (groups, null)]))
        {
            var found = groups.Select(group => (Group: group, Chains: Chains([.. group], vectors, layouts, known))).Where(entry => entry.Chains.Count > 0).ToList();
            if (found.Count == 0) continue;
            int longest = found.Max(entry => entry.Chains[0].Layers.Count);
            var best = found.Where(entry => entry.Chains[0].Layers.Count == longest).ToList();
            if (best.Count > 1)
            {
                throw new ConfigException(
                    $"{Quoted.Path(weights)} holds several networks, such as those that begin with {Quoted.List([.. best.Select(entry => entry.Chains[0].Layers[0].Weight.Name)], 5)}: "
                    + "say which is meant with --prefix, or leave others out with --ignore");
            }

            return new MlpDraft(weights, prefix, ignore, best[0].Chains[0], isOpenLayout: best[0].Chains.Count > 1);
        }

        string shown = string.Join(", ", matrices.Take(MostListed).Select(matrix => $"{Quoted.Bare(matrix.Name)} {matrix.ShapeText}"));
        throw new ConfigException(
            $"the matrices in {Quoted.Path(weights)} are no chain of layers, each taking what the one before gives: {shown}"
            + (matrices.Count > MostListed ? $" and {matrices.Count - MostListed} more" : "") + "; leave out what is no layer with --ignore NAME");
    }

    /// <summary>The same, with the path by which the configuration is to name the weight file.</summary>
    public MlpDraft At(string weights) => new(weights, _prefix, _ignore, _chain, _isOpenLayout);

    /// <summary>The configuration as YAML, with comments where something is to be decided.</summary>
    /// <param name="inputs">The file of inputs; null where it is to be filled in.</param>
    /// <param name="labels">The file of labels; null for none.</param>
    /// <exception cref="ConfigException">The inputs are not this network's.</exception>
    public string ToYaml(string? inputs, string? labels)
    {
        var layers = _chain.Layers;
        TensorInfo? data = null;
        if (inputs is not null)
        {
            using var file = ArrayFile.Open(inputs, Others(labels));
            data = file.Choose();
            if (WidthOf(data) != LayerSizes[0])
            {
                throw new ConfigException(
                    $"{Quoted.Path(inputs)} holds an array of shape {data.ShapeText}, but the network in {Quoted.Path(_weights)} takes rows of {LayerSizes[0]} numbers{file.Advice}");
            }
        }

        bool isClassifier = labels is not null;
        string counts = string.Join(", ", layers.Select((_, layer) => $"layers.{layer}: {SubcomponentsOf(layer)}"));
        string layout = _chain.Layout == WeightLayout.OutIn ? "out_in" : "in_out", otherLayout = _chain.Layout == WeightLayout.OutIn ? "in_out" : "out_in";
        string square = _isOpenLayout ? $"   # TO DECIDE: the shapes fit {otherLayout} too; data.expected_outputs tells" : "               # [d_out, d_in]: out_in, as PyTorch's nn.Linear; [d_in, d_out]: in_out";
        bool hasBias = layers.Any(layer => layer.Bias is not null);
        string biases = hasBias ? $"[{string.Join(", ", layers.Select(layer => layer.Bias is { } bias ? Scalar(Named(bias.Name)) : "null"))}]" : "null";
        List<string> lines =
        [
            $"# Drafted from the names and shapes in {Quoted.Path(_weights)}: look at the lines that say TO DECIDE.",
            $"description: {Scalar($"an MLP of the sizes {string.Join("-", LayerSizes)}")}",
            "seed: 0",
            "",
            "# Subcomponents for each matrix: half as many again as its rank can be, and ten more at least.",
            $"C: {{{counts}}}",
            "n_ci_mlp_neurons: 16",
            "target_module_patterns: [layers.*]",
            "faithfulness_coeff: 100.0               # large enough that the parts sum to the network: see \"unmasked error\"",
            "stochastic_recon_coeff: 1.0",
            "stochastic_recon_layerwise_coeff: 1.0",
            "importance_minimality_coeff: 3.0e-04    # try a few, a factor of three apart",
            "pnorm: 1.0",
            $"output_loss_type: {(isClassifier ? "kl " : "mse")}                   # kl for classifiers, whose outputs are taken as logits; mse otherwise",
            "lr: 0.003",
            "lr_schedule: cosine",
            "steps: 10000",
            "batch_size: 1024",
            "task_config: {task_name: mlp}",
            "target:",
            $"  load: {Scalar(_weights)}",
            "  mlp:",
            $"    layer_sizes: [{string.Join(", ", LayerSizes)}]",
            layers.Count == 1
                ? "    activation: relu                    # there is one layer, and so none"
                : "    activation: relu                    # TO DECIDE: no weights tell it; relu, gelu, gelu_tanh, tanh, silu, sigmoid, identity",
            $"    weights: [{string.Join(", ", layers.Select(layer => Scalar(Named(layer.Weight.Name))))}]{SeveralParts()}",
            $"    biases: {biases}",
            $"    weight_layout: {layout}{square}",
        ];
        if (_prefix is not null) lines.Add($"    prefix: {Scalar(_prefix)}");
        if (_ignore.Count > 0) lines.Add($"    ignore: [{string.Join(", ", _ignore.Select(Scalar))}]");
        lines.Add("  data:");
        lines.Add(inputs is null
            ? "    inputs: path/to/inputs.npy          # TO DECIDE: a row for each input"
            : $"    inputs: {Scalar(inputs)}");
        lines.Add(labels is null
            ? "    labels: null                        # classes from 0, or one-hot rows; or targets: for a network that is no classifier"
            : $"    labels: {Scalar(labels)}");
        if (labels is not null && TextsIn(labels) is { } texts)
            lines.Add($"    class_names: [{string.Join(", ", texts.Select(Scalar))}]   # TO DECIDE: in the order of the network's outputs");
        lines.Add("    # expected_outputs: path/to/outputs.npy   # what it gives on these inputs elsewhere: tells a wrong activation or layout");
        lines.Add(data?.Type == "uint8"
            ? $"    input_scale: {BytesToOne}    # TO DECIDE: bytes to 0 … 1; 1.0 where the network takes them as they are"
            : "    input_scale: 1.0");
        lines.Add("    held_out_share: 0.2                 # measured on, not trained on");
        return string.Join('\n', lines) + "\n";
    }

    /// <summary>How many numbers a row of inputs has; null where the file holds no rows.</summary>
    /// <param name="inputs">The file of inputs; of a table whose columns it does not name, those that the labels are not.</param>
    /// <param name="labels">The file of labels; null for none.</param>
    /// <exception cref="FileContentException">The file is damaged.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static int? InputsIn(string inputs, string? labels)
    {
        using var file = ArrayFile.Open(inputs, Others(labels));
        return WidthOf(file.Choose());
    }

    /// <summary>The classes that labels name, in the order of the texts; null where they are numbers.</summary>
    private IReadOnlyList<string>? TextsIn(string labels)
    {
        using var file = ArrayFile.Open(labels);
        return file.HasTexts ? file.ReadTexts(Math.Max(LayerSizes[^1], 2)).Texts : null;
    }

    private static string[] Others(string? labels) => labels is null ? [] : [labels];

    private static int? WidthOf(TensorInfo rows) =>
        rows.Shape.Count > 0 && rows.Shape.Skip(1).Aggregate(1L, (all, size) => all * size) is > 0 and <= int.MaxValue and var width ? (int)width : null;

    /// <summary>A comment where the layers lie below several names, each of which could be a network of its own.</summary>
    private string SeveralParts()
    {
        var parts = _chain.Layers.GroupBy(layer => Named(layer.Weight.Name).Split('.')[0]).ToList();
        return parts.Count < 2 || parts.TrueForAll(part => part.Count() == 1)
            ? ""
            : $"   # TO DECIDE: these lie below {Quoted.List([.. parts.Select(part => part.Key)], 5)}; for one of them alone, draft with --prefix";
    }

    /// <summary>A name as the configuration has it: without the prefix, which is a key of its own.</summary>
    private string Named(string name) => name[(_prefix ?? "").Length..];

    private int SubcomponentsOf(int layer)
    {
        int rank = Math.Min(LayerSizes[layer], LayerSizes[layer + 1]);
        return Math.Max((int)Math.Ceiling(1.5 * rank), rank + 10);
    }

    /// <summary>The ways to leave matrices out, the one that leaves out none first: all; those below a name; those whose names differ in numbers alone.</summary>
    private static IEnumerable<List<IGrouping<string, TensorInfo>>> Groupings(List<TensorInfo> matrices)
    {
        yield return [.. matrices.GroupBy(_ => "")];
        int depth = matrices.Max(matrix => matrix.Name.Count(letter => letter == '.'));
        for (int parts = 1; parts <= depth; parts++)
            yield return [.. matrices.GroupBy(matrix => string.Join('.', matrix.Name.Split('.').Take(parts))).Where(group => group.Count() > 1)];
        yield return [.. matrices.GroupBy(matrix => Digits().Replace(matrix.Name, "#")).Where(group => group.Count() > 1)];
    }

    /// <summary>
    /// The chains that all of the matrices make, the likelier layout first. Numbers in names say the order; other names may stand in any, and the only one in
    /// which the shapes fit is taken.
    /// </summary>
    private static List<Chain> Chains(List<TensorInfo> matrices, Dictionary<string, TensorInfo> vectors, WeightLayout[] layouts, int? inputs)
    {
        var natural = matrices.OrderBy(matrix => Digits().Replace(matrix.Name, number => number.Value.PadLeft(12, '0')), StringComparer.Ordinal).ToList();
        bool isNumbered = matrices.Select(matrix => Digits().Replace(matrix.Name, "#")).Distinct().Count() == 1;
        var (likely, other) = (AsListed(layouts[0]), AsListed(layouts[1]));
        var chains = likely is null && !isNumbered ? [AnyOrder(layouts[0]), other ?? AnyOrder(layouts[1])] : new[] { likely, other };
        return [.. chains.OfType<Chain>()];

        Chain? AsListed(WeightLayout layout) => InOrder(natural, vectors, layout, inputs) ?? InOrder(matrices, vectors, layout, inputs);

        Chain? AnyOrder(WeightLayout layout) => matrices.Count > MostToOrder
            ? null
            : Orders([], matrices, layout).Select(order => InOrder(order, vectors, layout, inputs)).OfType<Chain>().Take(2).ToList() is [var only] ? only : null;
    }

    private static IEnumerable<List<TensorInfo>> Orders(List<TensorInfo> begun, List<TensorInfo> left, WeightLayout layout) => left.Count == 0
        ? [begun]
        : left.Where(next => begun.Count == 0 || Outputs(begun[^1], layout) == Inputs(next, layout))
            .SelectMany(next => Orders([.. begun, next], [.. left.Where(other => other != next)], layout));

    private static Chain? InOrder(List<TensorInfo> order, Dictionary<string, TensorInfo> vectors, WeightLayout layout, int? inputs)
    {
        if (inputs is not null && Inputs(order[0], layout) != inputs) return null;
        var layers = new List<Layer>();
        foreach (var matrix in order)
        {
            if (layers.Count > 0 && Outputs(layers[^1].Weight, layout) != Inputs(matrix, layout)) return null;
            var bias = TensorNames.BiasesBeside(matrix.Name).Select(vectors.GetValueOrDefault).FirstOrDefault(vector => vector is not null && vector != matrix);
            if (bias is not null && bias.Shape.Max() != Outputs(matrix, layout)) return null;
            layers.Add(new Layer(matrix, bias));
        }

        return new Chain(layers, layout, [Inputs(order[0], layout), .. order.Select(matrix => Outputs(matrix, layout))]);
    }

    /// <summary>Whether a matrix of one row or column is the bias beside another.</summary>
    private static bool IsBiasLike(TensorInfo matrix, List<TensorInfo> all) =>
        matrix.Shape.Contains(1) && all.Exists(other => other != matrix && other.Shape.Count == 2 && TensorNames.BiasesBeside(other.Name).Contains(matrix.Name));

    private static int Inputs(TensorInfo matrix, WeightLayout layout) => matrix.Shape[layout == WeightLayout.OutIn ? 1 : 0];

    private static int Outputs(TensorInfo matrix, WeightLayout layout) => matrix.Shape[layout == WeightLayout.OutIn ? 0 : 1];

    /// <summary>A text as YAML: plain where no reader could take it for something else, or else in quotes with escapes that YAML and JSON share.</summary>
    internal static string Scalar(string text) => PlainText().IsMatch(text)
        ? text
        : JsonSerializer.Serialize(text, StringText.Default.String);

    [GeneratedRegex(@"^(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z/_][A-Za-z0-9_./-]*\z", RegexOptions.IgnoreCase)]
    private static partial Regex PlainText();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();

    [System.Text.Json.Serialization.JsonSerializable(typeof(string))]
    private sealed partial class StringText : System.Text.Json.Serialization.JsonSerializerContext;

    private sealed record Layer(TensorInfo Weight, TensorInfo? Bias);

    private sealed record Chain(IReadOnlyList<Layer> Layers, WeightLayout Layout, IReadOnlyList<int> Sizes);
}
