package dev.podflare.store.checkpoint;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * How bytes lie in an object:
 *
 * <pre>
 * offset length
 *      0      4  magic: "PFCH" a chunk, "PFCP" a checkpoint's manifest
 *      4      1  version of the format, 1
 *      5      1  codec: 0 as they are, 1 Zstandard
 *      6      1  cipher: 0 none, 1 AES-256-GCM
 *      7      1  0
 *      8      4  length of the plain bytes, big-endian
 *     12      4  length of the body, big-endian
 *     16         body, to the end; encrypted after it was compressed
 * </pre>
 *
 * An encrypted body is bound to the header and to the object's name. One that is not encrypted is
 * checked by whoever asked for it: a chunk's name is its digest, a manifest ends with one.
 * Thread-safe.
 */
final class Envelope {
  /** Bytes that an object may have beyond its plain ones. */
  static final int OVERHEAD = 64;

  private static final int HEADER = 16;
  private static final byte VERSION = 1;
  private static final byte RAW = 0;
  private static final byte ZSTD = 1;

  enum Kind {
    CHUNK("PFCH"),
    CHECKPOINT("PFCP");

    private final int magic;

    Kind(String magic) {
      this.magic = ByteBuffer.wrap(magic.getBytes(StandardCharsets.US_ASCII)).getInt();
    }
  }

  private final StoreCipher cipher;

  Envelope(StoreCipher cipher) {
    this.cipher = cipher;
  }

  byte[] seal(Kind kind, String name, byte[] plain) {
    Optional<byte[]> compressed = Compression.compress(plain);
    byte[] body = compressed.orElse(plain);
    int stored = body.length + cipher.overhead();
    ByteBuffer object = ByteBuffer.allocate(HEADER + stored);
    object.putInt(kind.magic).put(VERSION).put(compressed.isPresent() ? ZSTD : RAW);
    object.put(cipher.code()).put((byte) 0).putInt(plain.length).putInt(stored);
    object.put(cipher.encrypt(context(object.array(), name), body));
    return object.array();
  }

  /** The plain bytes, of which there may be {@code limit}. */
  byte[] open(Kind kind, String name, byte[] object, int limit) throws DamagedException {
    if (object.length < HEADER) {
      throw new DamagedException("it has only " + object.length + " bytes");
    }
    ByteBuffer header = ByteBuffer.wrap(object, 0, HEADER);
    require(header.getInt() == kind.magic, "it does not begin like its kind");
    byte version = header.get();
    require(version == VERSION, "its format has version " + version + ", known is " + VERSION);
    byte codec = header.get();
    require(header.get() == cipher.code(), "it is encrypted in another way than its store");
    require(header.get() == 0, "its header is damaged");
    int plainLength = header.getInt();
    require(plainLength >= 0 && plainLength <= limit, "it says to be " + plainLength + " bytes");
    int bodyLength = header.getInt();
    require(bodyLength == object.length - HEADER, "it is cut or has too many bytes");
    byte[] body = Arrays.copyOfRange(object, HEADER, object.length);
    return unpack(codec, cipher.decrypt(context(object, name), body), plainLength);
  }

  private static byte[] unpack(byte codec, byte[] body, int length) throws DamagedException {
    return switch (codec) {
      case RAW -> {
        require(body.length == length, "it has " + body.length + " bytes instead of " + length);
        yield body;
      }
      case ZSTD -> Compression.decompress(body, length);
      default -> throw new DamagedException("its codec is not known: " + codec);
    };
  }

  private static void require(boolean right, String otherwise) throws DamagedException {
    if (!right) {
      throw new DamagedException(otherwise);
    }
  }

  private static byte[] context(byte[] object, String name) {
    byte[] ascii = name.getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(HEADER + ascii.length).put(object, 0, HEADER).put(ascii).array();
  }
}
