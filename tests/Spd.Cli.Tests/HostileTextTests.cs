using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Spd.Cli.Tests;

/// <summary>
/// Names, keys and values of files and folders that would colour the screen, forge a line, turn the direction of writing, break a table, run in a page, or
/// fill the screen: through every way by which such a text comes to what the program prints.
/// </summary>
public sealed class HostileTextTests : IDisposable
{
    // What a name of a file may hold; the others also have a slash, and are long.
    private const string Name = "\u001b[31mred\u001b]0;title\a\u009b2J\u202eright\u2066to\u2028left\r\nspd: all is well\t[red]x[[/] [bad <script>alert(1)<script>";

    private static readonly string Text = Name + "</script>\0" + new string('x', 200_000);

    private static readonly string[] Short = ["--steps", "20", "--set", "target.train.steps=500", "--set", "n_eval_steps=1", "--set", "print_freq=5", "--set", "save_freq=5"];

    private readonly SpdProgram _spd = new();

    public void Dispose() => _spd.Dispose();

    [Fact]
    public void NamesOfTensorsAreHarmless()
    {
        WriteTensor("weights.safetensors", Text, [2, 2]);
        File.WriteAllText(_spd.PathTo("mine.yaml"), """
            C: 4
            n_ci_mlp_neurons: 4
            target_module_patterns: [layers.*]
            stochastic_recon_coeff: 1.0
            lr: 0.001
            steps: 10
            batch_size: 4
            task_config: {task_name: mlp}
            target:
              load: weights.safetensors
              mlp: {layer_sizes: [2, 2], activation: relu, weights: [w], biases: null, weight_layout: out_in}
              data: {inputs: inputs.npy, labels: null}
            """);
        WriteInputs();
        IsHarmless(2, "run", "mine.yaml", "--out", "a");
        IsHarmless(2, "run", "tms_5-2", "--set", "target={load: weights.safetensors}", "--out", "b");
        IsHarmless(0, "inspect", "weights.safetensors");
        IsHarmless(0, "inspect", "weights.safetensors", "--json");
    }

    [Fact]
    public void KeysAndValuesOfConfigurationsAreHarmless()
    {
        string quoted = JsonSerializer.Serialize(Text);
        foreach (string yaml in new[]
        {
            $"{quoted}: 1", $"C: {quoted}", $"name: {quoted}", $"description: {quoted}\nseed: x", $"output_loss_type: {quoted}", $"target_module_patterns: [{quoted}]",
            $"task_config: {{task_name: {quoted}}}", $"target: {{load: {quoted.Replace("\\u0000", "")}}}", $"? [{quoted}]\n: 1", $"C: !<{quoted}> 1", $"C: *{quoted}",
        })
        {
            File.WriteAllText(_spd.PathTo("c.yaml"), yaml);
            IsHarmless(2, "run", "c.yaml", "--out", "a");
        }
    }

    [Fact]
    public void ArgumentsAreHarmless()
    {
        string shortened = Text[..2000].Replace("\0", "", StringComparison.Ordinal);
        IsHarmless(2, "run", shortened);
        IsHarmless(2, "run", "tms_5-2", "--set", $"{shortened}=1");
        IsHarmless(2, "run", "tms_5-2", "--set", $"C={shortened}");
        IsHarmless(2, "run", "tms_5-2", "--seed", shortened);
        IsHarmless(2, "run", "tms_5-2", shortened);
        IsHarmless(2, shortened);
        IsHarmless(2, "paper", "--only", shortened);
        IsHarmless(2, "runs", "--sort", shortened);
        foreach (string command in new[] { "resume", "eval", "report" }) IsHarmless(2, command, shortened);
        IsHarmless(2, "sweep", "tms_5-2", "--grid", shortened);
        IsHarmless(2, "sweep", "tms_5-2", "--grid", $"C={shortened}");
        IsHarmless(2, "ablate", shortened, "--off", "linear1:1");
        IsHarmless(2, "ablate", "a", "--off", shortened);
        IsHarmless(2, "compare", shortened, shortened);
    }

    [Fact]
    public void ANameThatBeginsWithAnAtSignIsANameAndNoFileOfArguments()
    {
        File.WriteAllText(_spd.PathTo("words"), "runs\n.\n");
        Assert.Contains("'@words'", _spd.Run("run", "@words").Error, StringComparison.Ordinal);
        Assert.Equal(2, _spd.Run("@words").ExitCode);
        Assert.Equal((2, "", "spd: there is no run folder '@.'\n"), _spd.Run("eval", "@."));
    }

