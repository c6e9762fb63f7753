package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.podflare.image.BuiltTemplate;
import dev.podflare.image.Progress;
import dev.podflare.image.Recipes;
import dev.podflare.image.TemplateFactory;
import dev.podflare.image.TemplateStore;
import dev.podflare.qemu.HypervisorConfig;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The daemon of an earlier commit, built from the repository's history by that commit's own
 * launcher.
 *
 * <pre>
 * TEMPLATES/.earlier/lock             held by whoever builds or links here
 * TEMPLATES/.earlier/COMMIT/lib       its jars; comes into being by one rename
 * TEMPLATES/.earlier/COMMIT/templates its templates and today's, hard links where both agree
 * TEMPLATES/.earlier/.building        a build under way, or what is left of a killed one
 * </pre>
 *
 * It has templates of its own: a build makes its result the current one, and others of this host
 * are to go on with theirs.
 */
final class EarlierDaemon {
  private static final Path TREE = Path.of("..").toAbsolutePath().normalize();
  private static final long PATIENCE_SECONDS = 900;

  private final Path folder;
  private final Path lib;
  private final Path templates;

  private EarlierDaemon(Path cache, String commit) {
    folder = cache.resolve(commit);
    lib = folder.resolve("lib");
    templates = folder.resolve("templates");
  }

  /** Skips the test, and says why, where the history does not have the commit. */
  static EarlierDaemon of(String commit) throws Exception {
    assumeTrue(
        run(true, TREE, "git", "-c", "safe.directory=*", "cat-file", "-e", commit + "^{commit}")
            == 0,
        () -> "no commit " + commit + " here: no Git repository, or one without its history");
    TestTemplates.minimal();
    Path cache = Files.createDirectories(TestTemplates.folder().resolve(".earlier"));
    EarlierDaemon daemon = new EarlierDaemon(cache, commit);
    try (FileChannel file =
        FileChannel.open(
            cache.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      assertThat(file.lock().isValid()).isTrue(); // until the channel is closed
      if (!Files.exists(daemon.lib)) {
        daemon.build(cache.resolve(".building"), commit);
      }
      daemon.linkTemplates();
    }
    return daemon;
  }

  private void build(Path scratch, String commit) throws Exception {
    remove(scratch);
    Files.createDirectories(scratch);
    shell(TREE, "git -c safe.directory='*' archive " + commit + " | tar -x -C '" + scratch + "'");
    // Builds on first use, whatever is asked of it.
    run(false, scratch, scratch.resolve("podflare").toString(), "--help");
    Files.createDirectories(folder);
    Files.move(scratch.resolve("cli/target/dist/lib"), lib, StandardCopyOption.ATOMIC_MOVE);
    remove(scratch);
  }

  /** Today's builds of the template cost nothing here: their files are never written again. */
  private void linkTemplates() throws Exception {
    Files.createDirectories(templates);
    for (String part : List.of(".base", TestTemplates.NAME)) {
      if (Files.exists(TestTemplates.folder().resolve(part))) {
        run(
            false,
            templates,
            "cp",
            "-a",
            "-l",
            "-n",
            TestTemplates.folder().resolve(part).toString(),
            templates.toString());
      }
    }
  }

  /** To run it, with its own build of the template as the current one. */
  DaemonProcess.Program program() throws Exception {
    DaemonProcess.Program program = new DaemonProcess.Program(lib, templates);
    List<String> line = new ArrayList<>(program.java("-Xmx256m"));
    line.addAll(List.of("template", "build", TestTemplates.NAME));
    line.addAll(List.of("--templates", templates.toString()));
    run(false, templates, line.toArray(String[]::new));
    return program;
  }

  /** Today's daemon on the same templates, with today's build as the current one. */
  DaemonProcess.Program today() {
    BuiltTemplate earlier = new TemplateStore(templates).find(TestTemplates.NAME).orElseThrow();
    new TemplateFactory(templates, HypervisorConfig.Choice.AUTO)
        .build(Recipes.builtIn(TestTemplates.NAME), false, Progress.none());
    // Of other days.
    new TemplateStore(templates).prune(build -> build.digest().equals(earlier.digest()));
    return new DaemonProcess.Program(DaemonProcess.Program.today().libraries(), templates);
  }

  private static void remove(Path tree) throws Exception {
    run(false, TREE, "rm", "-rf", tree.toString());
  }

  private static void shell(Path in, String line) throws Exception {
    run(false, in, "bash", "-o", "pipefail", "-c", line);
  }

  private static int run(boolean mayFail, Path in, String... command) throws Exception {
    Path log = Files.createTempFile("podflare-earlier", ".log");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .directory(in.toFile())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile());
      Map<String, String> environment = builder.environment();
      // The suite's own build is not that of this tree.
      environment.remove("PODFLARE_BUILT");
      environment.put("JAVA_HOME", System.getProperty("java.home"));
      Process process = builder.start();
      process.getOutputStream().close();
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
      int code = process.waitFor();
      if (!mayFail) {
        assertThat(code).as(String.join(" ", command) + "\n" + Files.readString(log)).isZero();
      }
      return code;
    } finally {
      Files.delete(log);
    }
  }
}
