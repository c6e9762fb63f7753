package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Control frames between the real channel and the real agent. */
class AgentChannelTest {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private HostAgent agent;
  private AgentChannel channel;

  @BeforeEach
  void start(@TempDir Path folder) {
    agent = new HostAgent(folder);
    channel = agent.channel();
  }

  @AfterEach
  void stop() {
    agent.close();
  }

  @Test
  void pingEchoes() {
    assertThat(channel.ping(new byte[] {1, 2, 3}, PATIENCE)).isPositive();
    assertThat(channel.ping(new byte[Frame.MAX_PAYLOAD], PATIENCE)).isPositive();
  }

  @Test
  void clockIsSet() {
    assertThat(channel.syncClock(PATIENCE)).isLessThan(PATIENCE);
  }

  @Test
  void barrierSilencesTheStreamAndReleaseGoesOn() throws Exception {
    Recording call =
        agent.start(
            ExecCommand.of(
                GuestLanguage.PYTHON,
                "import time\nfor i in range(30):\n  print(i); time.sleep(0.02)"));
    await().until(() -> call.stdoutSize() > 0);
    channel.barrier(PATIENCE);
    int before = call.stdoutSize();
    TimeUnit.MILLISECONDS.sleep(200);
    assertThat(call.stdoutSize()).isEqualTo(before);
    channel.release();
    assertThat(call.await().stdout()).endsWith("28\n29\n");
  }

  @Test
  void callsDuringABarrierWaitForItsEnd() {
    channel.barrier(PATIENCE);
    Thread.ofVirtual()
        .start(() -> {
          try {
            TimeUnit.MILLISECONDS.sleep(100);
          } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
          }
          channel.release();
        });
    assertThat(agent.python("print(1)").stdout()).isEqualTo("1\n");
  }

  @Test
  void renewalLetsGoOfCarriedCalls() {
    Recording carried =
        agent.start(
            ExecCommand.of(
                GuestLanguage.PYTHON,
                "import time\nfor i in range(80):\n  print(i); time.sleep(0.02)"));
    await().until(() -> carried.stdoutSize() > 0);
    channel.barrier(PATIENCE);
    Hello hello = channel.renew(Renewal.of(7, "pod-1"), PATIENCE);
    assertThat(hello.epoch()).isEqualTo(7);
    assertThat(hello.running()).containsExactly(carried.exec().id());
    assertThat(carried.lostIt()).isTrue();
    Recording next = agent.python("print(i)");
    assertThat(next.stdout()).isEqualTo("79\n");
  }

  @Test
  void closeLosesWhatRuns() throws Exception {
    Recording call = agent.start(ExecCommand.of(GuestLanguage.BASH, "sleep 60"));
    channel.close();
    channel.close();
    assertThat(agent.closed.get(5, TimeUnit.SECONDS).code()).isEqualTo(ErrorCode.MACHINE_FAILED);
    await().until(call::lostIt);
    assertThat(channel.isOpen()).isFalse();
    assertThatThrownBy(() -> channel.ping(new byte[0], PATIENCE))
        .isInstanceOf(PodflareException.class);
    assertThatThrownBy(() -> agent.python("1")).isInstanceOf(PodflareException.class);
  }
}
