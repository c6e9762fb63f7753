package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.Podflare;
import dev.podflare.client.ResumeOptions;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SnapshotOptions;
import dev.podflare.client.SpaceInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * What was saved on one node goes on on another, which shares records and store and nothing else:
 * another data folder, other templates, another boot.
 */
@OnPlatform
@ResourceLock(SharedServers.LOCK)
@Order(59)
class OtherNodeTest {
  private static final String BUSY =
      """
      import hashlib, os, subprocess
      x = os.urandom(3_000_000)
      f = open('/root/f', 'w'); f.write('half, ')
      p = subprocess.Popen(['bash', '-c', '''%s'''])
      """
          .formatted(GuestProbe.inBash("while :; do echo $((i++)) > /root/ticks; WAIT; done", 0.1));

  @TempDir static Path otherHost;
  private static Path otherTemplates = Path.of("none");

  @TempDir Path folder;

  private final SharedServers servers = new SharedServers();

  @BeforeAll
  static void copyTemplates() throws Exception {
    otherTemplates = OtherTemplates.make(otherHost);
  }

  @AfterEach
  void close() {
    servers.close();
  }

  private static SandboxOptions persistent() {
    return SandboxOptions.builder()
        .persistent(true)
        .egress(false)
        .env(Map.of("WHO", "me"))
        .metadata(Map.of("a", "b"))
        .build();
  }

  private static String digest(Sandbox sandbox) {
    return python(sandbox, "print(hashlib.sha256(x).hexdigest())")
        + bash(
            sandbox,
            "sync; echo 3 > /proc/sys/vm/drop_caches; sha256sum < /root/data; cd /usr/lib; "
                + " find . -name '*.py' | sort | head -30 | xargs cat | sha256sum");
  }

