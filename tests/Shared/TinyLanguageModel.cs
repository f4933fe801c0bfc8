using System.Text.Json;
using Spd.Engine;
using Spd.Networks;
using Spd.Networks.Transformers;

namespace Spd.Tests;

/// <summary>A language model of a few words with its files: configuration, weights, tokenizer, text, and an experiment on it.</summary>
internal static class TinyLanguageModel
{
    public const int Length = 12;

    /// <summary>The words; some are what a page or a screen must not take for its own.</summary>
    public static string[] Words { get; } = ["[UNK]", "the", "cat", "sat", "<script>alert(1)</script>", "on", "a", "mat&amp;", "\u202eevil", "\u001b[31m"];

    /// <summary>Writes the files into a folder.</summary>
    /// <returns>The experiment's file.</returns>
    public static string Write(string folder)
    {
        string model = Directory.CreateDirectory(Path.Combine(folder, "model")).FullName;
        var config = new LlamaConfig
        {
            VocabSize = Words.Length,
            MaxPositionEmbeddings = 16,
            HiddenSize = 8,
            IntermediateSize = 12,
            NumHiddenLayers = 1,
            NumAttentionHeads = 2,
        };
        var network = config.Build();
        network.Initialise(seed: 5);
        foreach (var (_, linear) in network.LinearMaps()) foreach (ref float weight in linear.Weight.Values) weight *= 25;
        ModuleWeights.Save(Path.Combine(model, "model.safetensors"), network);
        File.WriteAllText(Path.Combine(model, "config.json"), $$"""
            {"model_type": "llama", "vocab_size": {{Words.Length}}, "max_position_embeddings": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
             "num_attention_heads": 2, "hidden_act": "silu", "tie_word_embeddings": false}
            """);
        string vocabulary = string.Join(", ", Words.Select((word, id) => $"{JsonSerializer.Serialize(word)}: {id}"));
        File.WriteAllText(Path.Combine(model, "tokenizer.json"), $$"""
            {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
             "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": { {{vocabulary}} } } }
            """);
        var random = new RandomSequence(1, NetworkStreams.RowChoice);
        float[] numbers = new float[60 * Length];
        random.FillUniform(numbers, 1, Words.Length);
        File.WriteAllText(Path.Combine(folder, "text.json"), JsonSerializer.Serialize(new[] { string.Join(' ', numbers.Select(number => Words[(int)number])) }));
        string experiment = Path.Combine(folder, "tiny_lm.yaml");
        File.WriteAllText(experiment, $$"""
            C: 6
            n_ci_mlp_neurons: 0
            n_mask_samples: 1
            target_module_patterns: [model.layers.0.mlp.*_proj, model.layers.0.self_attn.v_proj]
            faithfulness_coeff: 1.0
            stochastic_recon_coeff: 1.0
            importance_minimality_coeff: 1.0e-03
            pnorm: 1.0
            output_loss_type: kl
            lr: 0.001
            steps: 5
            batch_size: 2
            n_eval_steps: 2
            task_config: {task_name: lm, max_seq_len: {{Length}}}
            target:
              model: {{JsonSerializer.Serialize(model)}}
              data: {text: {{JsonSerializer.Serialize(Path.Combine(folder, "text.json"))}}, held_out_share: 0.3}
            """);
        return experiment;
    }
}
