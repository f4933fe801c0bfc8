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
    StepTimings.Print(Console.Out, args.ElementAtOrDefault(1) ?? "");
    return;
}

Speed speed = new();
ManualConfig config = ManualConfig.Create(DefaultConfig.Instance)
    .AddColumn(new SpeedColumn(speed))
    .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(60));
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
Console.WriteLine(speed);
