package dev.podflare.volume;

import dev.podflare.common.DataSize;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** A server with two volumes, of two guests. */
final class VolumeRig implements AutoCloseable {
  static final String ONE = "127.0.0.2";
  static final String OTHER = "127.0.0.3";
  static final String STRANGER = "127.0.0.4";
  static final String FIRST_ID = "vol_" + "1".repeat(32);
  static final String SECOND_ID = "vol_" + "2".repeat(32);
  static final DataSize ROOM = DataSize.ofMebibytes(1);
  static final long FILES = 40;

  private final Path folder;
  private final VolumeConfig config =
      new VolumeConfig(
          FILES,
          DataSize.ofMebibytes(1),
          64 << 10,
          3,
          8,
          Duration.ofSeconds(2),
          Duration.ofMinutes(5));
  private final VolumeClients clients = new VolumeClients();
  private Volumes volumes;
  private VolumeServer server;

  VolumeRig(Path folder) {
    this.folder = folder;
    volumes = openVolumes();
    server = serve();
    allow(ONE, "machine-1", new VolumeMount(FIRST_ID, "first", false));
    allow(OTHER, "machine-2", new VolumeMount(SECOND_ID, "second", false));
  }

  private Volumes openVolumes() {
    return Volumes.open(folder, config, Map.of(FIRST_ID, ROOM, SECOND_ID, ROOM));
  }

  private VolumeServer serve() {
    return VolumeServer.start(config, address("127.0.0.1"), VolumeRig::socket, volumes, clients);
  }

  private static ServerSocketChannel socket() {
    try {
      return ServerSocketChannel.open();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void allow(String guest, String machine, VolumeMount... mounts) {
    clients.put(address(guest), machine, List.of(mounts));
  }

  void forbid(String guest) {
    clients.remove(address(guest));
  }

  private static InetAddress address(String text) {
    return InetAddress.ofLiteral(text);
  }

  Volumes volumes() {
    return volumes;
  }

  /** Ends server and volumes without a last word to the disk, and begins anew with another. */
  void restart() {
    server.close();
    volumes.close();
    volumes = openVolumes();
    server = serve();
  }

  NfsClient connect(String guest) throws IOException {
    return connect(guest, 1000);
  }

  NfsClient connect(String guest, int firstCall) throws IOException {
    return NfsClient.connect(guest, server.port(), firstCall);
  }

  @Override
  public void close() {
    server.close();
    volumes.close();
  }
}
