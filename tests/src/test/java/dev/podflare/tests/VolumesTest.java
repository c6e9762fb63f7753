package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SandboxOptions.Mount;
import dev.podflare.client.SnapshotOptions;
import dev.podflare.client.VolumeInfo;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Folders that many guests have mounted: who sees what when, and who may do what. */
@OnPlatform
@Order(57)
class VolumesTest {
  private static final String PATH = "/mnt/shared";

  private final TestPlatform platform;

  VolumesTest(TestPlatform platform) {
    this.platform = platform;
  }

  @AfterEach
  void deleteAll() {
    platform
        .client
        .volumes()
        .list()
        .forEach(it -> platform.client.volumes().deleteByForce(it.id()));
    assertThat(platform.client.volumes().list()).isEmpty();
  }

  private Sandbox with(String volume) {
    return with(new Mount(volume, PATH, false, true));
  }

  private Sandbox with(Mount... mounts) {
    SandboxOptions.Builder options = SandboxOptions.builder();
    for (Mount mount : mounts) {
      options.mount(mount);
    }
    return platform.client.create(options.build());
  }

  @Test
  void whatOneSandboxClosesAnotherSeesAtItsNextOpen() {
    try (Sandbox one = with("notes");
        Sandbox other = with("notes")) {
      assertThat(one.info().mounts().getFirst().path()).isEqualTo(PATH);
      bash(one, "echo first > " + PATH + "/note; mkdir " + PATH + "/folder");
      assertThat(bash(other, "cat " + PATH + "/note; ls " + PATH)).isEqualTo("first\nfolder\nnote");
      for (int round = 0; round < 20; round++) { // of the same length: sizes tell nothing
        String word = "round-%02d".formatted(round);
        bash(one, "echo " + word + " > " + PATH + "/note");
        assertThat(bash(other, "cat " + PATH + "/note")).isEqualTo(word);
        bash(
            other,
            "echo %s > %s/new; mv %s/new %s/note".formatted("moved" + round, PATH, PATH, PATH));
        assertThat(bash(one, "cat " + PATH + "/note")).isEqualTo("moved" + round);
        bash(one, "echo x > %s/fresh-%d".formatted(PATH, round));
        assertThat(bash(other, "cat %s/fresh-%d".formatted(PATH, round))).isEqualTo("x");
        bash(other, "rm %s/fresh-%d".formatted(PATH, round));
        assertThat(bash(one, "cat %s/fresh-%d 2>&1 || echo gone".formatted(PATH, round)))
            .endsWith("gone");
      }
      // Synced, and still open.
      python(one, "f = open('%s/open', 'w'); f.write('a'); f.flush()".formatted(PATH));
      python(one, "import os; os.fsync(f.fileno())");
      assertThat(bash(other, "cat " + PATH + "/open")).isEqualTo("a");
      assertThat(bash(one, "mkdir %s/lock && echo had; true".formatted(PATH))).isEqualTo("had");
      assertThat(bash(other, "mkdir %s/lock 2>/dev/null || echo taken".formatted(PATH)))
          .isEqualTo("taken");
    }
    VolumeInfo left = platform.client.volumes().get("notes");
    assertThat(left.files()).contains(4L); // note, folder, open, lock
    assertThat(left.mountedIn()).isEmpty();
    try (Sandbox later = with("notes")) { // it outlives those that wrote it
      assertThat(bash(later, "cat " + PATH + "/note")).isEqualTo("moved19");
    }
  }

