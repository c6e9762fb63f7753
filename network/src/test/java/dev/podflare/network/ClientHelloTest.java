package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ClientHelloTest {
  /** A hello with these extensions, in records of at most this many bytes. */
  static byte[] hello(int recordSize, byte[]... extensions) {
    ByteBuffer body = ByteBuffer.allocate(60_000);
    int size = Arrays.stream(extensions).mapToInt(it -> it.length).sum();
    body.put((byte) 1).put((byte) 0).putShort((short) (2 + 32 + 1 + 4 + 2 + 2 + size));
    body.putShort((short) 0x303).put(new byte[32]).put((byte) 0);
    body.putShort((short) 2).putShort((short) 0x1301).put((byte) 1).put((byte) 0);
    body.putShort((short) size);
    Arrays.stream(extensions).forEach(body::put);
    byte[] handshake = Arrays.copyOf(body.array(), body.position());
    ByteArrayOutputStream records = new ByteArrayOutputStream();
    for (int start = 0; start < handshake.length; start += recordSize) {
      int length = Math.min(recordSize, handshake.length - start);
      records.writeBytes(new byte[] {0x16, 3, 1, (byte) (length >> 8), (byte) length});
      records.write(handshake, start, length);
    }
    return records.toByteArray();
  }

  static byte[] extension(int type, byte[] data) {
    return ByteBuffer.allocate(4 + data.length)
        .putShort((short) type)
        .putShort((short) data.length)
        .put(data)
        .array();
  }

  static byte[] serverName(String... names) {
    ByteArrayOutputStream list = new ByteArrayOutputStream();
    for (String name : names) {
      byte[] bytes = name.getBytes(StandardCharsets.ISO_8859_1);
      list.writeBytes(new byte[] {0, (byte) (bytes.length >> 8), (byte) bytes.length});
      list.writeBytes(bytes);
    }
    byte[] entries = list.toByteArray();
    return extension(
        0,
        ByteBuffer.allocate(2 + entries.length)
            .putShort((short) entries.length)
            .put(entries)
            .array());
  }

  private static ClientHello read(byte[] bytes) {
    return ClientHello.read(ByteBuffer.wrap(bytes));
  }

  @Test
  void readsTheNameInItsOneSpelling() {
    assertThat(read(hello(16384, extension(43, new byte[3]), serverName("WWW.Example.COM."))))
        .isEqualTo(new ClientHello.Whole(Optional.of("www.example.com")));
    assertThat(read(hello(16384, extension(43, new byte[3]))))
        .isEqualTo(new ClientHello.Whole(Optional.empty()));
  }

  @Test
  void everyBeginningIsIncompleteHoweverItIsCut() {
    for (int recordSize : List.of(1, 7, 100, 16384)) {
      byte[] whole = hello(recordSize, serverName("www.example.com"));
      for (int length = 0; length < whole.length; length++) {
        assertThat(read(Arrays.copyOf(whole, length))).isInstanceOf(ClientHello.Incomplete.class);
      }
      assertThat(read(whole)).isEqualTo(new ClientHello.Whole(Optional.of("www.example.com")));
    }
  }

  @Test
  void whatCouldBeReadInTwoWaysIsMalformed() {
    byte[] twoLists = serverName("a.example");
    for (byte[] bytes :
        List.of(
            hello(16384, serverName("a.example", "b.example")),
            hello(16384, twoLists, serverName("b.example")),
            hello(16384, serverName("a.example\0.evil.example")),
            hello(16384, serverName("")),
            hello(16384, serverName("203.0.113.5")),
            hello(16384, serverName("a b")),
            hello(16384, extension(0, new byte[0])),
            hello(16384, extension(21, new byte[20_000])),
            new byte[] {0x15, 3, 1, 0, 2, 1, 0},
            new byte[] {0x16, 3, 1, 0, 0},
            new byte[] {0x16, 3, 1, 0x7f, 0},
            new byte[] {0x16, 2},
            new byte[] {0x16, 3, 1, 0, 4, 2, 0, 0, 0})) {
      assertThat(read(bytes)).isInstanceOf(ClientHello.Malformed.class);
    }
  }

  @Test
  void brokenHellosNeverThrow() {
    Random random = new Random(7);
    byte[] whole = hello(16384, extension(43, new byte[3]), serverName("www.example.com"));
    for (int round = 0; round < 20_000; round++) {
      byte[] broken = whole.clone();
      for (int change = 0; change <= round % 4; change++) {
        broken[random.nextInt(broken.length)] = (byte) random.nextInt();
      }
      assertThat(read(broken)).isNotNull();
    }
  }
}
