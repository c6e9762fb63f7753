package dev.podflare.store.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The folder of a PostgreSQL cluster, and commands that run as its owner: PostgreSQL refuses to run
 * as root, so that root hands the folder to nobody. One at a time.
 */
final class PostgresFiles {
  private static final Path INSTALLED = Path.of("/usr/lib/postgresql");
  private static final boolean ROOT = "root".equals(System.getProperty("user.name"));

  private final Path folder;

  private PostgresFiles(Path folder) {
    this.folder = folder;
  }

  static PostgresFiles create(String user, String password) throws IOException {
    PostgresFiles files = new PostgresFiles(Files.createTempDirectory("podflare-postgres"));
    Path secret = Files.writeString(files.folder.resolve("secret"), password);
    Files.writeString(files.folder.resolve("log"), "");
    files.giveToNobody();
    Process made =
        files
            .command(
                "initdb",
                "-D",
                files.data(),
                "-U",
                user,
                "--pwfile=" + secret,
                "-A",
                "scram-sha-256",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync")
            .start();
    try {
      if (made.waitFor() != 0) {
        throw new IOException("initdb failed:\n" + files.log());
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    Files.writeString(
        Path.of(files.data(), "postgresql.auto.conf"),
        """
        listen_addresses = '127.0.0.1'
        unix_socket_directories = ''
        fsync = off
        max_connections = 60
        shared_buffers = 16MB
        """);
    return files;
  }

  String data() {
    return folder.resolve("data").toString();
  }

  String log() {
    try {
      return Files.readString(folder.resolve("log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** A program of PostgreSQL's newest version here, that logs into the folder. */
  ProcessBuilder command(String program, String... arguments) {
    List<String> line = new ArrayList<>();
    if (ROOT) {
      line.addAll(List.of("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"));
    }
    line.add(programs().resolve(program).toString());
    line.addAll(List.of(arguments));
    return new ProcessBuilder(line)
        .directory(folder.toFile())
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()));
  }

  void delete() {
    Folders.delete(folder);
  }

  private void giveToNobody() throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    if (ROOT) {
      UserPrincipal nobody =
          folder.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody");
      for (Path each : List.of(folder, folder.resolve("secret"), folder.resolve("log"))) {
        Files.setOwner(each, nobody);
      }
    }
  }

  private static Path programs() {
    try (Stream<Path> versions = Files.list(INSTALLED)) {
      return versions
          .max(Comparator.comparingInt(it -> Integer.parseInt(it.getFileName().toString())))
          .orElseThrow()
          .resolve("bin");
    } catch (IOException e) {
      throw new UncheckedIOException("no PostgreSQL here: install Debian's postgresql", e);
    }
  }
}
