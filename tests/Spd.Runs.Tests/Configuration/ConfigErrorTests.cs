using Spd.Runs.Configuration;

namespace Spd.Runs.Tests.Configuration;

public sealed class ConfigErrorTests
{
    private static readonly ExperimentCatalog Catalog = ExperimentCatalog.BesideProgram();

    [Theory]
    [InlineData("C: twenty", "x.yaml, line 5: C is 'twenty', but a whole number is needed")]
    [InlineData("C: 2.5", "x.yaml, line 5: C is '2.5', but a whole number is needed")]
    [InlineData("C: [20]", "x.yaml, line 5: C is a list, but a whole number is needed")]
    [InlineData("C:", "x.yaml, line 5: C is null, but a whole number is needed")]
    [InlineData("C: 0", "x.yaml, line 5: C is 0, but it must be at least 1", "from 1 to 100000")]
    [InlineData("C: 100001", "x.yaml, line 5: C is 100001, but it must be from 1 to 100000")]
    [InlineData("C: {linear1: 0}", "x.yaml, line 5: C of 'linear1' is 0, but it must be at least 1", "from 1 to 100000")]
    [InlineData("C: {linear1: twenty}", "x.yaml, line 5: C of 'linear1' is 'twenty', but a whole number is needed")]
    [InlineData("C: {}", "x.yaml, line 5: C is an empty mapping, but a whole number, or one for each decomposed matrix, is needed")]
    [InlineData("n_mask_samples: 1001", "x.yaml, line 5: n_mask_samples is 1001, but it must be from 1 to 1000")]
    [InlineData("n_ci_mlp_neurons: -1", "x.yaml, line 5: n_ci_mlp_neurons is -1, but it must be from 0 to 10000")]
    [InlineData("n_ci_mlp_neurons: 10001", "x.yaml, line 5: n_ci_mlp_neurons is 10001, but it must be from 0 to 10000")]
    [InlineData("steps: 0", "x.yaml, line 5: steps is 0, but it must be at least 1")]
    [InlineData("steps: 99999999999999999999", "x.yaml, line 5: steps is 99999999999999999999, but it must be from 1 to 2147483647")]
    [InlineData("batch_size: -4", "x.yaml, line 5: batch_size is -4, but it must be from 1 to 16777216")]
    [InlineData("print_freq: 0", "x.yaml, line 5: print_freq is 0, but it must be at least 1")]
    [InlineData("seed: -1", "x.yaml, line 5: seed is '-1', but a whole number from 0 to 18446744073709551615 is needed")]
    [InlineData("faithfulness_coeff: -0.5", "x.yaml, line 5: faithfulness_coeff is -0.5, but it must be a finite number of at least 0")]
    [InlineData("recon_coeff: .inf", "x.yaml, line 5: recon_coeff is .inf, but it must be a finite number of at least 0")]
    [InlineData("recon_coeff: Infinity", "x.yaml, line 5: recon_coeff is Infinity, but it must be a finite number of at least 0")]
    [InlineData("recon_coeff: NaN", "x.yaml, line 5: recon_coeff is NaN, but it must be a finite number of at least 0")]
    [InlineData("pnorm: 0", "x.yaml, line 5: pnorm is 0, but it must be a finite number above 0")]
    [InlineData("lr: 1e999", "x.yaml, line 5: lr is 1e999, but it must be a finite number above 0")]
    [InlineData("lr_warmup_pct: 1.5", "x.yaml, line 5: lr_warmup_pct is 1.5, but it must be from 0 to 1")]
    [InlineData("lr_schedule: cosinus", "x.yaml, line 5: lr_schedule is 'cosinus', but one of constant, linear, cosine, half_cosine, exponential is needed")]
    [InlineData("lr_schedule: exponential", "x.yaml, line 5: lr_schedule is exponential, which needs lr_exponential_halflife")]
    [InlineData("lr_exponential_halflife: 0", "x.yaml, line 5: lr_exponential_halflife is 0, but it must be a finite number above 0")]
    [InlineData("output_loss_type: l1", "x.yaml, line 5: output_loss_type is 'l1', but one of mse, kl is needed")]
    [InlineData("image_on_first_step: maybe", "x.yaml, line 5: image_on_first_step is 'maybe', but true or false is needed")]
    [InlineData("name: ../up", "x.yaml, line 5: name is '../up', but a short name")]
    [InlineData("name: ''", "x.yaml, line 5: name is '', but a short name")]
    [InlineData("description: [a]", "x.yaml, line 5: description is a list, but a text is needed")]
    [InlineData(
        "embedding_recon_coeff: 1",
        "x.yaml, line 5: embedding_recon_coeff is set, but an embedding's reconstruction is not available for this kind of network")]
    [InlineData("is_embed_unembed_recon: true", "x.yaml, line 5: is_embed_unembed_recon is true, but says how")]
    [InlineData("importance_minimality_coef: 1", "x.yaml, line 5: unknown key 'importance_minimality_coef'; did you mean 'importance_minimality_coeff'?")]
    [InlineData("c: 1", "x.yaml, line 5: unknown key 'c'; did you mean 'C'?")]
    [InlineData("n_features: 6", "x.yaml, line 5: unknown key 'n_features'; did you mean 'target.train.tms_model_config.n_features'?")]
    [InlineData("feature_probability: 1", "x.yaml, line 5: unknown key 'feature_probability'; did you mean 'task_config.feature_probability'?")]
    [InlineData("C: |\n  a\n  b", "x.yaml, line 5: C is 'a b', but a whole number is needed")]
    [InlineData("zzzzzzzzzzzzzzzz: 1", "x.yaml, line 5: unknown key 'zzzzzzzzzzzzzzzz'")]
    [InlineData("lr: 1\n\nlr: 2", "x.yaml, line 7: the key 'lr' is given twice, first on line 5: leave one of them out")]
    [InlineData("lr: [1", "x.yaml, line 5: this is no valid YAML: the list that begins here lacks its closing ']', or a comma")]
    [InlineData("lr: *nothing", "x.yaml, line 5: the alias *nothing has no anchor before it")]
    [InlineData("---\nlr: 1", "x.yaml, line 5: a second YAML document begins here")]
    [InlineData("[a, b]: 1", "x.yaml, line 5: a key must be a single word")]
    [InlineData("lr:\n- : a", "x.yaml, line 6: this is no valid YAML: a key or its value is missing")]
    [InlineData("C: {\"a\\tb\": x}", "x.yaml, line 5: C of 'a b' is 'x', but a whole number is needed")]
    public void AWrongLineIsNamed(string line, params string[] expected)
    {
        string message = Message(ExperimentConfigTests.Minimal + line);
        Assert.StartsWith(
            expected.Length == 2 ? expected[0].Replace("at least 1", expected[1], StringComparison.Ordinal) : expected[0],
            message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("target={load: \"a\\0b\"}", "load is 'a\ufffdb', but no path can hold the character U+0000")]
    [InlineData("target={load: w.pt, data: {inputs: \"a\\0b\"}}", "inputs is 'a\ufffdb', but no path can hold the character U+0000")]
    public void APathWithACharacterThatNoneMayHaveIsNamed(string given, string expected) => Assert.EndsWith(
        expected,
        Assert.Throws<ConfigException>(() => ExperimentConfig.Parse(ExperimentConfigTests.Minimal, "x.yaml", [ConfigOverride.Parse(given)], Catalog)).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("target_module_patterns: []", "x.yaml, line 1: target_module_patterns is an empty list, but at least one entry is needed: a list of module names or patterns, such as [linear1")]
    [InlineData("target_module_patterns: linear1", "x.yaml, line 1: target_module_patterns is 'linear1', but a list of module names")]
    [InlineData("target_module_patterns: [linear1, null]", "x.yaml, line 1: an entry of target_module_patterns is null, but a text is needed")]
    [InlineData(
        "task_config: {task_name: ih, prefix_window: 61}",
        "x.yaml, line 1: task_name is 'ih', but the target has a tms_model_config: both must be of one kind, tms, residual_mlp, mlp, modular_addition, ih or lm")]
    [InlineData(
        "task_config: {task_name: residual_mlp, init_scale: 1}",
        "x.yaml, line 1: task_name is 'residual_mlp', but the target has a tms_model_config: both must be of one kind, tms, residual_mlp, mlp, modular_addition, ih or lm")]
    [InlineData("task_config: {task_name: tmz}", "x.yaml, line 1: task_name is 'tmz', but one of tms, residual_mlp, mlp, modular_addition, ih, lm is needed")]
    [InlineData("task_config: {}", "x.yaml, line 1: the key 'task_name' is missing")]
    [InlineData("task_config: tms", "x.yaml, line 1: task_config is 'tms', but a mapping of keys to values is needed")]
    [InlineData("task_config: {task_name: tms, feature_prob: 1}", "x.yaml, line 1: unknown key 'feature_prob'; did you mean 'feature_probability'?")]
    [InlineData(
        "task_config: {task_name: tms, zzz: 1}",
        "x.yaml, line 1: unknown key 'zzz'; the keys here are task_name, feature_probability, data_generation_type")]
    [InlineData("task_config: {task_name: tms, feature_probability: 0}", "x.yaml, line 1: feature_probability is 0, but it must be above 0 and at most 1")]
    [InlineData("target: tms52", "x.yaml, line 1: target is 'tms52', but no experiment is called 'tms52'; nearest: tms_5-2, tms_5-2-id; `spd list` shows all")]
    [InlineData("target: {}", "x.yaml, line 1: the key 'train' is missing")]
    [InlineData("target: {train: {steps: 5}}", "x.yaml, line 1: the key 'tms_model_config' is missing")]
    [InlineData("target: {train: {tms_model_config: {n_features: 5}}}", "x.yaml, line 1: the key 'n_hidden' is missing")]
    [InlineData("target: null", "x.yaml: no target network is given: say which by adding `--set target=tms_40-10`")]
    public void AWrongValueOfAnotherLineIsNamed(string line, string expected)
    {
        string key = line[..line.IndexOf(':', StringComparison.Ordinal)];
        string others = string.Concat(ExperimentConfigTests.Minimal.Split('\n')
            .Where(other => !other.StartsWith(key + ":", StringComparison.Ordinal)).Select(other => other + "\n"));
        Assert.StartsWith(expected, Message($"{line}\n{others}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lr_schedule: exponential", "a target's lr_schedule cannot be exponential")]
    [InlineData(
        "fixed_identity_hidden_layers: true\n    fixed_random_hidden_layers: true",
        "hidden layers cannot be fixed to the identity and to random matrices at once")]
    [InlineData("synced_inputs: [[0, 5]]", "synced_inputs names feature 5, but features are 0 to 4")]
    [InlineData("synced_inputs: [[0, 1], [1, 2]]", "synced_inputs has a feature in two groups")]
    [InlineData("synced_inputs: [0, 1]", "an entry of synced_inputs is '0', but a list of features is needed")]
    [InlineData(
        "data_generation_type: exactly_six_active",
        "data_generation_type is 'exactly_six_active', but one of at_least_zero_active, exactly_one_active")]
    public void AWrongTargetIsNamedWithItsLine(string lines, string expected)
    {
        string text = ExperimentConfigTests.Minimal.Replace(
            "target: tms_5-2",
            $"target:\n  train:\n    tms_model_config: {{n_features: 5, n_hidden: 2}}\n    {lines}",
            StringComparison.Ordinal);
        string message = Message(text);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Matches(@"^x\.yaml, line [789]: ", message);
    }

    [Fact]
    public void MoreActiveFeaturesThanThereAreIsRefused() =>
        Assert.Equal(
            "x.yaml, line 3: data_generation_type asks for exactly 4 active features, but there are only 3",
            Message(ExperimentConfigTests.Minimal, "target.train.tms_model_config.n_features=3", "task_config.data_generation_type=exactly_four_active"));

    [Fact]
    public void AllTermsLeftOutIsRefused() => Assert.Contains(
        "every coefficient is null",
        Message(ExperimentConfigTests.Minimal, "faithfulness_coeff=null", "importance_minimality_coeff=null"),
        StringComparison.Ordinal);

    [Theory]
    [InlineData("", "'x.yaml' is empty")]
    [InlineData("# nothing", "'x.yaml' is empty")]
    [InlineData("- a", "x.yaml, line 1: the file holds a list")]
    [InlineData("seed: 1", "x.yaml: the key 'target_module_patterns' is missing")]
    [InlineData("a: &a [*a]", "x.yaml, line 1: the alias *a refers to a value that holds it")]
    [InlineData("a: [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", "x.yaml, line 1: values are nested more than 16 deep")]
    public void ATextThatIsNoConfigIsRefused(string text, string expected) => Assert.StartsWith(expected, Message(text), StringComparison.Ordinal);

    [Theory]
    [InlineData("C=twenty", "--set C=twenty: C is 'twenty', but a whole number is needed")]
    [InlineData("task_config.feature_prob=0.1", "--set task_config.feature_prob=0.1: unknown key 'feature_prob'; did you mean 'feature_probability'?")]
    [InlineData("targets=tms_5-2", "--set targets=tms_5-2: unknown key 'targets'; did you mean 'target' or 'target.data.targets'?")]
    [InlineData("target=tms52", "--set target=tms52: target is 'tms52', but no experiment is called 'tms52'")]
    [InlineData("target.train.steps=0", "--set target.train.steps=0: steps is 0, but it must be at least 1")]
    [InlineData("lr_schedule=exponential", "--set lr_schedule=exponential: lr_schedule is exponential, which needs")]
    [InlineData("lr=", "--set lr=: lr is null, but a number is needed")]
    [InlineData("lr=[1", "--set lr=[1: this is no valid YAML")]
    [InlineData(
        "importance_minimality_coeff.x=1",
        "--set importance_minimality_coeff.x=1: 'importance_minimality_coeff' is '1e-3', which has no keys below it")]
    [InlineData("steps", "--set steps: this is not of the form key=value")]
    [InlineData("=5", "--set =5: this is not of the form key=value")]
    [InlineData("task_config.=5", "--set task_config.=5: this is not of the form key=value")]
    public void AWrongOverrideIsNamed(string given, string expected) =>
        Assert.StartsWith(expected, Message(ExperimentConfigTests.Minimal, given), StringComparison.Ordinal);

    [Fact]
    public void AnOptionIsNamedAsItWasGiven()
    {
        var option = ConfigOverride.Option("--steps", "steps", "0");
        var exception = Assert.Throws<ConfigException>(() => ExperimentConfig.Parse(ExperimentConfigTests.Minimal, "x.yaml", [option], Catalog));
        Assert.Equal("--steps 0: steps is 0, but it must be at least 1", exception.Message);
    }

    [Fact]
    public void TheLastOverrideHolds() =>
        Assert.Equal(7, ExperimentConfigTests.Parse(ExperimentConfigTests.Minimal, "steps=5", "steps=7").Config.Decomposition.Steps);

    private static string Message(string text, params string[] overrides) =>
        Assert.Throws<ConfigException>(() => ExperimentConfigTests.Parse(text, overrides)).Message;
}
