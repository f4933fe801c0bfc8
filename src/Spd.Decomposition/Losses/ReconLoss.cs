using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>Where the masks of a <see cref="ReconLoss"/> come from.</summary>
public enum ReconMasks
{
    /// <summary><c>m = 1</c>, without Δ.</summary>
    Unmasked,

    /// <summary><c>m = g</c>, without Δ.</summary>
    CiMasked,

    /// <summary><c>m = g + (1 − g) r</c>, with Δ where it is used.</summary>
    Stochastic,
}

/// <summary>Which sites a <see cref="ReconLoss"/> replaces.</summary>
public enum ReconSites
{
    /// <summary>All in one pass.</summary>
    All,

    /// <summary>One at a time.</summary>
    Layerwise,

    /// <summary>In every lane a subset, by a <see cref="Routing"/>.</summary>
    Subset,
}

/// <summary>How far the output is from the target's with some sites replaced by masked subcomponents (METHOD §4, VPD §2).</summary>
public sealed record ReconLoss : LossTerm
{
    /// <summary>Where masks come from.</summary>
    public ReconMasks Masks { get; init; } = ReconMasks.Stochastic;

    /// <summary>Which sites are replaced.</summary>
    public ReconSites Sites { get; init; }

    /// <summary>How subsets are drawn.</summary>
    public Routing Routing { get; init; } = new UniformSubset();

    protected override string DefaultName => Masks switch
    {
        ReconMasks.Unmasked => "unmasked_recon",
        ReconMasks.CiMasked => "ci_masked_recon",
        _ => LossNames.StochasticRecon,
    } + Sites switch
    {
        ReconSites.All => "",
        ReconSites.Layerwise => "_layerwise",
        _ => "_subset",
    };

    internal override void AddTo(LossContext context)
    {
        var purpose = Sites switch
        {
            ReconSites.All => DecompositionStreams.Masks,
            ReconSites.Layerwise => DecompositionStreams.LayerwiseMasks,
            _ => DecompositionStreams.SubsetMasks,
        };
        var routing = Sites == ReconSites.Subset ? Routing : null;
        var masks = Masks == ReconMasks.Stochastic ? context.StochasticMasks(purpose, routing) : Fixed(context, purpose, routing);
        Reconstruction.AddLoss(
            context.Objective, context.Model, context.Target, Name, Coeff, masks, Sites == ReconSites.Layerwise ? Reconstruction.OneSiteAtATime : Reconstruction.AllSites,
            Masks == ReconMasks.Stochastic ? context.Settings.NMaskSamples : 1, context.Settings.OutputLossType);
    }

    private MaskSource Fixed(LossContext context, StreamPurpose purpose, Routing? routing)
    {
        var masks = Masks == ReconMasks.Unmasked ? Decomposition.Masks.Ones : Decomposition.Masks.Importance;
        return masks.With(null, context.Routes(purpose, routing));
    }
}

/// <summary>
/// How far the outputs of the decomposed matrices themselves are from the target's in one pass with all sites masked: the mean over all entries of all of them
/// of the squared difference.
/// </summary>
public sealed record HiddenActivationsReconLoss : LossTerm
{
    protected override string DefaultName => "stochastic_hidden_acts_recon";

    internal override void AddTo(LossContext context)
    {
        var (graph, model) = (context.Graph, context.Model);
        var masks = context.StochasticMasks(DecompositionStreams.HiddenActivationsMasks);
        double entries = model.Sites.Sum(site => (double)site.Outputs);
        var own = OutputsOf(new ForwardPass(graph));
        for (int sample = 0; sample < context.Settings.NMaskSamples; sample++)
        {
            var masked = OutputsOf(model.MaskedPass(graph, context.Target.Sites, masks, sample));
            foreach (var site in model.Sites)
                context.Objective.Add(Name, graph.SquaredError(masked[site], own[site]), site.Outputs / entries / context.Settings.NMaskSamples, Coeff);
        }

        Dictionary<Site, Value> OutputsOf(ForwardPass pass)
        {
            var outputs = new Dictionary<Site, Value>();
            model.Network.Forward(pass with
            {
                Replace = (linear, input) =>
                {
                    var output = linear.Forward(pass, input);
                    foreach (var site in model.Sites.Where(site => site.Linear == linear)) outputs[site] = output;
                    return output;
                },
            }, context.Target.Input);
            return outputs;
        }
    }
}