  @Test
  void filesAreWhatTheyAreOnAnyDisk() throws IOException {
    try (Sandbox one = with("disk");
        Sandbox other = with("disk")) {
      String sum =
          bash(one, "cd %s; head -c 5M /dev/urandom > large; sha256sum large".formatted(PATH));
      assertThat(bash(other, "cd %s; sha256sum large".formatted(PATH))).isEqualTo(sum);
      bash(
          one,
          """
          set -e; cd %s
          ln -s large link; ln large hard; mkfifo pipe; mkdir -p a/b/c
          printf x > "$(printf 'odd\\n\\377name')"
          truncate -s 1M hole; chmod 4750 large; chown 1234:55 large; touch -d 2001-02-03T04:05:06Z large
          for i in $(seq 300); do : > a/f$i; done
          """
              .formatted(PATH));
      assertThat(bash(other, "cd %s; stat -c '%%a %%u %%g %%h %%Y' large".formatted(PATH)))
          .isEqualTo("4750 1234 55 2 981173106");
      assertThat(
              bash(
                  other,
                  "cd %s; readlink link; ls a | wc -l; test -p pipe && echo pipe".formatted(PATH)))
          .isEqualTo("large\n301\npipe");
      assertThat(
              python(
                  other,
                  "import os; print(b'odd\\n\\xffname' in os.listdir(b'%s'))".formatted(PATH)))
          .isEqualTo("True");
      assertThat(bash(other, "cd %s; mknod dev c 1 3 2>/dev/null || echo refused".formatted(PATH)))
          .isEqualTo("refused");
      assertThat(
              bash(
                  other,
                  "cd %s; rm -r a hard; df --output=fstype . | tail -1; cat hole | tr -d '\\0' | wc -c"
                      .formatted(PATH)))
          .isEqualTo("nfs\n0");
      assertThat(bash(one, "cd %s; test ! -e a && echo gone".formatted(PATH))).isEqualTo("gone");
      try (InputStream hole = other.files().read(PATH + "/hole")) {
        assertThat(hole.readAllBytes()).hasSize(1 << 20);
      }
    }
  }

  @Test
  void readOnlyMountsAreReadOnlyWhateverTheGuestDoes() {
    platform.client.volumes().create("fixed");
    try (Sandbox writer = with("fixed");
        Sandbox reader = with(new Mount("fixed", PATH, true, false))) {
      bash(writer, "echo data > " + PATH + "/file");
      assertThat(bash(reader, "cat " + PATH + "/file")).isEqualTo("data");
      assertThat(bash(reader, "echo x > %s/file 2>/dev/null || echo refused".formatted(PATH)))
          .isEqualTo("refused");
      // Its root mounts it again, to be written: the server still refuses.
      bash(
          reader,
          """
          mkdir /mnt/again
          python3 -c '
          import ctypes
          o = b"vers=3,proto=tcp,port=2049,mountvers=3,mountproto=tcp,mountport=2049,addr=192.0.0.1,nolock,noacl,hard,nosharecache"
          assert ctypes.CDLL(None).mount(b"192.0.0.1:/fixed", b"/mnt/again", b"nfs", 0, o) == 0'
          """);
      assertThat(
              bash(
                  reader,
                  "cat /mnt/again/file; echo x > /mnt/again/file 2>/dev/null || echo refused"))
          .isEqualTo("data\nrefused");
      assertThat(bash(writer, "cat " + PATH + "/file")).isEqualTo("data");
    }
  }

  /** What a guest's root can ask the server for; prints the kernel's word. */
  private static String mount(Sandbox sandbox, String name) {
    return python(
        sandbox,
        """
        import ctypes, os
        os.makedirs('/mnt/try', exist_ok=True)
        o = b'vers=3,proto=tcp,port=2049,mountvers=3,mountproto=tcp,mountport=2049,addr=192.0.0.1,nolock,noacl,soft,timeo=20,retrans=1,retry=0'
        libc = ctypes.CDLL(None, use_errno=True)
        print('mounted' if libc.mount(b'192.0.0.1:/%s', b'/mnt/try', b'nfs', 0, o) == 0 else os.strerror(ctypes.get_errno()))
        """
            .formatted(name));
  }

  @Test
  void aVolumeIsForThoseThatHaveIt() {
    platform.client.volumes().create("mine");
    try (Sandbox with = with("mine");
        Sandbox neighbour = with("other");
        Sandbox without = platform.create()) {
      assertThat(mount(with, "mine")).isEqualTo("mounted"); // the words are right
      assertThat(mount(neighbour, "mine")).isEqualTo("Permission denied");
      assertThat(mount(without, "mine")).isNotEqualTo("mounted");
    }
    String key =
        platform.client.keys().create("volumes-other", false, List.of()).key().orElseThrow();
    try (Podflare stranger = platform.client(key)) {
      assertThat(stranger.volumes().list()).isEmpty();
      assertThatThrownBy(() -> stranger.volumes().get("mine")).hasMessageContaining("mine");
      Mount wish = new Mount(platform.client.volumes().get("mine").id(), PATH, false, false);
      assertThatThrownBy(() -> stranger.create(SandboxOptions.builder().mount(wish).build()))
          .isInstanceOfSatisfying(
              ApiException.class, it -> assertThat(it.code()).isEqualTo("volume_not_found"));
      VolumeInfo same = stranger.volumes().create("mine"); // a name is one of its key's
      assertThat(same.bytes()).contains(0L);
      stranger.volumes().delete("mine");
    }
  }

