package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/**
 * {@code podflare serve} as a process of its own. The launcher gives it another collector and both
 * compilers, as the suites that are no Java have it. One thread.
 */
final class DaemonProcess implements AutoCloseable {
  static final int POOL = 1;
  private static final String LISTENING = "listening on ";
  private static final Path LIBRARIES = Path.of("..", "cli", "target", "dist", "lib");

  final Path data;
  final Process process;
  private final Path log;

  /**
   * What is run.
   *
   * @param libraries folder of the jars
   * @param templates folder of built templates
   */
  record Program(Path libraries, Path templates) {
    static Program today() {
      TestTemplates.minimal();
      return new Program(LIBRARIES, TestTemplates.folder());
    }

    /** The same on a host with other templates. */
    static Program today(Path templates) {
      return new Program(LIBRARIES, templates);
    }

    /**
     * A command line's beginning, up to the verb. Its JVM is one for a short life: the second
     * compiler takes more time of the processors than it saves.
     */
    List<String> java(String... flags) {
      assertThat(libraries).as("the jars that the launcher runs; build with mvn verify").exists();
      List<String> line = new ArrayList<>();
      line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      line.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
      line.addAll(List.of(flags));
      line.add("--enable-native-access=ALL-UNNAMED");
      line.add("--add-exports=java.base/sun.nio.ch=ALL-UNNAMED");
      line.addAll(List.of("-cp", libraries.toAbsolutePath().normalize() + "/*"));
      line.add("dev.podflare.cli.Main");
      return line;
    }
  }

  private DaemonProcess(Path data, Path log, Process process) {
    this.data = data;
    this.log = log;
    this.process = process;
  }

  /** Starts it and returns at once. */
  static DaemonProcess launch(Path data) throws IOException {
    return launch(data, List.of(), List.of(), Map.of());
  }

  /** Starts it with a configuration and more variables, and returns at once. */
  static DaemonProcess launch(Path data, String yaml, Map<String, String> environment)
      throws IOException {
    return launch(Program.today(), data, yaml, environment);
  }

  /** The same with the templates of another host, say. */
  static DaemonProcess launch(
      Program program, Path data, String yaml, Map<String, String> environment) throws IOException {
    Path config = Files.writeString(data.resolve("serve.yaml"), yaml);
    return launch(program, data, List.of(), List.of("--config", config.toString()), environment);
  }

  /**
   * Starts it with a test's internet as its own: in the namespace of that host. {@link
   * NamespaceDoor} leads to its listener.
   */
  static DaemonProcess start(Path data, TestInternet internet) throws IOException {
    return start(data, internet, Map.of());
  }

  /** The same with more variables. */
  static DaemonProcess start(Path data, TestInternet internet, Map<String, String> environment)
      throws IOException {
    return start(data, internet, environment, List.of());
  }

  /** The same at an address that all can reach who reach that host. */
  static DaemonProcess startPublic(Path data, TestInternet internet) throws IOException {
    return start(data, internet, Map.of(), List.of("--listen", TestInternet.HOST + ":0"));
  }

  private static DaemonProcess start(
      Path data, TestInternet internet, Map<String, String> environment, List<String> options)
      throws IOException {
    Path config = data.resolve("serve.yaml");
    Files.writeString(config, "network: {resolvers: [" + TestInternet.RESOLVER + "]}\n");
    List<String> all = new ArrayList<>(List.of("--config", config.toString()));
    all.addAll(options);
    return launch(
            data, List.of("nsenter", "--net=" + internet.hostNamespace(), "--"), all, environment)
        .listening();
  }

  /** Starts it with a configuration file and waits until it listens. */
  static DaemonProcess start(Path data, String yaml) throws IOException {
    return launch(data, yaml, Map.of()).listening();
  }

  private static DaemonProcess launch(
      Path data, List<String> before, List<String> options, Map<String, String> environment)
      throws IOException {
    return launch(Program.today(), data, before, options, environment);
  }

