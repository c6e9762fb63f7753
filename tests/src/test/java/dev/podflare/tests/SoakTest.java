package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** Rounds of create, exec and delete with guests that die in between: the host stays as it was. */
@OnPlatform
@Order(80)
class SoakTest {
  private static final int AT_ONCE = 8;
  private static final int ROUNDS_A_KILL = 5;
  private static final long HEAP_NOISE = 24L << 20;

  @TempDir Path data;

  private final Random random = new Random(20_260_103);
  private final Map<String, String> ended = new ConcurrentHashMap<>();
  private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
  private final AtomicInteger good = new AtomicInteger();
  private final AtomicInteger crashed = new AtomicInteger();

  @Test
  void theHostIsAsItWas() throws Exception {
    int rounds = LongRun.choose(40, 200);
    try (DaemonProcess daemon = DaemonProcess.start(data)) {
      settled(daemon);
      soak(daemon, AT_ONCE); // what every daemon comes to have, it has before we look
      settled(daemon);
      long heap = JavaHeap.used(daemon.process); // the first question opens a socket for good
      HostState before = daemon.state();
      soak(daemon, rounds);
      HostState after = settled(daemon);
      await()
          .atMost(TestPlatform.PATIENCE)
          .untilAsserted(() -> assertThat(daemon.state()).isEqualTo(before));
      assertThat(JavaHeap.used(daemon.process)).isLessThan(heap + HEAP_NOISE);
      System.out.printf(
          "soak: %d rounds, %d good, %d met a dead guest; %s%n",
          rounds, good.get(), crashed.get(), after);
      assertThat(daemon.terminate()).isEqualTo(143);
      assertThat(HostState.leftovers(data)).isEmpty();
    }
  }

  private HostState settled(DaemonProcess daemon) throws IOException {
    assertThat(failures).isEmpty();
    try (Podflare client = daemon.client()) {
      daemon.awaitPool(client);
      ended.forEach(
          (id, reason) -> assertThat(TestPlatform.goneReason(client.sandbox(id))).contains(reason));
    }
    return daemon.state();
  }

  private void soak(DaemonProcess daemon, int rounds) throws Exception {
    Semaphore places = new Semaphore(AT_ONCE);
    try (Podflare client = daemon.client();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int round = 0; round < rounds; round++) {
        places.acquire();
        if (round % ROUNDS_A_KILL == ROUNDS_A_KILL - 1) {
          killAGuest();
        }
        Future<?> started =
            threads.submit(() -> {
              try {
                round(client);
              } catch (Throwable failure) {
                failures.add(failure);
              } finally {
                places.release();
              }
            });
        assertThat(started).isNotNull();
      }
    }
    assertThat(failures).isEmpty();
    assertThat(good.get()).isPositive();
  }

  private void round(Podflare client) {
    Sandbox sandbox;
    try {
      sandbox = client.create();
    } catch (ApiException refused) {
      // The very machine that was to be handed out was killed.
      assertThat(refused.code()).isEqualTo("machine_failed");
      crashed.incrementAndGet();
      return;
    }
    try {
      RunResult python = sandbox.runCode("x = list(range(1000)); print(sum(x))");
      RunResult bash = sandbox.runCode("echo $((6 * 7)) | tee /root/file", Language.BASH);
      if (python.ok() && bash.ok()) {
        assertThat(python.stdout()).isEqualTo("499500\n");
        assertThat(bash.stdout()).isEqualTo("42\n");
      } else {
        assertThat(List.of(python.reason(), bash.reason())).contains("sandbox_closed");
      }
      sandbox.delete();
    } catch (ApiException gone) {
      assertThat(gone.code()).as(gone.getMessage()).isEqualTo("gone");
    }
    await().atMost(TestPlatform.PATIENCE).until(() -> TestPlatform.goneReason(sandbox).isPresent());
    String reason = TestPlatform.goneReason(sandbox).orElseThrow();
    assertThat(reason).isIn("deleted", "guest_crashed");
    (reason.equals("deleted") ? good : crashed).incrementAndGet();
    ended.put(sandbox.id(), reason);
  }

  /** As {@code kill -9} of any QEMU: a sandbox's, a pool member's or a blank's. */
  private void killAGuest() throws IOException {
    try (Stream<Path> folders = Files.list(HostState.runFolder(data))) {
      List<Path> journals = folders.filter(it -> it.toString().endsWith(".json")).sorted().toList();
      Path journal = journals.get(random.nextInt(journals.size()));
      long pid = JsonMapper.shared().readTree(journal.toFile()).get("pid").longValue();
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    } catch (java.nio.file.NoSuchFileException | tools.jackson.core.JacksonException ended) {
      // That one has just gone by itself.
    }
  }
}