  @Test
  void aFullVolumeSaysSo() {
    platform.client.volumes().create("small", Optional.of(2));
    try (Sandbox sandbox = with("small")) {
      assertThat(
              python(
                  sandbox,
                  """
                  import errno, os
                  try:
                      with open('%s/big', 'wb') as f:
                          f.write(b'x' * (3 << 20)); f.flush(); os.fsync(f.fileno())
                  except OSError as e:
                      print(errno.errorcode[e.errno])
                  """
                      .formatted(PATH)))
          .isEqualTo("EDQUOT");
      bash(sandbox, "rm %s/big; head -c 1M /dev/zero > %s/fits".formatted(PATH, PATH));
      assertThat(platform.client.volumes().get("small").bytes()).contains(1L << 20);
      assertThat(
              bash(sandbox, "df -B1 --output=size,avail %s | tail -1".formatted(PATH)).split(" +"))
          .contains("2097152", "1048576");
    }
  }

  @Test
  void aVolumeInUseIsDeletedByForceOnly() {
    try (Sandbox sandbox = with("used")) {
      bash(sandbox, "echo x > " + PATH + "/f");
      assertThatThrownBy(() -> platform.client.volumes().delete("used"))
          .isInstanceOfSatisfying(
              ApiException.class,
              it -> {
                assertThat(it.code()).isEqualTo("volume_in_use");
                assertThat(it.details().get("sandboxes")).isEqualTo(List.of(sandbox.id()));
              });
      sandbox.snapshot(SnapshotOptions.named("holds-a-volume"));
      sandbox.delete();
      assertThatThrownBy(() -> platform.client.volumes().delete("used"))
          .isInstanceOfSatisfying(
              ApiException.class,
              it -> {
                assertThat(it.code()).isEqualTo("volume_in_use");
                assertThat(it.details().get("sandboxes")).isEqualTo(List.of());
                assertThat(it.details().get("snapshots")).isEqualTo(List.of("holds-a-volume"));
              });
    }
    try (Sandbox sandbox =
        platform.client.create(SandboxOptions.builder().snapshot("holds-a-volume").build())) {
      assertThat(bash(sandbox, "cat " + PATH + "/f")).isEqualTo("x");
      platform.client.volumes().deleteByForce("used");
      assertThat(bash(sandbox, "sleep 2; cat %s/f 2>&1; true".formatted(PATH)))
          .contains("Stale file handle");
      platform.client.volumes().create("used"); // another one of that name is none of its
      assertThat(bash(sandbox, "ls %s 2>&1; true".formatted(PATH))).contains("Stale file handle");
      assertThat(bash(sandbox, "echo usable")).isEqualTo("usable");
      platform.client.snapshots().list().forEach(it -> platform.client.snapshots().delete(it.id()));
    }
  }

  @Test
  void forksShareItAndSnapshotsAndRollbacksLeaveItAsItIs() {
    try (Sandbox parent = with("family")) {
      python(parent, "f = open('%s/log', 'a'); x = 1".formatted(PATH));
      bash(parent, "echo before > %s/state".formatted(PATH));
      List<Sandbox> children = parent.fork(2);
      for (Sandbox child : children) {
        assertThat(child.info().mounts()).hasSize(1);
        assertThat(
                bash(
                    child,
                    "cat %s/state; echo %s > %s/%s".formatted(PATH, child.id(), PATH, child.id())))
            .isEqualTo("before");
      }
      assertThat(bash(parent, "cat %s/sbx_* | sort".formatted(PATH)))
          .isEqualTo(String.join("\n", children.stream().map(Sandbox::id).sorted().toList()));
      python(children.getFirst(), "f.write('child'); f.close()");
      assertThat(bash(parent, "cat %s/log".formatted(PATH))).isEqualTo("child");
      parent.snapshot(SnapshotOptions.named("with-volume"));
      bash(parent, "echo after > %s/state".formatted(PATH));
      parent.rollback("with-volume");
      assertThat(bash(parent, "cat %s/state".formatted(PATH))).isEqualTo("after");
      try (Sandbox copy =
          platform.client.create(SandboxOptions.builder().snapshot("with-volume").build())) {
        assertThat(copy.info().mounts()).hasSize(1);
        assertThat(bash(copy, "cat %s/state".formatted(PATH))).isEqualTo("after");
        assertThatThrownBy(() -> platform.client.volumes().delete("family"))
            .hasMessageContaining("mounted");
      }
      parent.mergeInto(children.getFirst());
      assertThat(bash(parent, "cat %s/state".formatted(PATH))).isEqualTo("after");
      assertThatThrownBy(
              () -> {
                try (Sandbox plain = platform.create()) {
                  plain.rollback("with-volume");
                }
              })
          .hasMessageContaining("other volumes");
      children.getLast().delete();
      platform.client.snapshots().list().forEach(it -> platform.client.snapshots().delete(it.id()));
    }
  }

