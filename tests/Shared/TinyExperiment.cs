namespace Spd.Tests;

/// <summary>An experiment of a Toy Model of Superposition that takes a moment.</summary>
internal static class TinyExperiment
{
    public static string Yaml(int seed = 1, int steps = 20, string minimality = "0.003", string lr = "0.001") => $$"""
        description: tiny
        seed: {{seed}}
        C: 6
        n_ci_mlp_neurons: 4
        target_module_patterns: [linear1, linear2]
        faithfulness_coeff: 1.0
        stochastic_recon_coeff: 1.0
        stochastic_recon_layerwise_coeff: 1.0
        importance_minimality_coeff: {{minimality}}
        pnorm: 1.0
        output_loss_type: mse
        lr: {{lr}}
        steps: {{steps}}
        batch_size: 64
        print_freq: 10
        n_eval_steps: 1
        task_config: {task_name: tms, feature_probability: 0.05, data_generation_type: at_least_zero_active}
        target:
          train:
            seed: 0
            tms_model_config: {n_features: 2, n_hidden: 2, n_hidden_layers: 0, tied_weights: true, init_bias_to_zero: true}
            feature_probability: 0.2
            lr: 0.01
            steps: 1000
            batch_size: 256
        """;
}
