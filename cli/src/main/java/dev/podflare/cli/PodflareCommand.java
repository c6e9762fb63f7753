package dev.podflare.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The verbs. */
@Command(
    name = "podflare",
    mixinStandardHelpOptions = true,
    scope = picocli.CommandLine.ScopeType.INHERIT,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "VERB",
    description = "Disposable Linux microVMs for AI agents, on your own machine.",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:all went well",
      "2:something that you can mend: arguments, configuration, permission",
      "1:anything else; of run: the exit code of the code"
    },
    subcommands = {
      DemoCommand.class,
      TestCommand.class,
      ServeCommand.class,
      DoctorCommand.class,
      BenchCommand.class,
      TemplateCommand.class,
      RunCommand.class,
      ShellCommand.class,
      LsCommand.class,
      RmCommand.class,
      CopyCommand.class,
      CatCommand.class,
      FilesCommand.class,
      StartCommand.class,
      PsCommand.class,
      LogsCommand.class,
      KillCommand.class,
      ForkCommand.class,
      FanOutCommand.class,
      DiffCommand.class,
      MergeCommand.class,
      TreeCommand.class,
      PauseCommand.class,
      ResumeCommand.class,
      FreezeCommand.class,
      SpacesCommand.class,
      SnapshotCommand.class,
      SnapshotsCommand.class,
      GcCommand.class,
      RollbackCommand.class,
      UndoCommand.class,
      EventsCommand.class,
      WebhooksCommand.class,
      VolumeCommand.class,
      NetworkCommand.class,
      PortCommand.class,
      McpCommand.class,
      SelfTrainCommand.class,
      HelpCommand.class
    })
final class PodflareCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Which verb?");
  }
}
