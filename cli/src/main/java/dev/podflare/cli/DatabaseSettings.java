package dev.podflare.cli;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.DatabaseConfig;
import dev.podflare.store.PostgresUrl;
import dev.podflare.store.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Turns the daemon's words about the database of its records into a store. The option wins over the
 * environment, and that over the file. Stateless.
 */
final class DatabaseSettings {
  static final String URL = "PODFLARE_DATABASE";

  private DatabaseSettings() {}

  /**
   * The file's part with what the environment and options say instead.
   *
   * @throws PodflareException {@code INVALID_CONFIG} if the option has a password: everybody on the
   *     host can read the command line of a process
   */
  static ServeFile.DatabasePart merge(
      ServeFile.DatabasePart file,
      Optional<String> url,
      Optional<String> node,
      Map<String, String> environment) {
    if (url.filter(PostgresUrl::hasPassword).isPresent()) {
      PostgresUrl.parse(url.get()); // says what is wrong with it, if it is that
      throw refused(
          "a password in --database can be read by everybody on this host, with ps; give the"
              + " address in the variable "
              + URL
              + ", or the password in database.password_file");
    }
    Optional<String> named = Optional.ofNullable(environment.get(URL)).filter(it -> !it.isBlank());
    return new ServeFile.DatabasePart(
        url.or(() -> named).or(file::url), file.passwordFile(), node.or(file::node));
  }

  /** Opens the records; by default a file in the data folder. */
  static Store open(ServeFile.DatabasePart part, Path data) {
    NodeName node = NodeName.of(data, part.node());
    Store store = Store.open(config(part, data), node.name(), node.former());
    try {
      node.keep(data);
      return store;
    } catch (RuntimeException failed) {
      store.close();
      throw failed;
    }
  }

  static DatabaseConfig config(ServeFile.DatabasePart part, Path data) {
    if (part.url().isEmpty()) {
      if (part.passwordFile().isPresent()) {
        throw refused("database.password_file is set, but database.url is not");
      }
      return new DatabaseConfig.SqliteFile(data.resolve("podflare.db"));
    }
    DatabaseConfig.Postgres config = PostgresUrl.parse(part.url().get());
    if (part.passwordFile().isEmpty()) {
      return config;
    }
    if (config.password().isPresent()) {
      throw refused("the database's password is in its address and in database.password_file");
    }
    return config.withPassword(read(part.passwordFile().get()));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "cannot read database.password_file " + file + ": " + e, e);
    }
  }

  private static PodflareException refused(String sentence) {
    return new PodflareException(ErrorCode.INVALID_CONFIG, sentence);
  }
}
