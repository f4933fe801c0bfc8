using Spd.Formats;

namespace Spd.Text.Tests;

public sealed class TokenSequencesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TokenCache _cache;

    // The id at a place is the place: 1 003 of them, so that three are left over.
    public TokenSequencesTests()
    {
        File.WriteAllText(_folder["a.txt"], "x");
        _cache = TokenCache.OpenOrBuild(_folder["tokens.bin"], [_folder["a.txt"]], null, new DocumentEncoder("places", 2000, _ => [.. Enumerable.Range(0, 1003)]));
    }

    public void Dispose()
    {
        _cache.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void TrainingAndEvaluationAreDisjointAndTogetherEverything()
    {
        Assert.Equal(100, TokenSequences.CountIn(_cache, 10));
        foreach (long heldOut in new[] { 0, 1, 25, 99 })
        {
            var (training, evaluation) = TokenSequences.Split(_cache, 10, heldOut, seed: 7);
            Assert.Equal((100 - heldOut, heldOut), (training.Count, evaluation.Count));
            int[] trained = Firsts(training), evaluated = Firsts(evaluation);
            Assert.Empty(trained.Intersect(evaluated));
            Assert.Equal(Enumerable.Range(0, 100).Select(i => 10 * i), trained.Concat(evaluated).Order());
        }

        Assert.NotEqual(Firsts(TokenSequences.Split(_cache, 10, 25, 7).Evaluation), Firsts(TokenSequences.Split(_cache, 10, 25, 8).Evaluation));
        Assert.Equal(Firsts(TokenSequences.Split(_cache, 10, 25, 7).Evaluation), Firsts(TokenSequences.Split(_cache, 10, 25, 7).Evaluation));
    }

    [Fact]
    public void ASequenceIsWhatStandsThere()
    {
        var training = TokenSequences.Split(_cache, 10, 10, 1).Training;
        int[] ids = new int[10];
        for (int sequence = 0; sequence < 8; sequence++)
        {
            training.Fill(3, 5, 8, sequence, ids);
            Assert.Equal(0, ids[0] % 10);
            Assert.Equal(Enumerable.Range(ids[0], 10), ids);
        }
    }

    [Fact]
    public void EachEpochHasEverySequenceOnceInAnOrderOfItsOwn()
    {
        // 90 sequences in batches of 7: batches go across the ends of epochs.
        var training = TokenSequences.Split(_cache, 10, 10, 1).Training;
        int[] drawn = [.. Enumerable.Range(0, 40).SelectMany(step => Batch(training, 3, step, 7))];
        int[] all = [.. Firsts(training).Order()];
        var epochs = drawn.Chunk(90).Take(3).ToList();
        Assert.All(epochs, epoch => Assert.Equal(all, epoch.Order()));
        Assert.NotEqual(epochs[0], epochs[1]);
        Assert.NotEqual(epochs[1], epochs[2]);
        Assert.NotEqual(all, epochs[0]);
        Assert.NotEqual(epochs[0], Enumerable.Range(0, 13).SelectMany(step => Batch(training, 4, step, 7)).Take(90));
    }

    [Fact]
    public void ARunGoesOnByItsStepAlone()
    {
        int[] whole = [.. Enumerable.Range(0, 30).SelectMany(step => Batch(TokenSequences.Split(_cache, 10, 10, 1).Training, 3, step, 7))];
        using var again = TokenCache.Open(_folder["tokens.bin"]);
        var training = TokenSequences.Split(again, 10, 10, 1).Training;
        Assert.Equal(whole[(17 * 7)..], Enumerable.Range(17, 13).SelectMany(step => Batch(training, 3, step, 7)));
        int[][] parallel = new int[30][];
        Parallel.For(0, 30, step => parallel[step] = Batch(training, 3, step, 7));
        Assert.Equal(whole, parallel.SelectMany(batch => batch));
    }

    // As another program computed them from the same description; a change of the order would change every run that is gone on with.
    [Fact]
    public void TheOrderStaysWhatItIs() =>
        Assert.Equal([753L, 823, 930, 110, 734, 196, 828, 685, 555, 54], Enumerable.Range(0, 10).Select(i => new Permutation(1000, 1, 0)[i]));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(1000)]
    [InlineData(4097)]
    public void APermutationHasEveryNumberOnce(int count)
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            var permutation = new Permutation(count, seed, seed % 3);
            Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), Enumerable.Range(0, count).Select(i => permutation[i]).Order());
        }
    }

    // Ten standard deviations of what is counted: a bias of the construction would be far beyond.
    [Theory]
    [InlineData(5)]
    [InlineData(12)]
    [InlineData(64)]
    public void EveryNumberIsAsLikelyAtEveryPlace(int count)
    {
        const int Seeds = 20_000;
        int[,] counts = new int[count, count];
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            var permutation = new Permutation(count, 11, seed);
            for (int place = 0; place < count; place++) counts[place, permutation[place]]++;
        }

        double expected = (double)Seeds / count, chi = counts.Cast<int>().Sum(seen => (seen - expected) * (seen - expected) / expected);
        int freedom = (count - 1) * (count - 1);
        Assert.InRange(chi, freedom - 10 * Math.Sqrt(2 * freedom), freedom + 10 * Math.Sqrt(2 * freedom));
    }

    [Fact]
    public void APermutationMayBeVast()
    {
        var permutation = new Permutation(long.MaxValue, 1, 2);
        Assert.Equal(1000, Enumerable.Range(0, 1000).Select(i => permutation[i]).Where(number => number is >= 0 and < long.MaxValue).Distinct().Count());
    }

    [Theory]
    [InlineData(1004, 0, "has 1003 tokens, fewer than one sequence of 1004: use more text, or shorter sequences")]
    [InlineData(10, 100, "has 100 sequences of 10 tokens; of these, 100 cannot be held out")]
    public void TooLittleTextIsToldOf(int length, long heldOut, string sentence) =>
        Assert.Contains(sentence, Assert.Throws<FileContentException>(() => TokenSequences.Split(_cache, length, heldOut, 1)).Message, StringComparison.Ordinal);

    [Fact]
    public void WhatIsNotThereIsNotRead()
    {
        var (training, evaluation) = TokenSequences.Split(_cache, 10, 0, 1);
        Assert.Throws<InvalidOperationException>(() => evaluation.Fill(1, 0, 1, 0, new int[10]));
        Assert.Throws<ArgumentOutOfRangeException>(() => training.Fill(1, 0, 4, 4, new int[10]));
        Assert.Throws<ArgumentOutOfRangeException>(() => training.Read(100, new int[10]));
        Assert.Throws<ArgumentOutOfRangeException>(() => training.Read(0, new int[9]));
    }

    private static int[] Firsts(TokenSequences sequences)
    {
        int[] ids = new int[sequences.Length], firsts = new int[sequences.Count];
        for (int i = 0; i < firsts.Length; i++)
        {
            sequences.Read(i, ids);
            firsts[i] = ids[0];
        }

        return firsts;
    }

    private static int[] Batch(TokenSequences sequences, ulong seed, long step, int batchSize)
    {
        int[] ids = new int[sequences.Length], firsts = new int[batchSize];
        for (int i = 0; i < batchSize; i++)
        {
            sequences.Fill(seed, step, batchSize, i, ids);
            firsts[i] = ids[0];
        }

        return firsts;
    }
}