  @Test
  void frozenAndPausedSandboxesGoOnWithIt() {
    SandboxOptions options =
        SandboxOptions.builder()
            .persistent(true)
            .mount(new Mount("kept", PATH, false, true))
            .build();
    try (Sandbox sandbox = platform.client.create(options);
        Sandbox other = with("kept")) {
      python(sandbox, "f = open('%s/open', 'w+'); f.write('one'); f.flush()".formatted(PATH));
      bash(sandbox, "echo old > %s/file; cat %s/file".formatted(PATH, PATH));
      sandbox.freeze();
      assertThatThrownBy(() -> platform.client.volumes().delete("kept"))
          .hasMessageContaining("mounted");
      bash(other, "echo new > %s/file".formatted(PATH));
      assertThat(bash(sandbox, "cat %s/file".formatted(PATH))).isEqualTo("new"); // wakes it
      python(sandbox, "f.write(' two'); f.close()");
      assertThat(bash(other, "cat %s/open".formatted(PATH))).isEqualTo("one two");
      sandbox.pause();
      bash(other, "echo newer > %s/file".formatted(PATH));
      sandbox.resume();
      assertThat(bash(sandbox, "cat %s/file".formatted(PATH))).isEqualTo("newer");
    }
  }

  @Test
  void itIsThereWithoutAnyNetworkAndNothingElseIs() {
    SandboxOptions options =
        SandboxOptions.builder().egress(false).mount(new Mount("quiet", PATH, false, true)).build();
    try (Sandbox sandbox = platform.client.create(options)) {
      assertThat(bash(sandbox, "echo x > %s/f; cat %s/f".formatted(PATH, PATH))).isEqualTo("x");
      sandbox.setNetwork(NetworkPolicy.open());
      sandbox.setNetwork(NetworkPolicy.shut());
      assertThat(bash(sandbox, "echo y > %s/f; cat %s/f".formatted(PATH, PATH))).isEqualTo("y");
    }
  }

  @Test
  void wishesThatMakeNoSenseAreRefused() {
    refused("volume_not_found", new Mount("missing", PATH, false, false));
    refused("invalid_field", new Mount("Bad Name", PATH, false, true));
    for (String path :
        List.of("relative", "/", "/mnt/../etc", "/mnt/", "/proc/x", "/dev", "/mnt//x")) {
      refused("invalid_field", new Mount("ok", path, false, true));
    }
    refused(
        "invalid_field",
        new Mount("ok", PATH, false, true),
        new Mount("ok", "/mnt/b", false, true));
    refused(
        "invalid_field", new Mount("ok", PATH, false, true), new Mount("ok2", PATH, false, true));
    // A place that cannot be a folder: no sandbox stays behind.
    int before = platform.client.listAll(dev.podflare.client.ListFilter.ALL, 1000).size();
    refused("mount_failed", new Mount("ok", "/etc/hostname/x", false, true));
    assertThat(platform.client.listAll(dev.podflare.client.ListFilter.ALL, 1000)).hasSize(before);
  }

  private void refused(String code, Mount... mounts) {
    assertThatThrownBy(() -> with(mounts))
        .isInstanceOfSatisfying(ApiException.class, it -> assertThat(it.code()).isEqualTo(code));
  }
}
