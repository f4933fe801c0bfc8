using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Configuration;

/// <summary>Configurations of language models: what a hub is asked for, what patterns say of the network, and those of the released code.</summary>
public sealed class LanguageModelConfigTests : IDisposable
{
    private const string Text = "target.data.text=stories.json";

    // As the released configs of language models have it, shortened.
    private const string Released = """
        C: 100
        target_module_patterns: [model.layers.0.mlp.gate_proj]
        importance_minimality_coeff: 1.0e-3
        batch_size: 4
        steps: 10
        output_loss_type: kl
        pretrained_model_class: transformers.LlamaForCausalLM
        pretrained_model_name_hf: SimpleStories/SimpleStories-1.25M
        pretrained_model_output_attr: logits
        tokenizer_name: SimpleStories/SimpleStories-1.25M
        task_config: {task_name: lm, max_seq_len: 512, buffer_size: 1000, dataset_name: SimpleStories/SimpleStories, column_name: story}
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _asked = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AReleasedConfigNamesItsModelAtTheHub()
    {
        var target = TargetOf(Released, Text);
        Assert.Equal(("hub:SimpleStories/SimpleStories-1.25M", null), (target.Hub, target.Tokenizer));
        Assert.Equal(["hub:SimpleStories/SimpleStories-1.25M, whole"], _asked);
        Assert.EndsWith("stories.json", target.Data.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void OfATokenizerThatLiesApartNothingElseIsAskedFor()
    {
        string config = Released.Replace("tokenizer_name: SimpleStories/SimpleStories-1.25M", "tokenizer_name: some/tokenizer", StringComparison.Ordinal);
        Assert.Equal(_folder.Root, TargetOf(config, Text).Tokenizer);
        Assert.Equal(["hub:SimpleStories/SimpleStories-1.25M, whole", "hub:some/tokenizer, its tokenizer"], _asked);
    }

    [Fact]
    public void AModelOfOnesOwnTakesThePlaceOfTheReleasedOne()
    {
        Assert.Equal(_folder.Root, TargetOf(Released, Text, $"target.model={_folder.Root}").Load);
        Assert.Empty(_asked);
    }

    [Fact]
    public void WithoutATextAReleasedConfigIsRefused() =>
        Assert.Equal(
            "x.yaml, line 8: the model is 'SimpleStories/SimpleStories-1.25M' at a hub, but its text is not fetched from there: download a file of it, and name it with --set target.data.text=PATH",
            Assert.Throws<ConfigException>(() => TargetOf(Released)).Message);

    [Theory]
    [InlineData("transformer.h.*.attn.c_attn", false)]
    [InlineData("*", false)]
    [InlineData("transformer.h.*.attn.c_attn.*", true)]
    [InlineData("transformer.h.0.attn.c_attn.q", true)]
    public void APatternSaysWhetherQueriesKeysAndValuesAreOneMatrix(string pattern, bool isSplit) =>
        Assert.Equal(isSplit, TargetOf(Released, Text, $"target_module_patterns=[\"{pattern}\"]").SplitAttention);

    private LanguageModelConfig TargetOf(string config, params IEnumerable<string> overrides)
    {
        var catalog = new ExperimentCatalog(_folder.Root)
        {
            Fetch = (name, isModel) =>
            {
                _asked.Add($"{name}, {(isModel ? "whole" : "its tokenizer")}");
                return _folder.Root;
            },
        };
        return (LanguageModelConfig)ExperimentConfig.Parse(config, "x.yaml", overrides.Select(ConfigOverride.Parse), catalog).Config.Target;
    }
}