  private static DaemonProcess launch(
      Program program,
      Path data,
      List<String> before,
      List<String> options,
      Map<String, String> environment)
      throws IOException {
    Path log = Files.createTempFile("podflare-daemon", ".log");
    List<String> line = new ArrayList<>(before);
    line.addAll(program.java(DaemonCache.flags(program).toArray(String[]::new)));
    line.addAll(List.of("serve", "--data", data.toString()));
    if (!options.contains("--listen")) {
      line.addAll(List.of("--listen", "127.0.0.1:0"));
    }
    line.addAll(List.of("--templates", program.templates().toString()));
    line.addAll(List.of("--template", TestTemplates.NAME));
    line.addAll(List.of("--pool", "" + POOL, "--blanks", "" + POOL));
    line.addAll(options);
    ProcessBuilder builder =
        new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().putAll(environment);
    Process process = builder.start();
    return new DaemonProcess(data, log, process);
  }

  /** Starts it and waits until it listens. */
  static DaemonProcess start(Path data) throws IOException {
    return launch(data).listening();
  }

  /** One that leaves its sandboxes running when it is told to end. */
  static DaemonProcess startKeeping(Path data) throws IOException {
    return launch(data, List.of(), List.of("--on-stop", "keep"), Map.of()).listening();
  }

  /** Another program than that of this tree, with more options. */
  static DaemonProcess start(Program program, Path data, String... options) throws IOException {
    return launch(program, data, List.of(), List.of(options), Map.of()).listening();
  }

  /** Waits until it listens. */
  DaemonProcess listening() {
    assertThat(listens()).as(log()).isTrue();
    return this;
  }

  /** Waits until it listens or has ended, and says which. */
  boolean listens() {
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> address().isPresent() || !process.isAlive());
    return process.isAlive();
  }

  /** The command line's beginning, up to the verb. */
  static List<String> java(String... flags) {
    return new Program(LIBRARIES, TestTemplates.folder()).java(flags);
  }

  private Optional<URI> address() throws IOException {
    return Files.readAllLines(log).stream()
        .filter(text -> text.contains(LISTENING))
        .map(text -> URI.create(text.substring(text.indexOf(LISTENING) + LISTENING.length())))
        .findFirst();
  }

  URI uri() throws IOException {
    return address().orElseThrow();
  }

  String key() throws IOException {
    return Files.readString(data.resolve("admin.key")).strip();
  }

  Podflare client() throws IOException {
    return client(uri());
  }

  /** A client that comes by another address. */
  Podflare client(URI there) throws IOException {
    Duration patience = TestPlatform.PATIENCE;
    return new Podflare(
        new ClientConfig(
                there, Optional.of(key()), Duration.ofSeconds(10), patience, patience, 1 << 20)
            .withBusyTimeout(Duration.ZERO)
            .withRejoinTimeout(Duration.ZERO)); // what a test kills is to be seen dead
  }

  HostState state() {
    return HostState.of(this);
  }

  String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** All members of the pool and all blanks are there, and nothing else. */
  void awaitPool(Podflare client) {
    awaitPool(client, 0);
  }

  /** The same beside so many sandboxes. */
  void awaitPool(Podflare client, int sandboxes) {
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() ->
            client.capacity().templates().values().stream()
                    .anyMatch(pool -> pool.ready() == POOL && pool.blanks() == POOL)
                && client.capacity().sandboxes() == sandboxes);
  }

  /** As {@code kill -STOP}: it stands still until {@link #goOn}, and its machines do not. */
  void stop() {
    signal("STOP");
  }

  /** As {@code kill -CONT}. */
  void goOn() {
    signal("CONT");
  }

  private void signal(String name) {
    try {
      Process kill = new ProcessBuilder("kill", "-" + name, "" + process.pid()).start();
      assertThat(kill.waitFor()).isZero();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** As {@code kill -9}. */
  void kill() {
    process.destroyForcibly();
    awaitEnd();
  }

  /** As a host that loses its power: nothing of it and of its machines goes on. */
  void killWithMachines() {
    kill();
    for (long pid : HostState.processes(data)) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> HostState.processes(data).isEmpty());
  }

  /** As {@code kill}; returns the exit code. */
  int terminate() {
    process.destroy();
    return exitCode();
  }

  /** Waits for its end. */
  int exitCode() {
    awaitEnd();
    return process.exitValue();
  }

  private void awaitEnd() {
    try {
      boolean ended = process.waitFor(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      assertThat(ended).as(log()).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() throws IOException {
    if (process.isAlive()) {
      terminate();
    }
    Files.delete(log);
  }
}
