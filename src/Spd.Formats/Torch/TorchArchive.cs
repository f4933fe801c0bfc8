using System.Text;

namespace Spd.Formats;

/// <summary>A file of PyTorch 1.6 and later: a zip archive with a pickle, and an entry for the elements of each storage.</summary>
internal sealed class TorchArchive : ITorchElements
{
    /// <summary>How the name of the pickle ends.</summary>
    public const string PickleName = "data.pkl";

    private const int LargestPickle = 64 << 20, LargestByteOrder = 100;

    private readonly CheckedZip _zip;
    private readonly string _folder;
    private readonly bool _isBigEndian;

    private TorchArchive(CheckedZip zip, string folder)
    {
        (_zip, _folder) = (zip, folder);
        _isBigEndian = IsBigEndian($"{folder}byteorder");
    }

    public string Format => "PyTorch";

    public long FileLength => _zip.FileLength;

    /// <summary>Reads what an archive holds, which is disposed of with the reader.</summary>
    /// <exception cref="FormatException">It is a compiled model, holds no tensors or is damaged; a clause says what.</exception>
    public static TorchReader Open(CheckedZip zip)
    {
        var pickles = zip.Names.Where(IsPickle).ToList();
        if (pickles is not [string pickle]) throw new FormatException($"it has more than one {PickleName}");
        string folder = pickle[..^PickleName.Length];
        if (zip.Contains($"{folder}constants.pkl"))
            throw new FormatException("it holds a compiled model (TorchScript): save its weights with torch.save(model.state_dict(), path)");
        var archive = new TorchArchive(zip, folder);
        return new TorchReader(archive, Pickle.Read(archive.Stored(pickle, LargestPickle)));
    }

    /// <summary>Whether an entry of an archive is the pickle of its only folder, or of the archive itself.</summary>
    public static bool IsPickle(string entry) => entry == PickleName || (entry.EndsWith($"/{PickleName}", StringComparison.Ordinal) && entry.Count('/') == 1);

    public float[] Read(TorchStorage storage, NumberType type, long count)
    {
        string name = $"{_folder}data/{storage.Key}";
        CheckStored(name);
        if (count * type.Size() != _zip.Length(name))
        {
            throw new FormatException(
                $"its storage {Quoted.Of(name)} has {_zip.Length(name)} bytes, but {count} numbers of {type.Size()} bytes are asked for");
        }

        return _zip.Read(name, stream => Numbers.Read(stream, type, count, $"storage {Quoted.Of(name)}", _isBigEndian));
    }

    public void Dispose() => _zip.Dispose();

    private bool IsBigEndian(string name) => _zip.Contains(name) && Encoding.ASCII.GetString(Stored(name, LargestByteOrder)) switch
    {
        "little" => false,
        "big" => true,
        string other => throw new FormatException($"the order of its bytes is {Quoted.Of(other)}, neither 'little' nor 'big'"),
    };

    private byte[] Stored(string name, int limit)
    {
        CheckStored(name);
        return _zip.Bytes(name, limit);
    }

    /// <summary>PyTorch does not compress, so that what is read is never larger than the file.</summary>
    private void CheckStored(string name)
    {
        if (!_zip.Contains(name)) throw new FormatException($"its entry {Quoted.Of(name)} is missing");
        if (_zip.IsCompressed(name)) throw new FormatException("its entries are compressed, which PyTorch does not do: save it again with torch.save");
    }
}
