package dev.podflare.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VolumeServerTest {
  @TempDir Path folder;
  private VolumeRig rig;
  private NfsClient guest;
  private byte[] root;

  @BeforeEach
  void begin() throws IOException {
    rig = new VolumeRig(folder);
    guest = rig.connect(VolumeRig.ONE);
    root = guest.mount("/first");
  }

  @AfterEach
  void end() throws IOException {
    guest.close();
    rig.close();
  }

  @Test
  void whatOneWritesAnotherReads() throws IOException {
    rig.allow(VolumeRig.OTHER, "machine-2", new VolumeMount(VolumeRig.FIRST_ID, "mine", false));
    byte[] file = NfsClient.made(guest.create(root, "data"));
    byte[] bytes = new byte[50_000];
    Arrays.fill(bytes, (byte) 7);
    assertThat(guest.write(file, 3, bytes, 0).status()).isZero();
    try (NfsClient other = rig.connect(VolumeRig.OTHER)) {
      NfsClient.Answer found = other.lookup(other.mount("/mine"), "data");
      assertThat(found.status()).isZero();
      byte[] handle = found.words().opaque(64);
      byte[] read = other.read(handle, 0, 60_000);
      assertThat(read).hasSize(50_003).startsWith(0, 0, 0, 7).endsWith(7);
    }
    assertThat(rig.volumes().usage(VolumeRig.FIRST_ID)).contains(new VolumeUsage(50_003, 1));
  }

  @Test
  void anotherGuestsVolumeIsRefusedByNameAndByHandle() throws IOException {
    byte[] file = NfsClient.made(guest.create(root, "secret"));
    try (NfsClient other = rig.connect(VolumeRig.OTHER)) {
      assertThatThrownBy(() -> other.mount("/first")).hasMessageContaining("refused: 13");
      assertThatThrownBy(() -> other.mount("/../first")).hasMessageContaining("refused");
      assertThat(other.attributes(root).status()).isEqualTo(NfsStatus.STALE.number());
      assertThat(other.write(file, 0, new byte[1], 2).status()).isEqualTo(NfsStatus.STALE.number());
      byte[] own = other.mount("/second");
      assertThat(
              other
                  .nfs(14, NfsClient.in(own, "a").opaque(root).opaque(NfsClient.text("b")))
                  .status())
          .isEqualTo(NfsStatus.INVAL.number());
    }
    // The same words do it once the guard says so: it is the guard that refuses.
    rig.allow(VolumeRig.OTHER, "machine-2", new VolumeMount(VolumeRig.FIRST_ID, "first", false));
    try (NfsClient other = rig.connect(VolumeRig.OTHER)) {
      assertThat(other.mount("/first")).isEqualTo(root);
      assertThat(other.write(file, 0, new byte[1], 2).status()).isZero();
    }
  }

  @Test
  void aGuestWithoutVolumesIsCut() throws IOException {
    try (NfsClient stranger = rig.connect(VolumeRig.STRANGER)) {
      assertThatThrownBy(() -> stranger.mount("/first")).isInstanceOf(IOException.class);
    }
    rig.forbid(VolumeRig.ONE);
    assertThatThrownBy(() -> guest.attributes(root)).isInstanceOf(IOException.class);
  }

  @Test
  void readOnlyMountsChangeNothing() throws IOException {
    byte[] file = NfsClient.made(guest.create(root, "fixed"));
    assertThat(guest.write(file, 0, new byte[] {1}, 0).status()).isZero();
    rig.allow(VolumeRig.ONE, "machine-1", new VolumeMount(VolumeRig.FIRST_ID, "first", true));
    int refused = NfsStatus.ROFS.number();
    assertThat(guest.create(root, "more").status()).isEqualTo(refused);
    assertThat(guest.write(file, 0, new byte[] {2}, 0).status()).isEqualTo(refused);
    assertThat(guest.nfs(2, NfsClient.size(new XdrWriter().opaque(file), 0).flag(false)).status())
        .isEqualTo(refused);
    assertThat(guest.nfs(9, NfsClient.mode(NfsClient.in(root, "d"), 0755)).status())
        .isEqualTo(refused);
    assertThat(guest.nfs(12, NfsClient.in(root, "fixed")).status()).isEqualTo(refused);
    assertThat(
            guest
                .nfs(14, NfsClient.in(root, "fixed").append(NfsClient.in(root, "b").toBytes()))
                .status())
        .isEqualTo(refused);
    assertThat(guest.read(file, 0, 10)).containsExactly(1);
    NfsClient.Answer access = guest.nfs(4, new XdrWriter().opaque(file).number(63));
    XdrReader words = access.words();
    NfsClient.skipAttributes(words);
    assertThat(words.number()).isEqualTo(1); // reading, and nothing else
  }

  @Test
  void bytesAndFilesAreLimitedAndGivenBack() throws Exception {
    byte[] file = NfsClient.made(guest.create(root, "big"));
    byte[] piece = new byte[64 << 10];
    for (int i = 0; i < 16; i++) {
      assertThat(guest.write(file, (long) i * piece.length, piece, 0).status()).isZero();
    }
    assertThat(guest.write(file, 1 << 20, new byte[1], 0).status())
        .isEqualTo(NfsStatus.DQUOT.number());
    assertThat(
            guest
                .nfs(2, NfsClient.size(new XdrWriter().opaque(file), 2 << 20).flag(false))
                .status())
        .isEqualTo(NfsStatus.DQUOT.number());
    assertThat(guest.write(file, Long.MAX_VALUE - 10, new byte[1], 0).status())
        .isEqualTo(NfsStatus.FBIG.number());
    assertThat(
            guest
                .nfs(2, NfsClient.size(new XdrWriter().opaque(file), Long.MAX_VALUE).flag(false))
                .status())
        .isEqualTo(NfsStatus.FBIG.number());
    assertThat(guest.write(file, 1L << 43, new byte[1], 0).status())
        .isEqualTo(NfsStatus.DQUOT.number());
    assertThat(guest.sizeOf(file)).isEqualTo(1 << 20);
    assertThat(guest.nfs(12, NfsClient.in(root, "big")).status()).isZero();
    assertThat(rig.volumes().usage(VolumeRig.FIRST_ID)).contains(new VolumeUsage(0, 0));
    awaitNoContents();
    for (int i = 0; i < VolumeRig.FILES; i++) {
      assertThat(guest.create(root, "f" + i).status()).isZero();
    }
    assertThat(guest.create(root, "more").status()).isEqualTo(NfsStatus.DQUOT.number());
    rig.restart(); // and counted anew
    try (NfsClient again = rig.connect(VolumeRig.ONE, 5000)) {
      assertThat(again.create(root, "more").status()).isEqualTo(NfsStatus.DQUOT.number());
      assertThat(again.nfs(12, NfsClient.in(root, "f0")).status()).isZero();
      assertThat(again.create(root, "more").status()).isZero();
    }
  }

  /** They go once it is on the disk that their files are gone. */
  private void awaitNoContents() throws Exception {
    long end = System.nanoTime() + Duration.ofMinutes(2).toNanos();
    while (!contents().isEmpty()) {
      assertThat(System.nanoTime()).isLessThan(end);
      Thread.sleep(20);
    }
  }

  /** Files of the host that hold content. */
  private List<Path> contents() throws IOException {
    try (Stream<Path> all = Files.walk(folder.resolve(VolumeRig.FIRST_ID).resolve("data"))) {
      return all.filter(Files::isRegularFile).toList();
    }
  }

  @Test
  void linksAndNamesNeverReachTheHost(@TempDir Path outside) throws IOException {
    Path victim = Files.writeString(outside.resolve("victim"), "untouched");
    NfsClient.Answer link =
        guest.nfs(
            10,
            NfsClient.mode(NfsClient.in(root, "link"), 0777)
                .opaque(NfsClient.text(outside.toString())));
    byte[] handle = NfsClient.made(link);
    // The server follows no link: neither as a folder nor as a file.
    assertThat(guest.lookup(handle, "victim").status()).isEqualTo(NfsStatus.NOTDIR.number());
    assertThat(guest.create(handle, "victim").status()).isEqualTo(NfsStatus.NOTDIR.number());
    assertThat(guest.write(handle, 0, new byte[] {1}, 2).status())
        .isEqualTo(NfsStatus.INVAL.number());
    for (String name : List.of("..", ".", "", "a/b", "/etc/passwd", "a\0b")) {
      assertThat(guest.create(root, name).status()).as(name).isIn(17, 22);
    }
    assertThat(guest.create(root, "x".repeat(256)).status())
        .isEqualTo(NfsStatus.NAMETOOLONG.number());
    assertThat(guest.lookup(root, "..").words().opaque(64)).isEqualTo(root);
    assertThat(guest.create(root, "\377\n\001 odd").status()).isZero();
    assertThat(Files.readString(victim)).isEqualTo("untouched");
    try (Stream<Path> all = Files.walk(folder)) {
      assertThat(all.filter(Files::isSymbolicLink)).isEmpty();
    }
  }

  @Test
  void devicesAreNotMade() throws IOException {
    XdrWriter device = NfsClient.mode(NfsClient.in(root, "sda").number(3), 0666);
    assertThat(guest.nfs(11, device.number(8).number(0)).status())
        .isEqualTo(NfsStatus.NOTSUPP.number());
    XdrWriter pipe = NfsClient.mode(NfsClient.in(root, "pipe").number(7), 0666);
    assertThat(guest.nfs(11, pipe).status()).isZero();
  }

  @Test
  void renameReplacesAndRefusesLoops() throws IOException {
    byte[] outer = NfsClient.made(guest.nfs(9, NfsClient.mode(NfsClient.in(root, "outer"), 0755)));
    byte[] inner = NfsClient.made(guest.nfs(9, NfsClient.mode(NfsClient.in(outer, "inner"), 0755)));
    assertThat(rename(root, "outer", inner, "x")).isEqualTo(NfsStatus.INVAL.number());
    byte[] draft = NfsClient.made(guest.create(root, "draft"));
    byte[] old = NfsClient.made(guest.create(inner, "final"));
    assertThat(guest.write(draft, 0, new byte[] {5}, 0).status()).isZero();
    assertThat(rename(root, "draft", inner, "final")).isZero();
    assertThat(guest.lookup(inner, "final").words().opaque(64)).isEqualTo(draft);
    assertThat(guest.attributes(old).status()).isEqualTo(NfsStatus.STALE.number());
    assertThat(rename(outer, "inner", root, "outer")).isEqualTo(NfsStatus.NOTEMPTY.number());
    assertThat(guest.nfs(13, NfsClient.in(outer, "inner")).status())
        .isEqualTo(NfsStatus.NOTEMPTY.number());
    assertThat(rename(outer, "inner", root, "moved")).isZero();
    assertThat(guest.lookup(inner, "..").words().opaque(64)).isEqualTo(root);
    assertThat(guest.nfs(13, NfsClient.in(root, "outer")).status()).isZero();
  }

  private int rename(byte[] from, String name, byte[] to, String newName) throws IOException {
    return guest
        .nfs(14, NfsClient.in(from, name).append(NfsClient.in(to, newName).toBytes()))
        .status();
  }

  @Test
  void foldersAreListedInPartsWhileTheyChange() throws IOException {
    for (int i = 0; i < 30; i++) {
      assertThat(guest.create(root, "name-" + i).status()).isZero();
    }
    List<String> seen = new ArrayList<>();
    long place = 0;
    boolean end = false;
    while (!end) {
      NfsClient.Answer page =
          guest.nfs(16, new XdrWriter().opaque(root).size(place).size(0).number(300));
      assertThat(page.status()).isZero();
      XdrReader words = page.words();
      NfsClient.skipAttributes(words);
      long unusedVerifier = words.raw();
      while (words.flag()) {
        long unusedNumber = words.raw();
        seen.add(new String(words.opaque(255), java.nio.charset.StandardCharsets.ISO_8859_1));
        place = words.raw();
      }
      end = words.flag();
      if (seen.contains("name-3") && seen.size() < 10) {
        assertThat(guest.nfs(12, NfsClient.in(root, "name-1")).status()).isZero();
      }
    }
    assertThat(seen).contains(".", "..", "name-0", "name-29").doesNotHaveDuplicates().hasSize(32);
  }

  @Test
  void shrunkAndGrownFilesHaveZeros() throws IOException {
    byte[] file = NfsClient.made(guest.create(root, "f"));
    assertThat(guest.write(file, 0, new byte[] {1, 2, 3, 4, 5, 6}, 0).status()).isZero();
    assertThat(guest.nfs(2, NfsClient.size(new XdrWriter().opaque(file), 2).flag(false)).status())
        .isZero();
    assertThat(guest.nfs(2, NfsClient.size(new XdrWriter().opaque(file), 5).flag(false)).status())
        .isZero();
    assertThat(guest.read(file, 0, 100)).containsExactly(1, 2, 0, 0, 0);
  }

  @Test
  void usersOfAGuestAreKeptApart() throws IOException {
    byte[] mine = NfsClient.made(guest.as(1000).create(root, "mine"));
    assertThat(
            guest.nfs(2, NfsClient.mode(new XdrWriter().opaque(mine), 0600).flag(false)).status())
        .isZero();
    guest.as(1001);
    assertThat(guest.write(mine, 0, new byte[1], 0).status()).isEqualTo(NfsStatus.ACCES.number());
    assertThat(guest.nfs(12, NfsClient.in(root, "mine")).status())
        .isEqualTo(NfsStatus.PERM.number()); // the root folder is sticky, as /tmp is
    assertThat(
            guest.nfs(2, NfsClient.mode(new XdrWriter().opaque(mine), 0666).flag(false)).status())
        .isEqualTo(NfsStatus.PERM.number());
    guest.as(0);
    assertThat(guest.write(mine, 0, new byte[1], 0).status()).isZero();
  }

  @Test
  void whatWasDoneIsNotDoneTwiceOverARestart() throws IOException {
    assertThat(guest.create(root, "once").status()).isZero();
    guest.nextCall(77);
    XdrWriter removal = NfsClient.in(root, "once");
    assertThat(guest.nfs(12, removal).status()).isZero();
    rig.restart();
    try (NfsClient again = rig.connect(VolumeRig.ONE, 77)) {
      assertThat(again.nfs(12, removal).status()).isZero(); // the very same call
      assertThat(again.nfs(12, removal).status()).isEqualTo(NfsStatus.NOENT.number()); // another
    }
    // A copy of the guest asks with the same number, and means a call of its own.
    rig.allow(VolumeRig.OTHER, "machine-2", new VolumeMount(VolumeRig.FIRST_ID, "first", false));
    try (NfsClient copy = rig.connect(VolumeRig.OTHER, 77)) {
      assertThat(copy.nfs(12, removal).status()).isEqualTo(NfsStatus.NOENT.number());
    }
  }

  @Test
  void handlesOutliveARestartAndNotTheVolume() throws IOException {
    byte[] file = NfsClient.made(guest.create(root, "kept"));
    assertThat(guest.write(file, 0, new byte[] {9}, 2).status()).isZero();
    rig.restart();
    try (NfsClient again = rig.connect(VolumeRig.ONE)) {
      assertThat(again.read(file, 0, 1)).containsExactly(9);
      rig.volumes().delete(VolumeRig.FIRST_ID);
      assertThat(again.attributes(file).status()).isEqualTo(NfsStatus.STALE.number());
      assertThatThrownBy(() -> again.mount("/first")).hasMessageContaining("refused: 2");
      assertThat(folder.resolve(VolumeRig.FIRST_ID)).doesNotExist();
    }
  }
}
