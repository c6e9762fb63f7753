package dev.podflare.image;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/**
 * Runs the external commands of one build, one at a time, each with a deadline and its output in
 * the build's log.
 *
 * <p>A command lives in namespaces of its own for mounts and processes, and dies with the daemon:
 * so no mount and no process outlives a build, whatever ends it. Should one slip through (the
 * daemon died before the command asked to die with it), the next clean-up finds it by the mark in
 * its environment.
 */
final class Commands {
  /** Environment variable whose value is the folder of the build. */
  static final String MARK = "PODFLARE_BUILD";

  private static final DataSize MAX_LOG = DataSize.ofMebibytes(64);
  private static final int TAIL_BYTES = 4096;
  private static final int TAIL_LINES = 15;

  private final Path log;
  private final Path keptLog;
  private final Path folder;

  /**
   * @param folder of the build, the mark of its processes
   * @param keptLog where the log is found after a failure
   */
  Commands(Path folder, Path log, Path keptLog) {
    this.folder = folder;
    this.log = log;
    this.keptLog = keptLog;
  }

  /**
   * One command.
   *
   * @param step name for messages
   * @param environment besides PATH, HOME and LANG, which are set
   * @param input standard input
   */
  record Command(
      String step,
      Duration deadline,
      List<String> arguments,
      Map<String, String> environment,
      String input) {
    Command(String step, Duration deadline, List<String> arguments) {
      this(step, deadline, arguments, Map.of(), "");
    }
  }

  /** Returns when the command ended with code 0; fails with {@code BUILD_FAILED} otherwise. */
  void run(Command command) {
    FutureTask<String> task = new FutureTask<>(() -> execute(command));
    // The kernel ties "dies with its parent" to the parent's thread, and carriers of virtual
    // threads come and go: this thread lives exactly as long as the command.
    Thread thread = Thread.ofPlatform().daemon().name("build-command").start(task);
    try {
      String failure = task.get();
      if (!failure.isEmpty()) {
        throw new PodflareException(ErrorCode.BUILD_FAILED, failure);
      }
    } catch (InterruptedException e) {
      thread.interrupt();
      Thread.currentThread().interrupt();
      throw new PodflareException(
          ErrorCode.BUILD_FAILED, "The build was interrupted in step '" + command.step + "'.", e);
    } catch (ExecutionException e) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED,
          "Step '" + command.step + "' could not run: " + e.getCause(),
          e.getCause());
    }
  }

  private String execute(Command command) throws IOException, InterruptedException {
    long begin = writeHeader(command);
    Process process = process(command).start();
    try {
      try (var stdin = process.getOutputStream()) {
        stdin.write(command.input.getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        // It ended without reading: its exit code tells more.
      }
      return await(process, command, begin);
    } finally {
      process.destroyForcibly();
    }
  }

  private String await(Process process, Command command, long begin)
      throws IOException, InterruptedException {
    long end = System.nanoTime() + command.deadline.toNanos();
    while (!process.waitFor(500, TimeUnit.MILLISECONDS)) {
      if (System.nanoTime() > end) {
        return failure(command, "took longer than " + command.deadline.toSeconds() + " s", begin);
      }
      if (Files.size(log) > MAX_LOG.bytes()) {
        return failure(command, "printed more than " + MAX_LOG, begin);
      }
    }
    int code = process.exitValue();
    return code == 0 ? "" : failure(command, "ended with exit code " + code, begin);
  }

  private ProcessBuilder process(Command command) {
    List<String> all =
        new ArrayList<>(
            List.of(
                HostPackages.program("setpriv").toString(),
                "--pdeathsig",
                "KILL",
                "--",
                HostPackages.program("unshare").toString(),
                "--mount",
                "--pid",
                "--fork",
                "--kill-child=KILL",
                "--mount-proc",
                "--"));
    all.add(HostPackages.program(command.arguments.getFirst()).toString());
    all.addAll(command.arguments.subList(1, command.arguments.size()));
    ProcessBuilder builder = new ProcessBuilder(all);
    Map<String, String> environment = builder.environment();
    environment.clear();
    environment.put("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    environment.put("HOME", "/root");
    environment.put("LANG", "C.UTF-8");
    environment.putAll(command.environment);
    environment.put(MARK, folder.toString());
    return builder
        .directory(folder.toFile())
        .redirectErrorStream(true)
        .redirectOutput(Redirect.appendTo(log.toFile()));
  }

  private long writeHeader(Command command) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "rw")) {
      file.seek(file.length());
      file.write(("== " + command.step + "\n").getBytes(StandardCharsets.UTF_8));
      return file.length();
    }
  }

  private String failure(Command command, String what, long begin) throws IOException {
    String output = output(begin);
    String tail = "\n  " + String.join("\n  ", lastLines(output));
    return "Step '"
        + command.step
        + "' "
        + what
        + "."
        + BuildHints.of(output)
        + " Log: "
        + keptLog
        + ", which ends:"
        + tail;
  }

  private String output(long begin) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "r")) {
      long from = Math.max(begin, file.length() - TAIL_BYTES);
      file.seek(from);
      byte[] bytes = new byte[Math.toIntExact(Math.max(0, file.length() - from))];
      file.readFully(bytes);
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  private static List<String> lastLines(String output) {
    List<String> lines = output.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
    return lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size());
  }
}
