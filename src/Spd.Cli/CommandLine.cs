using System.CommandLine;
using Spd.Decomposition;
using Spd.Networks.Training;
using Spd.Runs;
using Spd.Runs.Configuration;

namespace Spd.Cli;

/// <summary>The commands, and how what goes wrong is told: one sentence on standard error, exit code 2 for usage and 1 for failure.</summary>
internal static class CommandLine
{
    public const int Success = 0, Failure = 1, Usage = 2, Interrupted = 130;

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
            debug, ListCommand.Create(), RunCommand.Create(), ResumeCommand.Create(), PaperCommand.Create(),
            EvalCommand.CreateEval(), EvalCommand.CreateReport(), RunsCommand.Create(), CompareCommand.Create(),
            ExchangeCommands.CreateImport(), ExchangeCommands.CreateExport(),
        };
        ParseResult? parsed = null;
        try
        {
            // Names may begin with @, which would otherwise be files whose lines become arguments.
            parsed = root.Parse(args.Length == 0 ? ["--help"] : args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (parsed.Errors.Count > 0)
            {
                string command = parsed.CommandResult.Command is RootCommand ? "" : $"{parsed.CommandResult.Command.Name} ";
                Screen.Complain($"{parsed.Errors[0].Message.TrimEnd('.')}; `spd {command}--help` shows the usage");
                return Usage;
            }

            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (OperationCanceledException)
        {
            Screen.Complain("stopped before the target was trained; the same command goes on with its training");
            return Interrupted;
        }
        catch (Exception exception)
        {
            if (parsed?.GetValue(debug) == true) Console.Error.WriteLine(exception.ToString());
            else Screen.Complain(Sentence(exception));
            return exception is ConfigException or RunFolderException or SiteSelectionException ? Usage : Failure;
        }
    }

    private static string Sentence(Exception exception) => exception switch
    {
        ConfigException or RunFolderException or SiteSelectionException or TargetException or TrainingException or NonFiniteLossException =>
            exception.Message,
        InvalidDataException => exception.Message,
        IOException or UnauthorizedAccessException => $"a file could not be written or read: {exception.Message}",
        PlatformNotSupportedException or ArgumentException => exception.Message,
        OutOfMemoryException or OverflowException => "there is not enough memory for this run; a smaller batch_size or C needs less",
        _ => $"something went wrong that should not have ({exception.GetType().Name}: {exception.Message}); "
            + "run again with --debug for the details, and please report it",
    };
}
