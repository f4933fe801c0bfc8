using System.Diagnostics.CodeAnalysis;
using Spd.Decomposition;
using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Runs.Configuration;
using YamlDotNet.RepresentationModel;
using static Spd.Runs.Configuration.ValueKind;

namespace Spd.Runs;

/// <summary>
/// The losses of the successor as a configuration lists them, each with its <c>classname</c>; names and keys are those of its authors' configs, those of what
/// only the later library has too.
/// </summary>
internal static class LossKeys
{
    private const string ClassName = "classname", Type = "type", Minimality = "ImportanceMinimalityLoss", Frequency = "frequency", Gamma = "gamma";

    // Where keys differ by its kind, a part has a key that names it.
    private static readonly IReadOnlyList<Variant<SourceRule>> Rules =
    [
        Variant<SourceRule>.Of("adam", new AdamSources(), new KeyTable<AdamSources>(
        [
            Keys<AdamSources>.Number("beta1", rule => rule.Beta1, (rule, v) => rule with { Beta1 = v }), Keys<AdamSources>.Number("beta2", rule => rule.Beta2, (rule, v) => rule with { Beta2 = v }),
            Keys<AdamSources>.Number("eps", rule => rule.Eps, (rule, v) => rule with { Eps = v }), Schedule<AdamSources>(),
        ])),
        Variant<SourceRule>.Of("sign", new SignSources(), new KeyTable<SignSources>([Schedule<SignSources>()])),
        Variant<SourceRule>.Of("momentum_sgd", new MomentumSources(), new KeyTable<MomentumSources>(
            [Keys<MomentumSources>.Number("momentum", rule => rule.Momentum, (rule, v) => rule with { Momentum = v }), Schedule<MomentumSources>()])),
    ];

    private static readonly (string Name, SourceScope Scope)[] Scopes =
    [
        ("single_source", SourceScope.Single), ("broadcast_across_batch", SourceScope.Position), ("per_batch", SourceScope.Row),
        ("per_batch_per_position", SourceScope.RowAndPosition),
    ];

    private static readonly IReadOnlyList<Variant<LossTerm>> Terms =
    [
        Variant<LossTerm>.Of("FaithfulnessLoss", new FaithfulnessLoss(), new KeyTable<FaithfulnessLoss>(
            [Coeff<FaithfulnessLoss>(), Keys<FaithfulnessLoss>.Value("is_relative", Flag, term => term.IsRelative, (term, v) => term with { IsRelative = v })])),
        Variant<LossTerm>.Of(Minimality, new ImportanceMinimalityLoss(), new KeyTable<ImportanceMinimalityLoss>(
        [
            Coeff<ImportanceMinimalityLoss>(),
            Keys<ImportanceMinimalityLoss>.Number("pnorm", term => term.Pnorm, (term, v) => term with { Pnorm = v }),
            Keys<ImportanceMinimalityLoss>.Number("beta", term => term.Beta, (term, v) => term with { Beta = v }),
            Keys<ImportanceMinimalityLoss>.Number("eps", term => term.Eps, (term, v) => term with { Eps = v }),
            Keys<ImportanceMinimalityLoss>.Number("p_anneal_start_frac", term => term.PAnnealStartFrac, (term, v) => term with { PAnnealStartFrac = v }),
            Keys<ImportanceMinimalityLoss>.Number("p_anneal_final_p", term => term.PAnnealFinalP, (term, v) => term with { PAnnealFinalP = v }),
            Keys<ImportanceMinimalityLoss>.Number("p_anneal_end_frac", term => term.PAnnealEndFrac, (term, v) => term with { PAnnealEndFrac = v }),
        ])),
        Variant<LossTerm>.Of("SmoothImportanceMinimalityLoss", new SmoothImportanceLoss(), new KeyTable<SmoothImportanceLoss>(
        [
            Coeff<SmoothImportanceLoss>(),
            Keys<SmoothImportanceLoss>.Number("gamma_start", term => term.GammaStart, (term, v) => term with { GammaStart = v }),
            Keys<SmoothImportanceLoss>.Number("gamma_end", term => term.GammaEnd, (term, v) => term with { GammaEnd = v }),
            Keys<SmoothImportanceLoss>.Number("gamma_end_frac", term => term.GammaEndFrac, (term, v) => term with { GammaEndFrac = v }),
            Keys<SmoothImportanceLoss>.Value("normalize_at_one", Flag, term => term.NormalizeAtOne, (term, v) => term with { NormalizeAtOne = v }),
            Keys<SmoothImportanceLoss>.Number("frequency_coeff", term => term.FrequencyCoeff, (term, v) => term with { FrequencyCoeff = v }),
            Keys<SmoothImportanceLoss>.Number("reference_datapoint_count", term => term.ReferenceDatapointCount, (term, v) => term with { ReferenceDatapointCount = v }),
            Keys<SmoothImportanceLoss>.Number("frequency_halflife", term => term.FrequencyHalflife, (term, v) => term with { FrequencyHalflife = v }),
        ])),
        Recon("UnmaskedReconLoss", ReconMasks.Unmasked, ReconSites.All), Recon("CIMaskedReconLoss", ReconMasks.CiMasked, ReconSites.All),
        Recon("CIMaskedReconLayerwiseLoss", ReconMasks.CiMasked, ReconSites.Layerwise), Recon("CIMaskedReconSubsetLoss", ReconMasks.CiMasked, ReconSites.Subset),
        Recon("StochasticReconLoss", ReconMasks.Stochastic, ReconSites.All), Recon("StochasticReconLayerwiseLoss", ReconMasks.Stochastic, ReconSites.Layerwise),
        Recon("StochasticReconSubsetLoss", ReconMasks.Stochastic, ReconSites.Subset),
        Variant<LossTerm>.Of("StochasticHiddenActsReconLoss", new HiddenActivationsReconLoss(), new KeyTable<HiddenActivationsReconLoss>([Coeff<HiddenActivationsReconLoss>()])),
        Pgd("PGDReconLoss", new PgdReconLoss()), Pgd("PGDReconLayerwiseLoss", new PgdReconLoss { IsLayerwise = true }),
        Pgd("PGDReconSubsetLoss", new PgdReconLoss { Routing = new UniformSubset() }),
        Persistent("PersistentPGDReconLoss", new PersistentPgdReconLoss()),
        Persistent("PersistentPGDReconSubsetLoss", new PersistentPgdReconLoss { Routing = new UniformSubset(), RoutesAscents = true }),
        Persistent("MergedStochasticSubsetPPGDReconLoss", new PersistentPgdReconLoss { Routing = new UniformSubset(), AdvFraction = 0.5 }),
    ];