  /** The same again while what it needs is on its way. */
  private static <T> T patiently(Supplier<T> call) {
    List<T> answer = new ArrayList<>();
    await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> {
          try {
            return answer.add(call.get());
          } catch (ApiException e) {
            if (e.code().equals("shape_preparing")) {
              return false;
            }
            throw e;
          }
        });
    return answer.getFirst();
  }

  private static void awaitAnyNode(Podflare client, SpaceInfo space) {
    await().atMost(TestPlatform.PATIENCE).until(() -> client.spaces().get(space.id()).anyNode());
  }

  private static void assertBusy(Sandbox sandbox, String digest) {
    assertThat(digest(sandbox)).isEqualTo(digest);
    assertThat(python(sandbox, "f.write('whole'); f.flush(); print(open('/root/f').read())"))
        .isEqualTo("half, whole");
    assertThat(python(sandbox, "print(p.poll())")).isEqualTo("None");
    String ticks = bash(sandbox, "cat /root/ticks");
    await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> !bash(sandbox, "cat /root/ticks").equals(ticks));
  }

  @Test
  void aSpaceAndASnapshotGoOnWhereNeitherTheirTemplateNorTheirShapeIs() throws Exception {
    Path first = Files.createDirectory(folder.resolve("a"));
    Path second = folder.resolve("b");
    try (DaemonProcess other = servers.daemon(second, "b", otherTemplates);
        Podflare atOther = other.client()) {
      SpaceInfo space;
      String snapshot;
      String digest;
      try (DaemonProcess one = servers.daemon(first, "a");
          Podflare atOne = one.client()) {
        Sandbox sandbox = atOne.create(persistent());
        python(sandbox, BUSY);
        bash(sandbox, "head -c 2M /dev/urandom > /root/data");
        digest = digest(sandbox);
        snapshot = sandbox.snapshot(SnapshotOptions.named("before")).id();
        space = sandbox.freeze();
        awaitAnyNode(atOne, space);
        oneOfTwoNodesGetsIt(atOne, atOther);
        assertThat(one.terminate()).as(one.log()).isEqualTo(143);
      }
      delete(first);

      Sandbox here = patiently(() -> atOther.spaces().resume(space.id()));
      assertBusy(here, digest);
      assertThat(bash(here, "echo $WHO")).isEqualTo("me");
      assertThat(here.info().metadata()).containsEntry("a", "b");
      assertThat(here.info().egress()).isFalse();
      Sandbox fromSnapshot =
          patiently(() ->
              atOther.create(SandboxOptions.builder().snapshot(snapshot).persistent(true).build()));
      assertBusy(fromSnapshot, digest);
      Sandbox child = here.fork(1).getFirst();
      assertThat(digest(child)).isEqualTo(digest);
      here.freeze();
      assertThat(digest(here)).isEqualTo(digest);

      other.kill();
      try (DaemonProcess next = servers.daemon(second, "b", otherTemplates);
          Podflare atNext = next.client()) {
        assertThat(digest(atNext.sandbox(here.id()))).as(next.log()).isEqualTo(digest);
        assertThat(digest(atNext.sandbox(fromSnapshot.id()))).isEqualTo(digest);
        assertThat(digest(atNext.sandbox(child.id()).fork(1).getFirst())).isEqualTo(digest);
        patiently(() -> atNext.sandbox(here.id()).rollback(snapshot));
        assertThat(digest(atNext.sandbox(here.id()))).isEqualTo(digest);
      }
    }
    assertThat(HostState.leftovers(second)).isEmpty();
  }

  /** Both begin to go on with it, and only one may. */
  private static void oneOfTwoNodesGetsIt(Podflare atOne, Podflare atOther) {
    Sandbox sandbox = atOne.create(persistent());
    python(sandbox, "n = 0");
    SpaceInfo kept = sandbox.freeze(); // so that the other node has the shape, too
    patiently(() -> atOther.spaces().resume(kept.id(), ResumeOptions.AS_IT_WAS.withKeep(true)))
        .delete();
    for (int round = 1; round <= LongRun.choose(2, 20); round++) {
      String space = atOne.spaces().list().getLast().id();
      List<CompletableFuture<Optional<Sandbox>>> tries = new ArrayList<>();
      for (Podflare node : List.of(atOne, atOther)) {
        tries.add(CompletableFuture.supplyAsync(() -> tryResume(node, space)));
      }
      List<Sandbox> got = tries.stream().flatMap(it -> it.join().stream()).toList();
      assertThat(got).hasSize(1);
      assertThat(python(got.getFirst(), "n += 1; print(n)")).isEqualTo("" + round);
      got.getFirst().freeze();
    }
    atOne.spaces().delete(atOne.spaces().list().getLast().id());
  }

  private static Optional<Sandbox> tryResume(Podflare node, String space) {
    try {
      return Optional.of(node.spaces().resume(space));
    } catch (ApiException e) {
      assertThat(e.code()).isEqualTo("space_not_found");
      return Optional.empty();
    }
  }

  @Test
  @Tag("slow")
  void aDamagedShapeIsToldAndAFetchThatWasKilledIsBegunAgain() throws Exception {
    Path store = folder.resolve("store");
    try (DaemonProcess one =
            servers.daemon(folder.resolve("a"), "a", store, TestTemplates.folder());
        Podflare atOne = one.client()) {
      Sandbox sandbox = atOne.create(persistent());
      Sandbox harmless = atOne.create(persistent());
      await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> one.log().contains("is in the store for other nodes"));
      List<Path> shape = chunks(store);
      python(sandbox, BUSY);
      bash(sandbox, "head -c 2M /dev/urandom > /root/data");
      String digest = digest(sandbox);
      SpaceInfo space = sandbox.freeze();
      assertThat(space.anyNode()).isTrue();
      harmless.freeze();

      Path second = folder.resolve("b");
      Path victim = shape.get(shape.size() / 2);
      byte[] right = Files.readAllBytes(victim);
      byte[] wrong = right.clone();
      wrong[wrong.length / 2] ^= 1;
      try (DaemonProcess other = servers.daemon(second, "b", store, otherTemplates);
          Podflare atOther = other.client()) {
        write(victim, wrong);
        assertThatThrownBy(() -> patiently(() -> atOther.spaces().resume(space.id())))
            .isInstanceOfSatisfying(
                ApiException.class, e -> assertThat(e.code()).isEqualTo("checkpoint_corrupt"));
        assertThat(files(second.resolve("shapes").resolve(".drafts"))).isEmpty();
        assertThat(atOther.spaces().get(space.id()).id()).isEqualTo(space.id());
        assertUsable(harmless); // on the node that has the shape
        write(victim, right);

        CompletableFuture<Void> broken =
            CompletableFuture.runAsync(() -> tryResumeOnce(atOther, space.id()));
        await()
            .pollInterval(Duration.ofMillis(5))
            .atMost(TestPlatform.PATIENCE)
            .until(() ->
                broken.isDone() || files(second.resolve("shapes").resolve(".drafts")).size() > 2);
        other.kill();
      }
      try (DaemonProcess other = servers.daemon(second, "b", store, otherTemplates);
          Podflare atOther = other.client()) {
        assertThat(files(second.resolve("shapes").resolve(".drafts"))).isEmpty();
        List<CompletableFuture<Sandbox>> waiting = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
          waiting.add(
              CompletableFuture.supplyAsync(() ->
                  patiently(() ->
                      atOther
                          .spaces()
                          .resume(space.id(), ResumeOptions.AS_IT_WAS.withKeep(true)))));
        }
        for (CompletableFuture<Sandbox> each : waiting) {
          assertThat(digest(each.join())).isEqualTo(digest);
        }
        assertThat(other.log().split("fetching the frozen shape", -1)).hasSize(2);
        assertBusy(atOther.spaces().resume(space.id()), digest);
      }
      assertThat(HostState.leftovers(second)).isEmpty();
    }
  }

  private static void tryResumeOnce(Podflare node, String space) {
    try {
      assertThat(node.spaces().resume(space, ResumeOptions.AS_IT_WAS.withKeep(true)).id())
          .isNotEmpty();
    } catch (ApiException killed) {
      // As it is to be.
    }
  }

  private static List<Path> chunks(Path store) throws IOException {
    return files(store.resolve("chunks"));
  }

  private static List<Path> files(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).sorted().toList();
    } catch (UncheckedIOException | NoSuchFileException changing) {
      return List.of();
    }
  }

  private static void write(Path file, byte[] bytes) throws IOException {
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    Files.write(file, bytes);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
