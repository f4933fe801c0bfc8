using System.Text.Json;
using Spd.Engine;
using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Targets;

namespace Spd.Decomposition.Tests;

/// <summary>One recorded run of the authors' code: three steps with every intermediate, in float64. The layout is in golden/README.md.</summary>
internal sealed class GoldenCase : IDisposable
{
    /// <summary>A folder of further cases to use instead of the ones in the repository.</summary>
    public const string FolderVariable = "SPD_GOLDEN";

    private readonly JsonDocument _document;

    private GoldenCase(JsonDocument document) => _document = document;

    public static string Folder => Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } folder
        ? folder
        : Path.Combine(AppContext.BaseDirectory, "golden");

    /// <summary>The files of the folder that are cases: they have a float64 block with steps.</summary>
    public static IEnumerable<string> Files() => Directory.EnumerateFiles(Folder, "*.json").Order(StringComparer.Ordinal).Where(file =>
    {
        using var document = JsonDocument.Parse(File.ReadAllText(file));
        return document.RootElement.TryGetProperty("float64", out var block) && block.TryGetProperty("steps", out _);
    }).Select(file => Path.GetFileName(file));

    public static GoldenCase Load(string file) => new(JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, file))));

    public JsonElement Config => _document.RootElement.GetProperty("config");

    public JsonElement Block => _document.RootElement.GetProperty("float64");

    public IReadOnlyList<JsonElement> Steps => [.. Block.GetProperty("steps").EnumerateArray()];

    public bool IsTied => _document.RootElement.GetProperty("tied_V_U").GetBoolean();

    private JsonElement Weights => _document.RootElement.GetProperty("target_weights(d_out,d_in)");

    public DecompositionOptions Options => new()
    {
        C = Config.GetProperty("C").GetInt32(),
        NMaskSamples = Config.GetProperty("n_mask_samples").GetInt32(),
        NCiMlpNeurons = Config.GetProperty("n_ci_mlp_neurons").GetInt32(),
        TargetModulePatterns = [.. Config.GetProperty("target_module_patterns").EnumerateArray().Select(pattern => pattern.GetString()!)],
        FaithfulnessCoeff = Number("faithfulness_coeff"),
        ReconCoeff = Number("recon_coeff"),
        StochasticReconCoeff = Number("stochastic_recon_coeff"),
        ReconLayerwiseCoeff = Number("recon_layerwise_coeff"),
        StochasticReconLayerwiseCoeff = Number("stochastic_recon_layerwise_coeff"),
        ImportanceMinimalityCoeff = Number("importance_minimality_coeff"),
        SchattenCoeff = Number("schatten_coeff"),
        OutReconCoeff = Number("out_recon_coeff"),
        Pnorm = Number("pnorm")!.Value,
        OutputLossType = Config.GetProperty("output_loss_type").GetString() == "kl" ? OutputLoss.Kl : OutputLoss.Mse,
        Lr = Number("lr")!.Value,
        LrSchedule = Enum.Parse<ScheduleShape>(Config.TryGetProperty("lr_schedule", out var shape) ? shape.GetString()! : "constant", ignoreCase: true),
        LrWarmupPct = Number("lr_warmup_pct") ?? 0,
        LrExponentialHalflife = Number("lr_exponential_halflife"),
        Steps = (int)(Number("steps") ?? Steps.Count),
        BatchSize = Steps[0].GetProperty("batch").GetArrayLength(),
    };

    public Module BuildNetwork(bool isReassociated = true)
    {
        Module network;
        var matrices = Weights.EnumerateObject().ToDictionary(entry => entry.Name.Replace("(tied)", "", StringComparison.Ordinal), entry => entry.Value);
        if (matrices.TryGetValue("W_E", out var embedding))
        {
            network = new ResidualMlp(new ResidualMlpConfig
            {
                NFeatures = embedding.GetArrayLength(),
                DEmbed = embedding[0].GetArrayLength(),
                DMlp = matrices["layers.0.mlp_in.weight"].GetArrayLength(),
                NLayers = matrices.Keys.Count(name => name.EndsWith("mlp_in.weight", StringComparison.Ordinal)),
                InBias = matrices.ContainsKey("layers.0.mlp_in.bias"),
                OutBias = matrices.ContainsKey("layers.0.mlp_out.bias"),
            })
            {
                IsReassociated = isReassociated,
            };
        }
        else
        {
            network = new Tms(new TmsModelConfig
            {
                NFeatures = matrices["linear1.weight"][0].GetArrayLength(),
                NHidden = matrices["linear1.weight"].GetArrayLength(),
                NHiddenLayers = matrices.Keys.Count(name => name.StartsWith("hidden_layers.", StringComparison.Ordinal)),
                TiedWeights = IsTied,
            });
        }

        foreach (var (path, parameter) in network.NamedParameters()) Flatten(matrices[path]).CopyTo(parameter.Values);
        return network;
    }

    /// <summary>The numbers of an array of any depth, in order.</summary>
    public static float[] Flatten(JsonElement element) => [.. Doubles(element).Select(value => (float)value)];

    public static IEnumerable<double> Doubles(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Doubles),
        JsonValueKind.String =>
        [
            element.GetString() switch { "inf" => double.PositiveInfinity, "-inf" => double.NegativeInfinity, var text => double.Parse(text!) },
        ],
        _ => [element.GetDouble()],
    };

    /// <summary>The recorded matrix as its transpose, row-major.</summary>
    public static double[] Transposed(JsonElement matrix) =>
        [.. Enumerable.Range(0, matrix[0].GetArrayLength()).SelectMany(column => matrix.EnumerateArray().Select(row => row[column].GetDouble()))];

    /// <summary>A site's parameters with the numbers recorded for them; V is transposed, since ours has a row per subcomponent.</summary>
    public static IEnumerable<(Parameter Parameter, double[] Values)> Recorded(Site site, JsonElement block)
    {
        var recorded = block.GetProperty(site.Name);
        yield return (site.V, Transposed(recorded.GetProperty("V")));
        yield return (site.U, [.. Doubles(recorded.GetProperty("U"))]);
        foreach (var (name, parameter) in site.Gate.NamedParameters()) yield return (parameter, [.. Doubles(recorded.GetProperty("gate").GetProperty(name))]);
    }

    public void Dispose() => _document.Dispose();

    private double? Number(string key) =>
        Config.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
