using Spd.Fuzz;

namespace Spd.Runs.Tests;

/// <summary>The first mutants of every kind of file, which tests/Spd.Fuzz reads by the million: each is read, or refused with a sentence.</summary>
public sealed class FuzzTests
{
    private const ulong Seed = 1;

    public static TheoryData<string> Kinds => [.. FuzzKind.All.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EveryMutantIsReadOrRefusedWithASentence(string name)
    {
        using var kind = FuzzKind.All[name]();
        foreach (var sample in kind.Corpus.Where(sample => !sample.Name.StartsWith("refused", StringComparison.Ordinal)))
        {
            var trial = Trial.Of(kind, sample, isAlone: false);
            Assert.True(trial.Outcome == Outcome.Accepted, $"{sample.Name}, a good file: {trial.What}");
        }

        var seen = new Dictionary<Outcome, int>();
        for (int number = 0; number < MutantsOf(name); number++)
        {
            var trial = Trial.Of(kind, kind.Mutate(new Mutator(Seed, name, number)), isAlone: false);
            Assert.True(trial.Outcome != Outcome.Finding, $"--replay {Seed}:{name}:{number}: {trial.What}\n{trial.Exception}");
            seen[trial.Outcome] = seen.GetValueOrDefault(trial.Outcome) + 1;
        }

        // Mutants of which none is read, or all are, do not try a reader.
        Assert.True(seen.ContainsKey(Outcome.Accepted));
        Assert.Equal(name != "metrics", seen.ContainsKey(Outcome.Refused));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void AMutantCanBeMadeAgainByItsNumber(string name)
    {
        using var kind = FuzzKind.All[name]();
        using var other = FuzzKind.All[name]();
        for (int number = 0; number < 20; number++)
        {
            var (sample, again) = (kind.Mutate(new Mutator(Seed, name, number)), other.Mutate(new Mutator(Seed, name, number)));
            Assert.Equal(sample.Name, again.Name);
            Assert.Equal(sample.Bytes, again.Bytes);
        }
    }

    [Fact]
    public void WhatIsNotDocumentedIsFoundAndSoIsABadSentence()
    {
        Assert.Equal(Outcome.Accepted, Outcomes(null));
        Assert.Equal(Outcome.Refused, Outcomes(new FormatException("it is no file of ours")));
        Assert.Equal(Outcome.Finding, Outcomes(new FormatException("it holds \u001b[31m")));
        Assert.Equal(Outcome.Finding, Outcomes(new FormatException("two\nlines")));
        Assert.Equal(Outcome.Finding, Outcomes(new FormatException("a file could not be read: it holds no numbers")));
        Assert.Equal(Outcome.Finding, Outcomes(new FormatException(new string('a', 10_000))));
        Assert.Equal(Outcome.Finding, Outcomes(new InvalidOperationException("an empty sequence")));
        Assert.Equal(Outcome.Finding, Outcomes(null, allocated: 10 << 20));

        static Outcome Outcomes(Exception? thrown, int allocated = 0)
        {
            using var kind = new Throwing(thrown, allocated);
            return Trial.Of(kind, kind.Corpus[0], isAlone: false).Outcome;
        }
    }

    // A folder of a run takes some hundredths of a second, a file of weights as many thousandths.
    private static int MutantsOf(string name) => name switch { "run" => 30, "parquet" or "set" or "yaml" or "metrics" or "checkpoint" => 300, _ => 1000 };

    private sealed class Throwing(Exception? thrown, int allocated) : FuzzKind("throwing")
    {
        private byte[] _bytes = [];

        protected override IReadOnlyList<byte[]> Words => [];

        public override bool IsRefusal(Exception exception) => exception is FormatException;

        protected override IEnumerable<Sample> MakeCorpus() => [new("a", [1])];

        protected override void Read(string path)
        {
            _bytes = new byte[allocated];
            if (thrown is not null) throw thrown;
        }
    }
}
