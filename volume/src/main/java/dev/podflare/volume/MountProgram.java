package dev.podflare.volume;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * MOUNT, version 3 (RFC 1813, appendix I): gives a guest the handle of a volume's root, by name,
 * and only of its own ones. It remembers nobody. Stateless, hence thread-safe.
 */
final class MountProgram {
  static final int NUMBER = 100005;
  static final int VERSION = 3;

  private static final int MOST_PATH = 1024;
  private static final int SYSTEM_CREDENTIALS = 1;

  private final Volumes volumes;

  MountProgram(Volumes volumes) {
    this.volumes = volumes;
  }

  /** Empty: there is no such procedure. */
  Optional<byte[]> answer(VolumeClients.Client client, int procedure, XdrReader in)
      throws BadCallException {
    return switch (procedure) {
      case 0, 3, 4 -> Optional.of(new byte[0]);
      case 1 -> Optional.of(mount(client, in.opaque(MOST_PATH)));
      case 2, 5 -> Optional.of(new XdrWriter().flag(false).toBytes()); // no lists
      default -> Optional.empty();
    };
  }

  private byte[] mount(VolumeClients.Client client, byte[] path) {
    String text = new String(path, StandardCharsets.UTF_8);
    Optional<VolumeMount> mount =
        text.startsWith("/") ? client.named(text.substring(1)) : Optional.empty();
    if (mount.isEmpty()) {
      return new XdrWriter().number(NfsStatus.ACCES.number()).toBytes();
    }
    String digits = Volumes.digits(mount.get().volume());
    if (volumes.find(digits).isEmpty()) {
      return new XdrWriter().number(NfsStatus.NOENT.number()).toBytes();
    }
    return new XdrWriter()
        .number(NfsStatus.OK.number())
        .opaque(new FileHandle(digits, VolumeTree.ROOT).bytes())
        .number(1)
        .number(SYSTEM_CREDENTIALS)
        .toBytes();
  }
}
