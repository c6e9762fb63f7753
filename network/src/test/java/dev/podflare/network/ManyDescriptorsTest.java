package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.linux.Nftables;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A daemon of many sandboxes has thousands of descriptors open. */
class ManyDescriptorsTest {
  /** More than {@code select} knows; libnftables waits with it. */
  private static final int MANY = 3000;

  private final List<FileChannel> open = new ArrayList<>();

  @AfterEach
  void close() throws IOException {
    for (FileChannel channel : open) {
      channel.close();
    }
  }

  @Test
  void thePacketFilterIsChangedAllTheSame() throws IOException {
    try (Namespace namespace = Namespace.create("many")) {
      for (int turn = 0; turn < 3; turn++) {
        String table = "t" + turn;
        namespace.run(() -> {
          try (Nftables nftables = Nftables.open()) {
            assertThat(nftables.run("add table inet " + table)).isEmpty();
            assertThat(nftables.run("list tables")).contains("table inet " + table);
          }
        });
        for (int i = 0; i < MANY; i++) {
          open.add(FileChannel.open(Path.of("/dev/null")));
        }
      }
    }
  }
}