    [Fact]
    public void NamesOfFoldersAreHarmless()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Windows has no such names of folders");
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "a", "--quiet", .. Short]).ExitCode);
        IsHarmless(0, ["run", "tms_5-2", "--out", Name, .. Short]);
        IsHarmless(0, "runs", ".");
        IsHarmless(0, "runs", ".", "--json");
        IsHarmless(0, "eval", Name);
        IsHarmless(0, "report", Name);
        IsHarmless(0, "resume", Name);
        IsHarmless(0, "compare", Name, "a");
        IsHarmless(0, "compare", Name, "a", "--json");
        IsHarmless(0, "ablate", Name, "--off", "linear1:1");
        IsHarmless(0, "export", Name, "--format", "spd-paper");
        File.WriteAllText(_spd.PathTo(Name, "config.yaml"), "C: [");
        IsHarmless(2, "resume", Name);
        IsHarmless(0, "runs", ".");
    }

    [Fact]
    public void SummariesOfOtherRunsAreHarmless()
    {
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "a", "--quiet", .. Short]).ExitCode);
        string path = _spd.PathTo("a", "summary.json");
        string good = File.ReadAllText(path);
        foreach (string key in new[] { "experiment", "status", "seed", "steps", "wall_seconds", "error", "version", "losses", "metrics", Text })
        {
            var summary = JsonNode.Parse(good)!.AsObject();
            summary[key] = summary[key] is JsonObject ? new JsonObject { [Text] = 1, ["total"] = Text } : Text;
            File.WriteAllText(path, summary.ToJsonString());
            foreach (string[] command in new[] { ["runs", "."], ["runs", ".", "--json"], new[] { "compare", "a", "a" } }) IsHarmless(null, command);
        }

        // So large a number that it would have hundreds of digits.
        var large = JsonNode.Parse(good)!.AsObject();
        large["wall_seconds"] = 1e300;
        large["steps"] = 1e300;
        File.WriteAllText(path, large.ToJsonString());
        Assert.DoesNotContain(new string('0', 30), IsHarmless(0, "runs", "."), StringComparison.Ordinal);
    }

    [Fact]
    public void KeysOfALogAreHarmlessOnATerminalToo()
    {
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "a", "--quiet", .. Short]).ExitCode);
        string log = _spd.PathTo("a", "metrics.jsonl");
        string name = Text[..2000];
        File.WriteAllText(log, File.ReadAllText(log).Replace("\"linear1\"", JsonSerializer.Serialize(name), StringComparison.Ordinal));
        File.Delete(_spd.PathTo("a", "summary.json"));
        File.Delete(_spd.PathTo("a", "checkpoints", "step-00000020.safetensors"));
        IsHarmless(null, "report", "a");
        if (File.Exists("/usr/bin/script"))
        {
            // A pseudo-terminal, on which the panel is shown with its own codes.
            using var process = _spd.StartProgram("script", "-qec", $"{_spd.Command} resume a", "/dev/null");
            string output = SpdProgram.Finish(process).Output;
            Assert.DoesNotContain("\u001b[31m", output, StringComparison.Ordinal);
            Assert.DoesNotContain("\u001b]0;", output, StringComparison.Ordinal);
            Assert.DoesNotContain('\u009b', output);
            Assert.DoesNotContain('\u202e', output);
            Assert.DoesNotContain("malformed", output, StringComparison.OrdinalIgnoreCase);
        }

        IsHarmless(null, "resume", "a");
        IsHarmless(null, "report", "a");
        string page = _spd.PathTo("a", "report.html");
        if (File.Exists(page)) Assert.DoesNotContain("<script>alert", File.ReadAllText(page), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatACheckpointSaysIsHarmless()
    {
        _spd.Kernels = "scalar";
        Assert.Equal(0, _spd.Run(["run", "tms_5-2", "--out", "a", "--quiet", .. Short]).ExitCode);
        File.Delete(_spd.PathTo("a", "summary.json"));
        foreach (string path in Directory.GetFiles(_spd.PathTo("a", "checkpoints")))
        {
            // As long as the name of the kernels; the checksum is made true again.
            string bytes = Encoding.Latin1.GetString(File.ReadAllBytes(path)).Replace("\"kernels\":\"scalar\"", "\"kernels\":\"\\u001b\"", StringComparison.Ordinal);
            Assert.Contains("\\u001b", bytes, StringComparison.Ordinal);
            int at = bytes.IndexOf("\"sha256\":\"", StringComparison.Ordinal) + "\"sha256\":\"".Length;
            byte[] changed = Encoding.Latin1.GetBytes(string.Concat(bytes.AsSpan(0, at), new string('0', 64), bytes.AsSpan(at + 64)));
            Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(changed))).CopyTo(changed, at);
            File.WriteAllBytes(path, changed);
        }

        _spd.Kernels = "vector256";
        Assert.Contains("were taken with", IsHarmless(null, "resume", "a"), StringComparison.Ordinal);
    }

    /// <summary>Runs the program: nothing that it prints is a control character, or a line that a file made, or without end.</summary>
    private string IsHarmless(int? code, params string[] arguments)
    {
        var (actual, output, error) = _spd.Run(arguments);
        string shown = string.Join(' ', arguments);
        string what = $"spd {(shown.Length > 200 ? shown[..200] : shown)} ended with {actual}: {(error.Length > 1000 ? error[..1000] : error)}";
        Assert.True(code is null || actual == code, what);
        Assert.True(actual is 0 or 1 or 2, what);
        foreach (string text in new[] { output, error })
        {
            Assert.DoesNotContain(text, letter => letter != '\n' && IsControl(letter));
            Assert.DoesNotContain("\nspd: all is well", text, StringComparison.Ordinal);
            Assert.DoesNotContain("Unhandled exception", text, StringComparison.Ordinal);
            Assert.False(text.Contains("something went wrong", StringComparison.Ordinal), what);
        }

        Assert.True(error.Length < 20_000, what);
        Assert.True(arguments.Contains("--json") || output.Length < 200_000, what);
        return output;
    }

    private static bool IsControl(char letter) => char.GetUnicodeCategory(letter)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private void WriteTensor(string file, string name, int[] shape)
    {
        var tensor = new { dtype = "F32", shape, data_offsets = new[] { 0, 4 * shape.Aggregate(1, (product, length) => product * length) } };
        byte[] header = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object> { [name] = tensor });
        byte[] bytes = new byte[8 + header.Length + 16];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, header.Length);
        header.CopyTo(bytes, 8);
        File.WriteAllBytes(_spd.PathTo(file), bytes);
    }

    private void WriteInputs()
    {
        byte[] header = Encoding.ASCII.GetBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (8, 2), }".PadRight(117) + "\n");
        File.WriteAllBytes(_spd.PathTo("inputs.npy"), [0x93, .. "NUMPY\x01\x00"u8, (byte)header.Length, 0, .. header, .. new byte[64]]);
    }
}
