package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What can be seen of mounts without a guest: real ones are mounted in the tests of the whole. */
class GuestMountsTest {
  @Test
  void whatCannotBeMountedIsSaidAndTheAgentGoesOn(@TempDir Path folder) {
    try (HostAgent agent = new HostAgent(folder)) {
      // No folder can be made there, so nothing is mounted.
      GuestMounts.Mount bad = new GuestMounts.Mount("data", "/dev/null/place", true);
      for (int i = 0; i < 3; i++) {
        assertThatThrownBy(
                () -> GuestMounts.mount(agent.channel(), List.of(bad), HostAgent.PATIENCE))
            .isInstanceOfSatisfying(
                PodflareException.class,
                it -> {
                  assertThat(it.code()).isEqualTo(ErrorCode.MOUNT_FAILED);
                  assertThat(it.sentence()).contains("/dev/null/place");
                });
      }
      GuestMounts.mount(agent.channel(), List.of(), HostAgent.PATIENCE);
      assertThat(agent.python("print('in order')").stdout()).isEqualTo("in order\n");
    }
  }
}
