using System.Text;
using Spd.Formats;

namespace Spd.Text.Tests;

/// <summary>Tokenizer files of llama2.c.</summary>
public sealed class LlamaTokenizerFileTests
{
    [Fact]
    public void ThePromptOfTheModelIsCutAsItsProgramCutIt()
    {
        string[] lines = File.ReadAllLines(SharedFiles.Find("models/stories260K/stories260K_tokens.txt"));
        var tokenizer = Tokenizer.Load(SharedFiles.Find("models/stories260K/tok512.bin"));
        string prompt = lines[0]["prompt: ".Length..];
        int[] expected = [.. lines[1]["tokens: ".Length..].Split(' ').Select(int.Parse)];
        int[] ids = tokenizer.Encode(prompt, addSpecialTokens: true);
        Assert.Equal(expected, ids.Take(expected.Length));
        Assert.Equal(prompt, tokenizer.Decode(ids, skipSpecialTokens: true));
        Assert.Equal((512, 1, 2, "llama2.c tokenizer"), (tokenizer.VocabularySize, tokenizer.BeginningId, tokenizer.EndId, tokenizer.Format));
        Assert.Equal([1], tokenizer.Prepended);
    }

    [Fact]
    public void StoriesAreCutByTheScores()
    {
        string path = SharedFiles.Find("models/stories260K/tok512.bin");
        var (tokenizer, file) = (Tokenizer.Load(path), Read(path));
        foreach (string text in Stories.All().Take(60).Concat(SmallTokenizers.StrangeTexts(300)).Select(text => text.Replace("\0", "", StringComparison.Ordinal)))
        {
            int[] ids = tokenizer.Encode(text, addSpecialTokens: true);
            Assert.Equal(Cut(text, file), ids);
            Assert.Equal(text, tokenizer.Decode(ids, skipSpecialTokens: true));
        }
    }

    [Fact]
    public void RunsOfALetterAreCutFromTheLeft()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["t.bin"], Made("a", "aa", "aaa", "b", " ", "ab", "ba"));
        var (tokenizer, file) = (Tokenizer.Load(folder["t.bin"]), Read(folder["t.bin"]));
        var random = new Random(5);
        for (int i = 0; i < 300; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 14)).Select(_ => "aaab "[random.Next(5)]));
            Assert.Equal(Cut(text, file), tokenizer.Encode(text, addSpecialTokens: true));
        }
    }

    [Fact]
    public void DamagedFilesAreRefused()
    {
        byte[] good = Made("a", "b");
        Refuse(good[..^1], "it ends within token 260");
        Refuse(good[..^6], "it ends within token 260");
        Refuse(good[..1000], "it ends within token ");
        Refuse(Made(), "it has 259 tokens; after three special ones and 256 bytes there must be more");
        byte[] length = [.. good];
        BitConverter.TryWriteBytes(length.AsSpan(good.Length - 5), int.MaxValue);
        Refuse(length, "token 260 has a length of 2147483647 bytes; 1 to 65536 are read");
        byte[] score = [.. good];
        BitConverter.TryWriteBytes(score.AsSpan(good.Length - 9), float.NaN);
        Refuse(score, "token 260 has a score that is no number");
        byte[] text = [.. good];
        text[^1] = 0xFF;
        Refuse(text, "token 260 is no valid text");
        Refuse([1, 2, 3], "it is neither a tokenizer.json nor a tokenizer.bin of llama2.c");
        Refuse("version https://git-lfs.github.com/spec/v1\n"u8.ToArray(), "it only points to a file in Git LFS");

        static void Refuse(byte[] bytes, string message)
        {
            using var folder = new TemporaryFolder();
            File.WriteAllBytes(folder["t.bin"], bytes);
            var exception = Assert.Throws<FileContentException>(() => Tokenizer.Load(folder["t.bin"]));
            Assert.StartsWith($"'{folder["t.bin"]}' is no usable tokenizer: {message}", exception.Message);
        }
    }

    private static byte[] Made(params string[] tokens)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(7);
        string[] all = ["<unk>", "\n<s>\n", "\n</s>\n", .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"), .. tokens];
        for (int i = 0; i < all.Length; i++)
        {
            writer.Write(i < 259 ? 0f : 259f - i);
            writer.Write(Encoding.UTF8.GetByteCount(all[i]));
            writer.Write(Encoding.UTF8.GetBytes(all[i]));
        }

        return stream.ToArray();
    }

    private static List<(string Text, float Score)> Read(string path)
    {
        using var reader = new BinaryReader(File.OpenRead(path));
        reader.ReadInt32();
        var tokens = new List<(string, float)>();
        while (reader.BaseStream.Position < reader.BaseStream.Length)
        {
            float score = reader.ReadSingle();
            tokens.Add((Encoding.UTF8.GetString(reader.ReadBytes(reader.ReadInt32())), score));
        }

        return tokens;
    }

    /// <summary>As the program does it: again and again the pair is merged whose token has the highest score, the leftmost of equal ones.</summary>
    private static int[] Cut(string text, List<(string Text, float Score)> file)
    {
        var ids = file.Select((token, id) => (token.Text, id)).GroupBy(token => token.Text).ToDictionary(group => group.Key, group => group.First().id);
        var tokens = new List<int>();
        if (text.Length > 0) text = $" {text}";
        foreach (var letter in text.EnumerateRunes())
        {
            if (ids.TryGetValue(letter.ToString(), out int id)) tokens.Add(id);
            else tokens.AddRange(Encoding.UTF8.GetBytes(letter.ToString()).Select(value => value + 3));
        }

        while (true)
        {
            int best = -1, made = 0;
            float score = -1e10f;
            for (int i = 0; i + 1 < tokens.Count; i++)
            {
                if (ids.TryGetValue(file[tokens[i]].Text + file[tokens[i + 1]].Text, out int id) && file[id].Score > score) (best, made, score) = (i, id, file[id].Score);
            }

            if (best < 0) return [1, .. tokens];
            tokens[best] = made;
            tokens.RemoveAt(best + 1);
        }
    }
}
