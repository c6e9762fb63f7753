package dev.podflare.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What no kernel would say. Whatever it is, the next guest is served. */
class HostileClientTest {
  private static final int ROUNDS = 1000;

  @TempDir Path folder;
  private VolumeRig rig;

  @BeforeEach
  void begin() {
    rig = new VolumeRig(folder);
  }

  @AfterEach
  void end() throws IOException {
    try (NfsClient neighbour = rig.connect(VolumeRig.OTHER)) {
      byte[] root = neighbour.mount("/second");
      assertThat(neighbour.create(root, "fine").status()).isZero();
    }
    rig.close();
  }

  @Test
  void callsThatAreTooLongAreCut() throws IOException {
    for (int word : List.of(0x7fff_ffff, 0xffff_ffff, 0x8000_0000 | 80 << 10, 1 << 30)) {
      try (NfsClient guest = rig.connect(VolumeRig.ONE)) {
        guest.socket().getOutputStream().write(ByteBuffer.allocate(4).putInt(word).array());
        assertCut(guest);
      }
    }
  }

  /** With a reset, if something was on its way that nobody will read. */
  private static void assertCut(NfsClient guest) throws IOException {
    try {
      assertThat(guest.socket().getInputStream().read()).isEqualTo(-1);
    } catch (SocketException reset) {
      assertThat(reset).hasMessageContaining("reset");
    }
  }

  @Test
  void endlessPiecesAreCut() throws IOException {
    try (NfsClient guest = rig.connect(VolumeRig.ONE)) {
      OutputStream out = guest.socket().getOutputStream();
      out.write(new byte[4 * 100]);
      assertCut(guest);
    }
  }

  @Test
  void connectionsAreLimitedAndGivenBack() throws IOException {
    List<NfsClient> open = new ArrayList<>();
    try {
      for (int i = 0; i < 3; i++) {
        NfsClient guest = rig.connect(VolumeRig.ONE);
        open.add(guest);
        assertThat(guest.mount("/first")).hasSize(28);
      }
      try (NfsClient more = rig.connect(VolumeRig.ONE)) {
        assertThatThrownBy(() -> more.mount("/first")).isInstanceOf(IOException.class);
      }
    } finally {
      for (NfsClient guest : open) {
        guest.close();
      }
    }
  }

  @Test
  void aHalfCallIsCutAfterAWhile() throws IOException {
    try (NfsClient guest = rig.connect(VolumeRig.ONE)) {
      guest.socket().getOutputStream().write(new byte[] {(byte) 0x80, 0, 1, 0, 5});
      assertCut(guest);
    }
  }

  @Test
  void aGuestThatTakesNoAnswersIsCut() throws IOException {
    try (NfsClient guest = rig.connect(VolumeRig.ONE)) {
      byte[] root = guest.mount("/first");
      byte[] file = NfsClient.made(guest.create(root, "f"));
      assertThat(guest.write(file, 0, new byte[60_000], 0).status()).isZero();
      byte[] call =
          new XdrWriter()
              .number(1)
              .number(0)
              .number(2)
              .number(NfsProgram.NUMBER)
              .number(3)
              .number(6)
              .number(0)
              .number(0)
              .number(0)
              .number(0)
              .opaque(file)
              .size(0)
              .number(60_000)
              .toBytes();
      assertThatThrownBy(
              () -> {
                while (true) {
                  guest.send(call); // waits once the way is full, and ends when it is cut
                }
              })
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void nonsenseIsAnsweredOrCutAndNeverHarms() throws IOException {
    Random random = new Random(8);
    NfsClient guest = rig.connect(VolumeRig.ONE);
    byte[] root = guest.mount("/first");
    for (int round = 0; round < ROUNDS; round++) {
      try {
        int procedure = random.nextInt(24);
        XdrWriter arguments = new XdrWriter();
        if (random.nextInt(4) > 0) {
          arguments.opaque(random.nextInt(5) > 0 ? root : damaged(root, random));
        }
        byte[] rest = new byte[random.nextInt(64) * 4];
        random.nextBytes(rest);
        for (int i = 0; i + 3 < rest.length && random.nextBoolean(); i += 4) {
          rest[i] = 0; // small numbers get further than large ones
          rest[i + 1] = 0;
          rest[i + 2] = 0;
        }
        NfsClient.Answer ignored = guest.nfs(procedure, arguments.append(rest));
      } catch (IOException refused) {
        guest.close();
        guest = rig.connect(VolumeRig.ONE);
      }
    }
    guest.close();
    try (NfsClient sane = rig.connect(VolumeRig.ONE, 1 << 20)) {
      assertThat(sane.attributes(root).status()).isZero();
      assertThat(sane.create(root, "still-here").status()).isIn(0, NfsStatus.DQUOT.number());
    }
  }

  private static byte[] damaged(byte[] handle, Random random) {
    byte[] other = handle.clone();
    other[random.nextInt(other.length)] ^= (byte) (1 + random.nextInt(255));
    return other;
  }

  @Test
  void wrongHeadsAreDenied() throws IOException {
    for (byte[] record :
        List.of(
            new XdrWriter().number(1).number(0).number(3).number(0).number(0).number(0).toBytes(),
            head(100227, 3, 0),
            head(NfsProgram.NUMBER, 4, 1),
            head(NfsProgram.NUMBER, 3, 99))) {
      try (NfsClient guest = rig.connect(VolumeRig.ONE)) {
        guest.send(record);
        assertThat(guest.receive().getInt(4)).isEqualTo(1); // a reply
      }
    }
    try (NfsClient guest = rig.connect(VolumeRig.ONE)) {
      guest.send(new XdrWriter().number(1).number(1).toBytes()); // a reply to nothing
      assertCut(guest);
    }
  }

  private static byte[] head(int program, int version, int procedure) {
    return new XdrWriter()
        .number(1)
        .number(0)
        .number(2)
        .number(program)
        .number(version)
        .number(procedure)
        .number(0)
        .number(0)
        .number(0)
        .number(0)
        .toBytes();
  }
}
