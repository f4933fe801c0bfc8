namespace Spd.Formats;

/// <summary>A document, or a part of one that is too long to be handed on at once.</summary>
/// <param name="Text">The text, which is not empty.</param>
/// <param name="EndsDocument">Whether the document ends with it; the next part is then of another.</param>
public readonly record struct TextPart(string Text, bool EndsDocument);
