using System.Text.Json;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Transformers;

namespace Spd.Cli;

/// <summary>A language model, as <c>spd inspect --json</c> writes it.</summary>
/// <param name="Folder">The path, as it was given.</param>
/// <param name="Architecture">The <c>model_type</c> of its configuration.</param>
/// <param name="Weights">Numbers of all its parameters.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Width">Features of the residual stream.</param>
/// <param name="Heads">Heads of a block.</param>
/// <param name="KeyHeads">Heads of keys and values.</param>
/// <param name="HeadWidth">Features of a head.</param>
/// <param name="Vocabulary">Tokens.</param>
/// <param name="Context">Tokens of the longest sequence.</param>
/// <param name="IsTied">Whether the matrix of the head is that of the embedding.</param>
/// <param name="Tokenizer">The tokenizer beside it; null where there is none that can be read.</param>
/// <param name="LinearMaps">The linear maps, in their order.</param>
/// <param name="Notes">What else is to be said, a sentence each.</param>
internal sealed record InspectedModel(
    string Folder, string Architecture, long Weights, int Layers, int Width, int Heads, int KeyHeads, int HeadWidth, int Vocabulary, int Context, bool IsTied,
    InspectedTokenizer? Tokenizer, IReadOnlyList<InspectedMap> LinearMaps, IReadOnlyList<string> Notes)
{
    /// <summary>Loads a model, as a run would, and shows what it is.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="isJson">Whether as JSON.</param>
    /// <returns>The exit code.</returns>
    public static int Show(string folder, bool isJson)
    {
        var model = Of(folder);
        if (isJson) Console.WriteLine(JsonSerializer.Serialize(model, InspectJson.Default.InspectedModel));
        else model.Write();
        return CommandLine.Success;
    }

    private static InspectedModel Of(string folder)
    {
        var network = TransformerFiles.Load(folder);
        string architecture = JsonFile.ReadObject(Path.Combine(folder, TransformerFiles.ConfigName)).GetProperty("model_type").GetString()!;
        var (attention, notes) = (network.Blocks[0].Attention, new List<string>());
        int heads = attention.Options.Heads;
        return new InspectedModel(
            folder, architecture, network.NamedParameters().Sum(entry => (long)entry.Parameter.Count), network.Blocks.Count, network.Embedding.Outputs, heads,
            attention.Options.KeyHeads ?? heads, attention.Output.Inputs / heads, network.VocabularySize, network.ContextLength, network.Head.IsTied,
            TokenizerOf(folder, network, notes), [.. network.LinearMaps().Select(map => new InspectedMap(map.Path, [map.Linear.Outputs, map.Linear.Inputs]))], notes);
    }

    private static InspectedTokenizer? TokenizerOf(string folder, Transformer network, List<string> notes)
    {
        if (Text.Tokenizer.Find(folder, network.VocabularySize) is not { } file)
        {
            notes.Add("No tokenizer lies beside the model.");
            return null;
        }

        try
        {
            var tokenizer = Text.Tokenizer.Load(file);
            return new InspectedTokenizer(file, tokenizer.Format, tokenizer.VocabularySize);
        }
        catch (FileContentException exception)
        {
            notes.Add(exception.Message);
            return null;
        }
    }

    private void Write()
    {
        Screen.WriteLine($"{Folder}: {Architecture}, {Screen.Whole(Weights)} weights");
        var sizes = new Sheet(new(""), new("") { Wraps = true });
        foreach (var (what, number) in new[]
        {
            ("layers", Screen.Whole(Layers)), ("width", Screen.Whole(Width)), ("heads", $"{Screen.Whole(Heads)} of width {Screen.Whole(HeadWidth)}{(KeyHeads == Heads ? "" : $", {Screen.Whole(KeyHeads)} of keys and values")}"),
            ("vocabulary", Screen.Whole(Vocabulary)), ("context", Screen.Whole(Context)), ("embedding and head", IsTied ? "tied" : "a matrix each"),
            ("tokenizer", Tokenizer is null ? "none" : $"{Tokenizer.Format}, {Screen.Whole(Tokenizer.Tokens)} tokens: {Tokenizer.File}"),
        })
            sizes.Add(what, number);
        Screen.Write(sizes);
        var maps = new Sheet(new("linear map"), new("outputs, inputs"));
        foreach (var map in LinearMaps.Take(InspectCommand.MostRows)) maps.Add(map.Name, $"[{string.Join(", ", map.Shape)}]");
        Screen.Write(maps);
        if (LinearMaps.Count > InspectCommand.MostRows) Screen.WriteLine($"… and {Screen.Whole(LinearMaps.Count - InspectCommand.MostRows)} more; --json lists all.");
        foreach (string note in Notes) Screen.WriteLine(note);
    }
}

/// <summary>A tokenizer.</summary>
/// <param name="File">Its path.</param>
/// <param name="Format">What it is, in words.</param>
/// <param name="Tokens">One more than its highest id.</param>
internal sealed record InspectedTokenizer(string File, string Format, int Tokens);

/// <summary>A linear map, which can be decomposed.</summary>
/// <param name="Name">Its name, by which configurations name it.</param>
/// <param name="Shape">Outputs and inputs.</param>
internal sealed record InspectedMap(string Name, IReadOnlyList<int> Shape);
