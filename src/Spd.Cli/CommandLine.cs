using System.CommandLine;
using System.CommandLine.Parsing;
using Spd.Decomposition;
using Spd.Formats;
using Spd.Networks.Training;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Cli;

/// <summary>The commands, and how what goes wrong is told: one sentence on standard error, exit code 2 for usage and 1 for failure.</summary>
internal static class CommandLine
{
    public const int Success = 0, Failure = 1, Usage = 2;

    /// <summary>Runs the program.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args)
    {
        Screen.Guard();
        var debug = new Option<bool>("--debug") { Description = "Show the stack trace of a failure.", Recursive = true };
        var root = new RootCommand(
            "Stochastic Parameter Decomposition: splits the weight matrices of a trained network "
            + "into the rank-one subcomponents that are its mechanisms (arXiv 2506.20790).")
        {
            debug, ListCommand.Create(), RunCommand.Create(), PlanCommand.Create(), InitCommand.Create(), ResumeCommand.Create(), PaperCommand.Create(), SweepCommand.Create(),
            EvalCommand.CreateEval(), EvalCommand.CreateReport(), ActivationsCommand.Create(), AblateCommand.Create(), RunsCommand.Create(), CompareCommand.Create(),
            ExchangeCommands.CreateImport(), ExchangeCommands.CreateExport(), InspectCommand.Create(), PretrainCommand.Create(), SampleCommand.Create(),
            CacheCommand.Create(), CompletionCommand.Create(),
        };
        ParseResult? parsed = null;
        try
        {
            // Names may begin with @, which would otherwise be files whose lines become arguments.
            parsed = root.Parse(AsOptions(args), new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (Misunderstood(parsed) is { } misunderstood)
            {
                string command = parsed.CommandResult.Command is RootCommand ? "" : $"{parsed.CommandResult.Command.Name} ";
                Screen.Complain($"{misunderstood.TrimEnd('.')}; `spd {command}--help` shows the usage");
                return Usage;
            }

            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (OperationCanceledException)
        {
            Screen.Complain("stopped before the target was trained; the same command goes on with its training");
            return Interruption.ExitCode;
        }
        catch (Exception exception)
        {
            if (parsed?.GetValue(debug) == true) Console.Error.WriteLine(exception.ToString());
            else Screen.Complain(Sentence(exception));
            return exception is ConfigException or RunFolderException or SiteSelectionException ? Usage : Failure;
        }
    }

    /// <summary>The arguments, with the words for help and version that people try first.</summary>
    private static string[] AsOptions(string[] args) => args switch
    {
        [] => ["--help"],
        ["help", .. var command] => [.. command, "--help"],
        ["version"] or ["-V"] => ["--version"],
        _ => args,
    };

    /// <summary>What of the arguments is no command, option or value of this program; null where all is.</summary>
    private static string? Misunderstood(ParseResult parsed)
    {
        // What a shell asks in order to complete a line, which follows.
        if (parsed.Tokens is [{ Type: TokenType.Directive }, ..]) return null;
        var command = parsed.CommandResult.Command;
        if (command is RootCommand && parsed.UnmatchedTokens is [var word, ..])
            return $"there is no command '{word}'{Nearest(word, command.Subcommands.Select(other => other.Name))}";
        // Nobody names an experiment or a folder so, but an option is easily misspelt.
        var values = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens);
        string? option = parsed.UnmatchedTokens.Concat(values.Select(value => value.Value)).FirstOrDefault(value => value.StartsWith("--", StringComparison.Ordinal));
        return option is not null
            ? $"there is no option '{option}'{Nearest(option[2..], command.Options.Where(other => !other.Hidden).Select(other => other.Name[2..]), "--")}"
            : parsed.Errors.Count > 0 ? parsed.Errors[0].Message : null;

        static string Nearest(string name, IEnumerable<string> names, string mark = "") =>
            NearestNames.To(name, names) is [_, ..] near ? $"; nearest: {string.Join(", ", near.Select(other => mark + other))}" : "";
    }

    private static string Sentence(Exception exception) => exception switch
    {
        ConfigException or RunFolderException or SiteSelectionException or TargetException or TrainingException or NonFiniteLossException =>
            exception.Message,
        InvalidDataException => exception.Message,
        // A file that was read, but is not what is needed.
        FileContentException or HubException => exception.Message,
        OutputException => $"what there is to show could not be written to the output: {exception.Message}",
        IOException or UnauthorizedAccessException => $"a file could not be written or read: {exception.Message}",
        // .NET puts the name of a parameter, and on another line its value, behind the sentence.
        ArgumentException { ParamName: { } name } => exception.Message.Split($" (Parameter '{name}')")[0],
        PlatformNotSupportedException or ArgumentException => exception.Message,
        OutOfMemoryException or OverflowException => "there is not enough memory for this run; a smaller batch_size or C needs less",
        _ => $"something went wrong that should not have ({exception.GetType().Name}: {exception.Message}); "
            + "run again with --debug for the details, and please report it",
    };
}
