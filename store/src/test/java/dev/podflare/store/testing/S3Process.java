package dev.podflare.store.testing;

import dev.podflare.store.checkpoint.S3BlobsConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * S3Proxy as a process of its own on loopback, one for all tests of this JVM, which it does not
 * outlive. It keeps objects in a temporary folder that goes with it: all that a long run stores is
 * more than memory wants.
 */
public final class S3Process {
  private static final Duration START = Duration.ofSeconds(60);
  private static @Nullable S3Process running;

  private final int port;

  private S3Process(int port) {
    this.port = port;
  }

  public static synchronized S3Process get() {
    S3Process process = running;
    if (process == null) {
      System.setProperty("aws.accessKeyId", "local-identity");
      System.setProperty("aws.secretAccessKey", "local-credential");
      process = start();
      running = process;
    }
    return process;
  }

  public int port() {
    return port;
  }

  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + port);
  }

  /** A bucket without objects. */
  public S3BlobsConfig freshBucket() {
    String bucket = "b-" + UUID.randomUUID();
    S3BlobsConfig config = S3BlobsConfig.at(endpoint(), bucket, "pre/fix/");
    try (S3Client client =
        S3Client.builder()
            .region(Region.of(config.region()))
            .endpointOverride(endpoint())
            .forcePathStyle(true)
            .httpClientBuilder(UrlConnectionHttpClient.builder())
            .build()) {
      client.createBucket(it -> it.bucket(bucket));
    }
    return config;
  }

  private static S3Process start() {
    try {
      int port = FreePort.choose();
      Path folder = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "s3proxy");
      Path settings = folder.resolve("s3proxy.properties");
      Path objects = Files.createDirectory(folder.resolve("objects"));
      Files.writeString(
          settings,
          String.join(
              "\n",
              "s3proxy.endpoint=http://127.0.0.1:" + port,
              "s3proxy.authorization=aws-v2-or-v4",
              "s3proxy.identity=local-identity",
              "s3proxy.credential=local-credential",
              "jclouds.provider=filesystem-nio2",
              "jclouds.filesystem.basedir=" + objects,
              ""));
      Process process = launch(settings);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> end(process, folder)));
      await(process, port);
      return new S3Process(port);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void end(Process process, Path folder) {
    process.destroyForcibly().onExit().join();
    Folders.delete(folder);
  }

  private static Process launch(Path settings) throws IOException {
    Path logging = StoreModule.file("src/test/resources/logback-test.xml");
    return new ProcessBuilder(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dlogback.configurationFile=" + logging,
                "-cp",
                Files.readString(StoreModule.file("target/s3proxy.classpath")).strip(),
                "org.gaul.s3proxy.Main",
                "--properties",
                settings.toString()))
        .redirectErrorStream(true)
        .redirectOutput(Path.of("target/s3proxy.log").toFile())
        .start();
  }

  private static void await(Process process, int port) throws IOException {
    Instant limit = Instant.now().plus(START);
    while (Instant.now().isBefore(limit) && process.isAlive()) {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
        return;
      } catch (IOException notYet) {
        pause();
      }
    }
    process.destroyForcibly();
    throw new IOException("s3proxy did not start; see target/s3proxy.log");
  }

  private static void pause() {
    try {
      Thread.sleep(50);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
