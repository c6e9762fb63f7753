package dev.podflare.network;

import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * The server name in a TLS client hello (RFC 8446, RFC 6066), which may be spread over many
 * records. Strict: what two programs could read differently is {@link Malformed}.
 *
 * <p>With encrypted client hello (ECH) the name read here is the outer one, which is the
 * provider's; a hello without an outer name has no name.
 */
sealed interface ClientHello {
  /** The bytes so far are the beginning of a hello. */
  record Incomplete() implements ClientHello {}

  record Malformed() implements ClientHello {}

  /** A whole hello; the name in its one spelling. */
  record Whole(Optional<String> name) implements ClientHello {}

  /** Whether the first byte is that of a TLS record. */
  static boolean begins(byte first) {
    return first >= 0x14 && first <= 0x17;
  }

  /** Reads the buffer from position to limit without moving them. */
  static ClientHello read(ByteBuffer seen) {
    try {
      return Reading.records(seen.duplicate());
    } catch (BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException e) {
      return new Malformed();
    }
  }

  /** The steps, from records to the extension. */
  final class Reading {
    private static final int HANDSHAKE_RECORD = 0x16;
    private static final int CLIENT_HELLO = 1;
    private static final int LARGEST_RECORD = 1 << 14;
    private static final int SERVER_NAME = 0;
    private static final int HOST_NAME = 0;

    private Reading() {}

    private static ClientHello records(ByteBuffer in) {
      ByteArrayOutputStream handshake = new ByteArrayOutputStream();
      while (in.hasRemaining()) {
        if (in.get(in.position()) != HANDSHAKE_RECORD
            || (in.remaining() > 1 && in.get(in.position() + 1) != 3)) {
          return new Malformed();
        }
        if (in.remaining() < 5) {
          return new Incomplete();
        }
        int length = in.getShort(in.position() + 3) & 0xffff;
        if (length == 0 || length > LARGEST_RECORD) {
          return new Malformed();
        }
        in.position(in.position() + 5);
        byte[] fragment = new byte[Math.min(length, in.remaining())];
        in.get(fragment);
        handshake.writeBytes(fragment);
        Optional<ClientHello> hello = handshake(ByteBuffer.wrap(handshake.toByteArray()));
        if (hello.isPresent()) {
          return hello.get();
        }
      }
      return new Incomplete();
    }

    private static Optional<ClientHello> handshake(ByteBuffer in) {
      if (in.hasRemaining() && in.get(0) != CLIENT_HELLO) {
        return Optional.of(new Malformed());
      }
      if (in.remaining() < 4) {
        return Optional.empty();
      }
      int length = in.getInt() & 0xffffff;
      if (length > GateConfig.LARGEST_HEAD) {
        return Optional.of(new Malformed());
      }
      return in.remaining() < length
          ? Optional.empty()
          : Optional.of(body(in.slice(in.position(), length)));
    }

    private static ClientHello body(ByteBuffer in) {
      skip(in, 2 + 32);
      skip(in, in.get() & 0xff);
      skip(in, in.getShort() & 0xffff);
      skip(in, in.get() & 0xff);
      if (!in.hasRemaining()) {
        return new Whole(Optional.empty());
      }
      ByteBuffer extensions = part(in, in.getShort() & 0xffff);
      if (in.hasRemaining()) {
        return new Malformed();
      }
      return extensions(extensions);
    }

    private static ClientHello extensions(ByteBuffer in) {
      Set<Integer> types = new HashSet<>();
      Optional<String> name = Optional.empty();
      while (in.hasRemaining()) {
        int type = in.getShort() & 0xffff;
        ByteBuffer data = part(in, in.getShort() & 0xffff);
        if (!types.add(type)) {
          return new Malformed();
        }
        if (type == SERVER_NAME) {
          name = serverName(data);
          if (name.isEmpty()) {
            return new Malformed();
          }
        }
      }
      return new Whole(name);
    }

    /** Exactly one entry, a host name. */
    private static Optional<String> serverName(ByteBuffer in) {
      ByteBuffer list = part(in, in.getShort() & 0xffff);
      int kind = list.get();
      ByteBuffer name = part(list, list.getShort() & 0xffff);
      if (in.hasRemaining() || list.hasRemaining() || kind != HOST_NAME) {
        return Optional.empty();
      }
      return DomainNames.read(StandardCharsets.ISO_8859_1.decode(name).toString());
    }

    private static void skip(ByteBuffer in, int bytes) {
      in.position(in.position() + bytes);
    }

    private static ByteBuffer part(ByteBuffer in, int length) {
      ByteBuffer part = in.slice(in.position(), length);
      skip(in, length);
      return part;
    }
  }
}
