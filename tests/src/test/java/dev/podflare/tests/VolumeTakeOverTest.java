package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunRequest;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SandboxOptions.Mount;
import java.nio.file.Path;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code kill -9} of the daemon while guests write to a volume: they wait, and go on with the next
 * one.
 */
@OnPlatform
@Order(89)
class VolumeTakeOverTest {
  private static final int ROUNDS = 3;

  /** Each step must be done once: a name that is made twice, or removed twice, ends it. */
  private static final String WORK =
      """
      import os
      os.makedirs('/mnt/v/work', exist_ok=True)
      n = 0
      while not os.path.exists('/mnt/v/stop'):
          n += 1
          with open(f'/mnt/v/work/{n}', 'x') as f:
              f.write(f'{n}\\n' * 1000)
          os.rename(f'/mnt/v/work/{n}', f'/mnt/v/work/done-{n}')
          os.mkdir(f'/mnt/v/work/folder-{n}')
          if n > 3:
              os.unlink(f'/mnt/v/work/done-{n - 3}')
              os.rmdir(f'/mnt/v/work/folder-{n - 3}')
          with open('/mnt/v/count', 'w') as f:
              f.write(str(n))
      print('ended well')
      """;

  @TempDir Path data;

  @Test
  void guestsGoOnWritingWithTheNextDaemon() throws Exception {
    String id;
    String call;
    try (DaemonProcess first = DaemonProcess.start(data);
        Podflare client = first.client()) {
      Sandbox sandbox =
          client.create(
              SandboxOptions.builder().mount(new Mount("work", "/mnt/v", false, true)).build());
      id = sandbox.id();
      call = sandbox.start(RunRequest.of(WORK, Language.PYTHON));
      awaitMore(sandbox, 5);
      first.kill();
    }
    for (int round = 0; round < ROUNDS; round++) {
      try (DaemonProcess next = DaemonProcess.start(data);
          Podflare client = next.client()) {
        Sandbox sandbox = client.sandbox(id);
        assertThat(sandbox.info().mounts()).as(next.log()).hasSize(1);
        awaitMore(sandbox, 5);
        try (Sandbox other =
            client.create(
                SandboxOptions.builder().mount(new Mount("work", "/mnt/v", true, false)).build())) {
          assertThat(bash(other, "ls /mnt/v/work | wc -l")).isNotEqualTo("0");
        }
        if (round == ROUNDS - 1) {
          bash(sandbox, "touch /mnt/v/stop");
          await()
              .atMost(TestPlatform.PATIENCE)
              .until(() -> !sandbox.execution(call).state().equals("running"));
          assertThat(sandbox.execution(call).exitCode()).as(next.log()).contains(0);
          assertThat(bash(sandbox, "cd /mnt/v/work; for f in done-*; do sort -u $f | wc -l; done"))
              .isEqualTo("1\n1\n1");
          sandbox.delete();
          client.volumes().delete("work");
          next.awaitPool(client);
        } else {
          next.kill();
        }
      }
    }
    assertThat(HostState.leftovers(data)).isEmpty();
  }

  private static void awaitMore(Sandbox sandbox, int steps) {
    int before = count(sandbox);
    await().atMost(TestPlatform.PATIENCE).until(() -> count(sandbox) >= before + steps);
  }

  private static int count(Sandbox sandbox) {
    String text = bash(sandbox, "cat /mnt/v/count 2>/dev/null || true");
    return text.isEmpty() ? 0 : Integer.parseInt(text);
  }
}