    /// <summary>The list.</summary>
    public static ValueKind<IReadOnlyList<LossTerm>> Kind { get; } =
        List(new ValueKind<LossTerm>(ReadTerm, term => WriteVariant(Terms, ClassName, term)), "a list of losses, each with its classname and its coeff,");

    private static LossTerm ReadTerm(ConfigNode node, string key)
    {
        var map = node as ConfigMap ?? throw node.Mistyped(key, "a loss with its classname and its coeff");
        // The later library has one name for both, and says the second in parts.
        if ((map.Find(ClassName) ?? map.Find(Type)) is ConfigScalar { Text: Minimality } named && (map.Find(Gamma) ?? map.Find(Frequency)) is not null)
            map = Flattened(map, named);
        return ReadVariant(Terms, ClassName, map, key);
    }

    /// <summary>A minimality loss of the later library, <c>gamma: {max_val, points}</c> and <c>frequency: {coeff, …}</c>, by the keys here.</summary>
    private static ConfigMap Flattened(ConfigMap map, ConfigScalar named)
    {
        var flat = new ConfigMap(map.Origin, [.. map.Entries.Where(entry => entry.Key is not (ClassName or Type or Gamma or Frequency))]);
        flat.Set(ClassName, named with { Text = "SmoothImportanceMinimalityLoss" });
        if (map.Find(Frequency) is ConfigMap frequency)
            foreach (var entry in frequency.Entries)
                flat.Set(entry.Key switch { "coeff" => "frequency_coeff", "ema_halflife_steps" => "frequency_halflife", var other => other }, entry.Value);
        if (map.Find(Gamma) is not { } gamma) return flat;
        if (gamma is not ConfigMap { } whole || whole.Find("points") is not ConfigList { Items: [ConfigMap first, ConfigMap last] })
            throw gamma.Mistyped(Gamma, "a max_val with two points, {at: 0, frac: …} and {at: …, frac: …},");
        var number = ValueKind.Number(Keys<SmoothImportanceLoss>.RangeOf("gamma_start"));
        double most = whole.Find("max_val") is { } given ? number.Read(given, "max_val") : 1;
        flat.Set("gamma_start", Scaled(first));
        flat.Set("gamma_end", Scaled(last));
        if (last.Find("at") is { } at) flat.Set("gamma_end_frac", at);
        return flat;

        ConfigScalar Scaled(ConfigMap point)
        {
            var share = point.Find("frac") ?? throw point.Error("a point of gamma has no frac");
            return new ConfigScalar(share.Origin, (most * number.Read(share, "frac")).ToString("R", System.Globalization.CultureInfo.InvariantCulture), Plain: true);
        }
    }

    private static ConfigKey<TTerm> Coeff<[DynamicallyAccessedMembers(OptionRanges.Needed)] TTerm>()
        where TTerm : LossTerm => Keys<TTerm>.Number("coeff", term => term.Coeff, (term, v) => term with { Coeff = v }, required: true);

