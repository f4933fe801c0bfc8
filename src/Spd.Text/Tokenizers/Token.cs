namespace Spd.Text;

/// <summary>A token of a text, and where in the text it stands.</summary>
/// <param name="Id">Its number in the vocabulary.</param>
/// <param name="Start">
/// Where its part of the text starts, counted in Unicode code points, as the Hugging Face tokenizers library counts for Python: a letter outside the basic
/// plane is one, though a .NET string holds two characters of it. A token of some of the bytes of a letter has the place of the whole letter.
/// </param>
/// <param name="End">Where that part ends; as <paramref name="Start"/>, and 0 both, for a token that the tokenizer puts before or after a text.</param>
public readonly record struct Token(int Id, int Start, int End);
