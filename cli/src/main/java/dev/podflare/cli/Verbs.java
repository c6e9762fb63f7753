package dev.podflare.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

/**
 * The verbs, in the order of the help. Describing them all to picocli takes longer than the rest of
 * a start, so a call that names its verb gets this one alone. Stateless.
 */
final class Verbs {
  private static final Class<?>[] ALL = {
    DemoCommand.class,
    TestCommand.class,
    PackageCommand.class,
    ServeCommand.class,
    DoctorCommand.class,
    BenchCommand.class,
    TemplateCommand.class,
    RunCommand.class,
    ShellCommand.class,
    LsCommand.class,
    RmCommand.class,
    CopyCommand.class,
    SyncCommand.class,
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
    SecretCommand.class,
    PortCommand.class,
    McpCommand.class,
    SelfTrainCommand.class,
    HelpCommand.class,
  };

  private Verbs() {}

  /**
   * The verb that a call begins with; all of them, for the help and for mistakes, if it is none.
   */
  static List<Class<?>> of(String... arguments) {
    String first = arguments.length == 0 ? "" : arguments[0];
    return Arrays.stream(ALL)
        .filter(verb -> verb != HelpCommand.class && name(verb).equals(first))
        .findFirst()
        .<List<Class<?>>>map(List::of)
        .orElseGet(() -> List.of(ALL));
  }

  private static String name(Class<?> verb) {
    return Objects.requireNonNull(verb.getAnnotation(Command.class)).name();
  }
}
