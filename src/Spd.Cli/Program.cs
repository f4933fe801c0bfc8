using Spd.Cli;

return CommandLine.Run(args);