    private static Variant<LossTerm> Recon(string name, ReconMasks masks, ReconSites sites) => Variant<LossTerm>.Of(
        name, new ReconLoss { Masks = masks, Sites = sites }, new KeyTable<ReconLoss>(
            [Coeff<ReconLoss>(), .. sites == ReconSites.Subset ? new[] { RoutingKey<ReconLoss>(term => term.Routing, (term, v) => term with { Routing = v ?? term.Routing }) } : []]),
        term => term is ReconLoss recon && recon.Masks == masks && recon.Sites == sites);

    private static Variant<LossTerm> Pgd(string name, PgdReconLoss start) => Variant<LossTerm>.Of(
        name, start, new KeyTable<PgdReconLoss>(
        [
            Coeff<PgdReconLoss>(),
            Keys<PgdReconLoss>.Value("init", Choice<SourceStart>(), term => term.Init, (term, v) => term with { Init = v }),
            Keys<PgdReconLoss>.Number("step_size", term => term.StepSize, (term, v) => term with { StepSize = v }),
            Keys<PgdReconLoss>.Number("n_steps", term => term.NSteps, (term, v) => term with { NSteps = v }),
            Keys<PgdReconLoss>.Value("mask_scope", Choice<PgdScope>(), term => term.Scope == SourceScope.Single ? PgdScope.SharedAcrossBatch : PgdScope.UniquePerDatapoint,
                (term, v) => term with { Scope = v == PgdScope.SharedAcrossBatch ? SourceScope.Single : SourceScope.RowAndPosition }),
            .. start.Routing is null ? [] : new[] { RoutingKey<PgdReconLoss>(term => term.Routing, (term, v) => term with { Routing = v }) },
        ]),
        term => term is PgdReconLoss pgd && pgd.IsLayerwise == start.IsLayerwise && pgd.Routing is null == start.Routing is null);

    private static Variant<LossTerm> Persistent(string name, PersistentPgdReconLoss start) => Variant<LossTerm>.Of(
        name, start, new KeyTable<PersistentPgdReconLoss>(
        [
            Coeff<PersistentPgdReconLoss>(),
            .. start.AdvFraction == 1 ? [] : new[] { Keys<PersistentPgdReconLoss>.Number("adv_fraction", term => term.AdvFraction, (term, v) => term with { AdvFraction = v }) },
            Keys<PersistentPgdReconLoss>.Number("n_warmup_steps", term => term.NWarmupSteps, (term, v) => term with { NWarmupSteps = v }),
            Keys<PersistentPgdReconLoss>.Value("optimizer", new ValueKind<SourceRule>((node, key) => ReadVariant(Rules, Type, node, key), rule => WriteVariant(Rules, Type, rule)),
                term => term.Optimizer, (term, v) => term with { Optimizer = v }),
            Keys<PersistentPgdReconLoss>.Value("scope", new ValueKind<SourceScope>(ReadScope, WriteScope), term => term.Scope, (term, v) => term with { Scope = v }),
            Keys<PersistentPgdReconLoss>.Value("use_sigmoid_parameterization", Flag, term => term.UseSigmoidParameterization, (term, v) => term with { UseSigmoidParameterization = v }),
            .. start.Routing is null ? [] : new[] { RoutingKey<PersistentPgdReconLoss>(term => term.Routing, (term, v) => term with { Routing = v }) },
        ]),
        term => term is PersistentPgdReconLoss pgd && pgd.AdvFraction < 1 == start.AdvFraction < 1 && pgd.Routing is null == start.Routing is null);

    private static SourceScope ReadScope(ConfigNode node, string key)
    {
        string needed = $"a type, one of {string.Join(", ", Scopes.Select(scope => scope.Name))} and repeat_across_batch,";
        var map = node as ConfigMap ?? throw node.Mistyped(key, needed);
        if (map.Find(Type) is not ConfigScalar type) throw map.Mistyped(key, needed);
        if (type.Text == "repeat_across_batch")
        {
            var count = map.Find("n_sources") ?? throw map.Error($"{key} is repeat_across_batch, which needs n_sources, the number of rows that differ");
            return new SourceScope(WholeNumber(new AtLeastAttribute(1)).Read(count, "n_sources"), true);
        }

        return Array.Find(Scopes, scope => scope.Name == type.Text).Scope ?? throw type.Mistyped($"type of {key}", needed);
    }

    private static YamlMappingNode WriteScope(SourceScope scope) => Array.Find(Scopes, known => known.Scope == scope).Name is { } name
        ? new YamlMappingNode { { Type, name } }
        : new YamlMappingNode { { Type, "repeat_across_batch" }, { "n_sources", $"{scope.Examples}" } };

