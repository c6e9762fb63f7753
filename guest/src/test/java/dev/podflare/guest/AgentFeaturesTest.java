package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AgentFeaturesTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"0.4.0", "0.4.1", "0.10.0", "1.0.0"})
  void newerAgentsKnowOfFiles(String version) {
    assertThatCode(() -> new AgentFeatures(version).require(AgentFeatures.FILES, "files"))
        .doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0.1.0", "0.3.99", "2", "9.9", "x.y.z", "9999999.0.0", "1.0.0\n"})
  void olderOnesAndNonsenseDoNot(String version) {
    refused(() -> new AgentFeatures(version).require(AgentFeatures.FILES, "files"));
  }

  @Test
  void anOldAgentIsSentNothing() throws Exception {
    UnixDomainSocketAddress address = UnixDomainSocketAddress.of(folder.resolve("s"));
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(address);
      try (SocketChannel agent = SocketChannel.open(address);
          AgentChannel channel = AgentChannel.open(server.accept(), new Silent())) {
        byte[] hello =
            "{\"epoch\":0,\"time_ns\":1,\"agent\":\"0.1.0\",\"python\":\"3\"}"
                .getBytes(StandardCharsets.US_ASCII);
        ByteBuffer frame = ByteBuffer.allocate(9 + hello.length);
        frame.putInt(5 + hello.length).put((byte) 'H').putInt(0).put(hello).flip();
        assertThat(agent.write(frame)).isEqualTo(9 + hello.length);
        Hello heard = channel.awaitHello(Duration.ofSeconds(10));
        assertThat(heard.agent()).isEqualTo("0.1.0");

        refused(() -> channel.files(Map.of("op", "stat", "path", "/")).close());
        refused(() -> channel.askMounts(new byte[0], Duration.ofSeconds(10)));

        agent.configureBlocking(false);
        assertThat(agent.read(ByteBuffer.allocate(1))).isZero();
        assertThat(channel.busyWithFiles()).isFalse();
      }
    }
  }

  private static final class Silent implements ChannelListener {
    @Override
    public void notice(Map<String, Object> notice) {}

    @Override
    public void stray(GuestStream stream, byte[] bytes) {}

    @Override
    public void closed(PodflareException cause) {}
  }

  private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.GUEST_TOO_OLD));
  }
}
