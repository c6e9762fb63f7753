package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostResolversTest {
  @Test
  void readsTheHostsResolversAgainWhenTheyChange(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("resolv.conf");
    HostResolvers resolvers = new HostResolvers(file);
    assertThat(resolvers.servers()).isEmpty();
    Files.writeString(
        file,
        "# comment\nsearch lan\nnameserver 192.0.2.1\nnameserver  2001:db8::1\nnameserver x\n");
    assertThat(resolvers.servers())
        .containsExactly(
            new InetSocketAddress("192.0.2.1", 53), new InetSocketAddress("2001:db8::1", 53));
    Files.writeString(file, "nameserver 192.0.2.2\n");
    Files.setLastModifiedTime(file, FileTime.fromMillis(1));
    assertThat(resolvers.servers()).containsExactly(new InetSocketAddress("192.0.2.2", 53));
  }
}
