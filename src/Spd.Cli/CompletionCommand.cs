using System.CommandLine;
using Spd.Runs.Configuration;

namespace Spd.Cli;

/// <summary><c>spd completion</c>: what a shell runs to complete commands, options and names of experiments, which it asks the program for.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _spd() {
            local IFS=$'\n'
            COMPREPLY=($(compgen -W "$("$1" "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)" -- "$2"))
        }
        complete -o default -F _spd spd
        """;

    private const string Zsh = """
        _spd() {
            local -a found
            found=("${(@f)$("$words[1]" "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)}")
            compadd -a found
            _files
        }
        compdef _spd spd
        """;

    private const string PowerShell = """
        Register-ArgumentCompleter -Native -CommandName spd -ScriptBlock {
            param($word, $line, $position)
            spd "[suggest:$position]" "$line" 2>$null | Where-Object { $_ -like "$word*" } |
                ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
        }
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or powershell.", HelpName = "shell" };
        shell.CompletionSources.Add("bash", "zsh", "powershell");
        var command = new Command(
            "completion",
            "Print a script that has a shell complete commands, options and experiments. For bash, add to ~/.bashrc: eval \"$(spd completion bash)\"; for zsh, to "
            + "~/.zshrc below compinit: eval \"$(spd completion zsh)\"; for PowerShell, to $PROFILE: spd completion powershell | Out-String | Invoke-Expression")
        {
            shell,
        };
        command.SetAction(result =>
        {
            Console.Out.WriteLine(result.GetValue(shell) switch
            {
                "bash" => Bash,
                "zsh" => Zsh,
                "powershell" => PowerShell,
                var other => throw new ConfigException($"the shell is '{other}', but one of bash, zsh and powershell is needed"),
            });
            return CommandLine.Success;
        });
        return command;
    }
}
