using System.Globalization;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Spd.Bench;

if (args.Contains("--quick", StringComparer.Ordinal))
{
    QuickRun.Print(Console.Out);
    return;
}

if (args is ["--steps", ..])
{
    string filter = args.Length > 1 && !args[1].StartsWith('-') ? args[1] : "";
    StepTimings.Print(Console.Out, filter, Number("--threads"), Number("--seconds") ?? 8);
    return;
}

Speed speed = new();
ManualConfig config = ManualConfig.Create(DefaultConfig.Instance)
    .AddColumn(new SpeedColumn(speed))
    .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(60));
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
Console.WriteLine(speed);

int? Number(string option) => Array.IndexOf(args, option) is >= 0 and var at ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : null;