    private static ConfigKey<TTerm> RoutingKey<[DynamicallyAccessedMembers(OptionRanges.Needed)] TTerm>(Func<TTerm, Routing?> get, Func<TTerm, Routing?, TTerm> set) =>
        Keys<TTerm>.Optional("routing", new ValueKind<Routing>(ReadRouting, WriteRouting), get, set);

    private static Routing ReadRouting(ConfigNode node, string key)
    {
        const string Needed = "a type, uniform_k_subset or static_probability with its p,";
        var map = node as ConfigMap ?? throw node.Mistyped(key, Needed);
        bool isByRow = map.Find("is_by_row") is { } flag && Flag.Read(flag, "is_by_row");
        return map.Find(Type) switch
        {
            ConfigScalar { Text: "uniform_k_subset" } => new UniformSubset { IsByRow = isByRow },
            ConfigScalar { Text: "static_probability" } => new StaticProbability(Probability()) { IsByRow = isByRow },
            var other => throw (other ?? map).Mistyped(key, Needed),
        };

        double Probability() => ValueKind.Number(new ShareAttribute()).Read(
            map.Find("p") ?? throw map.Error($"{key} is static_probability, which needs p, the probability of a site"), "p");
    }

    private static YamlMappingNode WriteRouting(Routing routing)
    {
        var map = routing is StaticProbability fixedShare
            ? new YamlMappingNode { { Type, "static_probability" }, { "p", ValueKind.Number(new ShareAttribute()).Write(fixedShare.P) } }
            : new YamlMappingNode { { Type, "uniform_k_subset" } };
        if (routing.IsByRow) map.Add("is_by_row", "true");
        return map;
    }

    private static ConfigKey<TRule> Schedule<[DynamicallyAccessedMembers(OptionRanges.Needed)] TRule>()
        where TRule : SourceRule => Keys<TRule>.Nested("lr_schedule", new KeyTable<TRule>(
        [
            Keys<TRule>.Number("start_val", rule => rule.StartVal, (rule, v) => rule with { StartVal = v }),
            Keys<TRule>.Value("fn_type", Choice<SourceSchedule>(), rule => ShapeOf(rule.FnType), (rule, v) => rule with { FnType = ShapeOf(v) }),
            Keys<TRule>.Number("warmup_pct", rule => rule.WarmupPct, (rule, v) => rule with { WarmupPct = v }),
            Keys<TRule>.Number("final_val_frac", rule => rule.FinalValFrac, (rule, v) => rule with { FinalValFrac = v }),
        ]), rule => rule, (_, v) => v);

    private static SourceSchedule ShapeOf(ScheduleShape shape) => shape == ScheduleShape.HalfCosine ? SourceSchedule.Cosine : SourceSchedule.Constant;

    private static ScheduleShape ShapeOf(SourceSchedule schedule) => schedule == SourceSchedule.Cosine ? ScheduleShape.HalfCosine : ScheduleShape.Constant;

    private static TBase ReadVariant<TBase>(IReadOnlyList<Variant<TBase>> variants, string nameKey, ConfigNode node, string key)
    {
        string needed = $"one of {string.Join(", ", variants.Select(variant => variant.Name))}";
        var map = node as ConfigMap ?? throw node.Mistyped(key, $"a mapping with its {nameKey}, {needed},");
        var named = (map.Find(nameKey) ?? map.Find(Type)) as ConfigScalar ?? throw map.Error($"{key} has no {nameKey}: give it {needed}");
        var variant = variants.FirstOrDefault(variant => variant.Name == named.Text) ?? throw named.Mistyped($"{nameKey} of {key}", needed);
        return variant.Read(new ConfigMap(map.Origin, [.. map.Entries.Where(entry => entry.Key is not ClassName && entry.Key != Type)]));
    }

    private static YamlMappingNode WriteVariant<TBase>(IReadOnlyList<Variant<TBase>> variants, string nameKey, TBase value)
        where TBase : notnull
    {
        var variant = variants.First(variant => variant.Is(value));
        var map = new YamlMappingNode { { nameKey, variant.Name } };
        foreach (var (key, node) in variant.Write(value).Children) map.Add(key, node);
        return map;
    }

    private enum PgdScope
    {
        SharedAcrossBatch,
        UniquePerDatapoint,
    }

    private enum SourceSchedule
    {
        Constant,
        Cosine,
    }

    /// <summary>One of several records that a mapping can stand for, by its name.</summary>
    private sealed record Variant<TBase>(string Name, Func<ConfigMap, TBase> Read, Func<TBase, YamlMappingNode> Write, Func<TBase, bool> Is)
    {
        public static Variant<TBase> Of<T>(string name, T start, KeyTable<T> keys, Func<TBase, bool>? isIt = null)
            where T : TBase => new(name, map => keys.Bind(start, map, []), value => keys.Write((T)value!), isIt ?? (value => value is T));
    }
}
