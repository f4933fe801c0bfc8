using System.Text;
using Spd.Baselines;
using Spd.Runs;
using Spd.Runs.Configuration;

namespace Spd.Fuzz.Kinds;

/// <summary>What configurations have in common: what is accepted, written and read again is the same.</summary>
internal static class RoundTrip
{
    public static ExperimentCatalog Catalog { get; } = new(ExperimentCatalog.BesideProgramFolder)
    {
        Methods = [ApdMethod.Instance],
        // No hub is asked: what it would give lies nowhere.
        Fetch = (name, _) => Path.Combine(Path.GetTempPath(), name.Repository),
    };

    public static void Check(Loaded<IExperiment> loaded, string path)
    {
        foreach (string note in loaded.Notes) FuzzKind.CheckSentence(note);
        string yaml = loaded.Config.ToYaml();
        File.WriteAllText(path, yaml);
        Loaded<IExperiment> again;
        try
        {
            again = Catalog.Load(path);
        }
        catch (ConfigException exception)
        {
            throw new BrokenPromiseException("a configuration that was accepted is refused as it is written", exception.Message);
        }

        if (again.Config.ToYaml() != yaml) throw new BrokenPromiseException("a configuration that was accepted is read as another one when it is written", yaml);
        if (again.Notes.Count > 0) throw new BrokenPromiseException("a configuration as it is written gets a note", again.Notes[0]);
    }
}

/// <summary>Configurations in YAML.</summary>
internal sealed class YamlKind() : FuzzKind("yaml")
{
    public static IReadOnlyList<byte[]> YamlWords { get; } = Texts(
        "- ", "? ", ": ", "\n", "\n- ", "\n  ", "[", "]", "{", "}", ",", "#", "&a ", "*a", "!!str ", "!!int ", "!!binary ", "!a ", "<<: *a\n", "|", ">", "|-\n ", "'", "\"", "%YAML 1.2\n",
        "---\n", "...\n", "\t", "\\", "\\U9223372036854775808", "\\x1b", "\\u0000", "\u0000", "\u001b[31m", "\u0085", "\u2028", "\u202e", "\ufeff", "null", "~", "true", "yes", ".inf", "-.inf", ".nan", "1e3", "1_000",
        "0x1F", "0o17", "1:30", "2024-01-01", "seed: 1\n", "C: 20\n", "steps: 10\n", "target: tms_5-2\n", "target:\n  train:\n", "target_module_patterns: [linear1]\n", "method: apd\n", "description: \"a\\nb\"\n",
        "save_freq: 5\n", "keep_every: 2\n", "lr_schedule: cosine\n", "synced_inputs: [[0, 1]]\n", "~/x", "/dev/zero", "linear1", "layers.*", "*", "1.0e-05", "- linear1\n");

    protected override IReadOnlyList<byte[]> Words => YamlWords;

    // The network that a configuration describes is built once, to see which of its matrices are meant: memory goes by its size and not by the file's.
    public override long AllocationLimit(long length) => (1L << 30) + 1000 * length;

    public override bool IsRefusal(Exception exception) => exception is ConfigException;

    protected override IEnumerable<Sample> MakeCorpus()
    {
        foreach (var entry in RoundTrip.Catalog.Entries) yield return new Sample($"{entry.Name}.yaml", File.ReadAllBytes(entry.Path));
        foreach (var entry in RoundTrip.Catalog.Entries)
            yield return new Sample($"resolved-{entry.Name}.yaml", Encoding.UTF8.GetBytes(RoundTrip.Catalog.Load(entry.Name).Config.ToYaml()));
        yield return new Sample("tiny.yaml", Encoding.UTF8.GetBytes(TinyRun.Yaml));
        yield return new Sample("anchors.yaml", Encoding.UTF8.GetBytes(
            "base: &base {seed: 3, C: 4}\n<<: *base\ntarget: tms_5-2\ntarget_module_patterns: [linear1, \"linear2\"]\nsteps: 1e3\n".Replace("base: &base {seed: 3, C: 4}\n<<: *base", "<<: {seed: 3, C: 4}", StringComparison.Ordinal)
            + "faithfulness_coeff: 1\nstochastic_recon_coeff: 1\nimportance_minimality_coeff: 1.0e-3\npnorm: 1\noutput_loss_type: mse\nlr: .001\nbatch_size: 16\ndescription: >\n  a\n  b\n"
            + "task_config: {task_name: tms, feature_probability: 5e-2}\n"));
    }

    protected override void Read(string path) => RoundTrip.Check(RoundTrip.Catalog.Load(path), Path.Combine(Folder, "again.yaml"));
}

/// <summary>Values of <c>--set</c>, upon the shipped experiments in turn.</summary>
internal sealed class OverrideKind() : FuzzKind("set")
{
    private static readonly string[] Good =
    [
        "steps=500", "seed=18446744073709551615", "C=3", "lr=1e-3", "lr_schedule=cosine", "lr_warmup_pct=0.1", "description='a: b'", "print_freq=10", "save_freq=null",
        "image_freq=5", "n_eval_steps=2", "batch_size=1e3", "lr_exponential_halflife=3", "keep_every=2", "tensorboard=yes",
    ];

    private static readonly string[] Sometimes =
    [
        "task_config.feature_probability=0.1", "target_module_patterns=[linear1]", "target=tms_5-2", "target.train.seed=7", "target.train.tms_model_config.n_features=6", "target.train.synced_inputs=[[0, 1]]",
        "target={train: {seed: 1}}", "target.data.inputs=~/x.npy", "target.mlp.layer_sizes=[2, 3, 4]", "topk=0.5", "m=2", "name=a", "method=apd", "pnorm=2", "schatten_coeff=0.1", "C={linear1: 3, linear2: 4}",
        "description=\"\\e[31m\"", "target.mlp.activation=gelu",
    ];

    protected override IReadOnlyList<byte[]> Words { get; } =
    [
        .. YamlKind.YamlWords, .. Texts("=", ".", "task_config.", "target.", "target.train.", "target.data.", "target.mlp.", "lr=", "C=", "seed=", "steps=", "name="),
    ];

    public override long AllocationLimit(long length) => (1L << 30) + 1000 * length;

    public override bool IsRefusal(Exception exception) => exception is ConfigException;

    protected override IEnumerable<Sample> MakeCorpus() =>
        Good.Select((text, i) => new Sample($"{i}.txt", Encoding.UTF8.GetBytes(text)))
            .Concat(Sometimes.Select((text, i) => new Sample($"refused-{i}.txt", Encoding.UTF8.GetBytes(text))));

    protected override void Read(string path)
    {
        string text = File.ReadAllText(path);
        var entries = RoundTrip.Catalog.Entries;
        var config = RoundTrip.Catalog.Load(entries[text.Length % entries.Count].Name, ConfigOverride.Parse(text));
        RoundTrip.Check(config, Path.Combine(Folder, "again.yaml"));
    }
}
