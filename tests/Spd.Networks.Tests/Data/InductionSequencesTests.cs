using Spd.Networks.Data;
using Spd.Networks.Transformers;

namespace Spd.Networks.Tests.Data;

/// <summary>The sequences of induction heads, <c>[BOS] T* S M T* S</c>.</summary>
public sealed class InductionSequencesTests
{
    private const int Vocabulary = 5, Length = 9, Induction = Vocabulary + 1, Count = 6000;

    private static readonly InductionConfig Config = new()
    {
        VocabSize = Vocabulary,
        SeqLen = Length,
        DModel = 4,
        NHeads = 1,
        NLayers = 2,
        FfFanout = 1,
        UseFf = false,
        UsePosEncoding = true,
        UseLayerNorm = false,
    };

    [Theory]
    [InlineData(null, 6)]
    [InlineData(6, 6)]
    [InlineData(4, 4)]
    [InlineData(2, 2)]
    public void TheAnswerFollowsAnInductionTokenAtEveryPlaceOfTheWindow(int? window, int last)
    {
        var data = new InductionSequences(Config, window);
        var places = new List<int>();
        var answers = new List<int>();
        foreach (float[] sequence in Draw(data, data))
        {
            int place = Array.IndexOf(sequence, Induction);
            Assert.Equal((InductionConfig.FirstToken, Induction), ((int)sequence[0], (int)sequence[^1]));
            Assert.Equal(2, sequence.Count(token => token == Induction));
            Assert.All(sequence.Where((token, i) => i > 0 && token != Induction), token => Assert.InRange(token, 1, Vocabulary));
            Assert.Equal(place + 1, data.SourceOf(sequence));
            places.Add(place);
            answers.Add((int)sequence[place + 1]);
        }

        Assert.Equal(answers, Draw(data, data.Labels).Select(labels => (int)Assert.Single(labels.Distinct())));
        AssertEven(places, Enumerable.Range(2, last - 1));
        AssertEven(answers, Enumerable.Range(1, Vocabulary));
    }

    [Fact]
    public void EverySequenceIsDrawnForItselfByASeed()
    {
        var data = new InductionSequences(Config);
        Assert.Equal(Draw(data, data), Draw(data, data));
        Assert.NotEqual(Draw(data, data), Draw(data, data, seed: 2));
        // The third of a step of four is the first of the sixth step of two.
        float[] whole = new float[Length], part = new float[Length];
        data.Fill(1, 2, 4, 2, whole);
        data.Fill(1, 5, 2, 0, part);
        Assert.Equal(whole, part);
        data.Fill(1, 1L << 31, 4, 2, part);
        Assert.NotEqual(whole, part);
        // Tokens beside M are even as well, M among them.
        AssertEven(Draw(data, data).Where(sequence => sequence[1] != Induction).Select(sequence => (int)sequence[1]), Enumerable.Range(1, Vocabulary));
        Assert.Contains(Draw(data, data), sequence => sequence[1] == sequence[data.SourceOf(sequence)]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void AWindowWithoutAPlaceIsRefused(int window) => Assert.Equal(
        $"prefix_window is {window}, but the first S of a sequence of 9 has a place from 2 to 6",
        Assert.Throws<ArgumentException>(() => new InductionSequences(Config, window)).Message);

    private static List<float[]> Draw(InductionSequences data, Spd.Engine.Operations.IExamples of, ulong seed = 1)
    {
        var drawn = new List<float[]>();
        for (int i = 0; i < Count; i++)
        {
            float[] values = new float[data.Length];
            of.Fill(seed, i / 100, 100, i % 100, values);
            drawn.Add(values);
        }

        return drawn;
    }

    private static void AssertEven(IEnumerable<int> drawn, IEnumerable<int> values)
    {
        var counts = drawn.CountBy(value => value).ToDictionary();
        Assert.Equal(values, counts.Keys.Order());
        double mean = counts.Values.Average();
        Assert.All(counts.Values, count => Assert.InRange(count, mean - 5 * Math.Sqrt(mean), mean + 5 * Math.Sqrt(mean)));
    }
}
