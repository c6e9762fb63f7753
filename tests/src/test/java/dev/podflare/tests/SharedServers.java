package dev.podflare.tests;

import dev.podflare.store.DatabaseConfig;
import dev.podflare.store.checkpoint.S3Blobs;
import dev.podflare.store.checkpoint.S3BlobsConfig;
import dev.podflare.store.testing.PostgresProcess;
import dev.podflare.store.testing.S3Process;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;

/** A PostgreSQL and an S3 of a test's own, and daemons that keep all that lasts in them. */
final class SharedServers implements AutoCloseable {
  /** Held by classes that use them, since some of these end and start them anew. */
  static final String LOCK = "PostgreSQL and S3";

  final PostgresProcess postgres = PostgresProcess.start();
  private final DatabaseConfig.Postgres database = postgres.freshDatabase();
  private final S3BlobsConfig bucket = S3Process.get().freshBucket();

  /** A daemon of that name, on a folder of its own. */
  DaemonProcess daemon(Path data, String node) throws IOException {
    return launch(data, node).listening();
  }

  /** The same on a host with templates of its own. */
  DaemonProcess daemon(Path data, String node, Path templates) throws IOException {
    return launch(data, node, s3(), templates).listening();
  }

  /** The same with a folder as the store. */
  DaemonProcess daemon(Path data, String node, Path store, Path templates) throws IOException {
    return launch(data, node, "{url: '" + store.toUri() + "'}", templates).listening();
  }

  /** The same, without waiting until it listens. */
  DaemonProcess launch(Path data, String node) throws IOException {
    return launch(data, node, s3(), DaemonProcess.Program.today().templates());
  }

  private String s3() {
    return "{url: 's3://%s/%s', endpoint: '%s'}"
        .formatted(bucket.bucket(), bucket.prefix(), bucket.endpoint().orElseThrow());
  }

  private DaemonProcess launch(Path data, String node, String store, Path templates)
      throws IOException {
    Files.createDirectories(data);
    return DaemonProcess.launch(
        DaemonProcess.Program.today(templates),
        data,
        "store: " + store + "\ndatabase: {node: " + node + "}\n",
        Map.of(
            "AWS_ACCESS_KEY_ID", "local-identity",
            "AWS_SECRET_ACCESS_KEY", "local-credential",
            "PODFLARE_DATABASE", url()));
  }

  private String url() {
    return "postgresql://%s:%s@127.0.0.1:%d/%s"
        .formatted(
            database.user(),
            URLEncoder.encode(PostgresProcess.PASSWORD, StandardCharsets.UTF_8),
            postgres.port(),
            database.database());
  }

  /** Whether the records say that a sandbox is closed. */
  boolean isClosed(String sandboxId) throws SQLException {
    try (Connection connection = postgres.connect(database.database());
        var query =
            connection.prepareStatement(
                "select closed_at is not null from sandboxes where id = ?")) {
      query.setString(1, sandboxId);
      try (var row = query.executeQuery()) {
        return row.next() && row.getBoolean(1);
      }
    }
  }

  /** The S3 is everybody's, and keeps its objects in memory: frozen shapes are large. */
  @Override
  public void close() {
    postgres.close();
    try (S3Blobs objects = S3Blobs.open(bucket)) {
      objects.all("", object -> objects.delete(object.name()));
    }
  }
}
