package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.linux.ProcFs;
import dev.podflare.server.testing.MalformedRequests;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A thousand malformed requests against the real daemon. */
@OnPlatform
@Order(70)
class MalformedRequestsLiveTest {
  private static final long SEED = 20_260_102;
  private static final int THREADS_OF_NOISE = 64;
  private static final Duration HANG = Duration.ofSeconds(90);

  @TempDir Path data;

  @Test
  void theyGetProperAnswersAndLeaveNothing() throws Exception {
    try (DaemonProcess daemon = DaemonProcess.start(data)) {
      try (Podflare client = daemon.client()) {
        daemon.awaitPool(client);
        send(daemon, SEED + 1, 50); // threads and classes that every daemon comes to have
        daemon.awaitPool(client);
      }
      HostState before = daemon.state();
      int threads = threads(daemon);
      MalformedRequests.Report report = send(daemon, SEED, 1000);
      assertThat(report.faults()).isEmpty();
      assertThat(report.statuses().values().stream().mapToInt(n -> n).sum()).isEqualTo(1000);
      assertThat(report.statuses()).containsKeys(200, 400, 401, 404, 405).doesNotContainKey(500);
      try (Podflare client = daemon.client()) {
        try (Sandbox sandbox = client.create()) {
          GuestProbe.assertUsable(sandbox);
        }
        daemon.awaitPool(client);
      }
      await()
          .atMost(TestPlatform.PATIENCE)
          .untilAsserted(() -> assertThat(daemon.state()).isEqualTo(before));
      assertThat(threads(daemon)).isLessThanOrEqualTo(threads + THREADS_OF_NOISE);
      assertThat(daemon.terminate()).isEqualTo(143);
      assertThat(HostState.leftovers(data)).isEmpty();
    }
  }

  private static MalformedRequests.Report send(DaemonProcess daemon, long seed, int count)
      throws Exception {
    return new MalformedRequests(daemon.uri(), daemon.key(), TestPlatform.CONTRACT, HANG)
        .run(seed, count);
  }

  private static int threads(DaemonProcess daemon) {
    return Integer.parseInt(ProcFs.status(daemon.process.pid(), "Threads").orElseThrow());
  }
}
