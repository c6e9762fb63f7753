package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A manifest as bytes. Numbers are of 7 bits a byte, lowest first, the high bit for "more"; texts
 * are UTF-8 after their length.
 *
 * <pre>
 * manifest: id (text), created (ms), added bytes, attributes (text), number of parts, parts,
 *           digest of all before (32 bytes)
 * part:     name (text), size, number of windows, windows
 * window:   offset / 256 KiB - end of the last one / 256 KiB, length / 256 KiB,
 *           number of runs, runs, and if one is not zero: chunk id (32 bytes), variant
 * run:      offset - end of the last one (of the window's offset for the first),
 *           length * 2 + (1 if zero)
 * </pre>
 *
 * The digest is of {@link StoreCipher}. Thread-safe.
 */
final class ManifestCodec {
  /** 64 MiB: some 30 GiB of pages that lie anyhow. */
  static final int MAX_BYTES = 64 << 20;

  static final int MAX_PARTS = 4096;
  static final int MAX_PART_NAME = 200;
  static final int MAX_ATTRIBUTES = 1 << 20;

  private static final int DIGEST = 32;

  private final StoreCipher cipher;

  ManifestCodec(StoreCipher cipher) {
    this.cipher = cipher;
  }

  /** May throw {@code PAYLOAD_TOO_LARGE}. */
  byte[] encode(CheckpointManifest manifest) {
    Numbers.Writer out = new Numbers.Writer();
    out.text(manifest.id()).number(manifest.createdAt().toEpochMilli());
    out.number(manifest.addedBytes()).text(manifest.attributes());
    out.number(manifest.parts().size());
    manifest.parts().forEach((name, part) -> encode(out.text(name), part));
    out.bytes(cipher.digest(out.toByteArray()));
    byte[] all = out.toByteArray();
    if (all.length > MAX_BYTES) {
      throw new PodflareException(
          ErrorCode.PAYLOAD_TOO_LARGE,
          "a checkpoint's list of pages may have " + MAX_BYTES + " bytes, not " + all.length);
    }
    return all;
  }

  private static void encode(Numbers.Writer out, CheckpointManifest.Part part) {
    out.number(part.size()).number(part.windows().size());
    long end = 0;
    for (Window window : part.windows()) {
      out.number((window.offset() - end) / Window.MIN).number(window.length() / Window.MIN);
      encodeRuns(out, window);
      end = window.end();
    }
  }

  private static void encodeRuns(Numbers.Writer out, Window window) {
    out.number(window.runs().size());
    long end = window.offset();
    for (Run run : window.runs()) {
      out.number(run.offset() - end).number(run.length() * 2 + (run.zero() ? 1 : 0));
      end = run.end();
    }
    window
        .chunk()
        .ifPresent(chunk ->
            out.bytes(HexFormat.of().parseHex(chunk.id()))
                .number(Integer.toUnsignedLong(chunk.variant())));
  }

  /** {@code id}: of the checkpoint that it must be. */
  CheckpointManifest decode(String id, byte[] bytes) throws DamagedException {
    checkDigest(bytes);
    Numbers.Reader in = new Numbers.Reader(ByteBuffer.wrap(bytes, 0, bytes.length - DIGEST));
    String itsId = in.text(100);
    if (!itsId.equals(id)) {
      throw new DamagedException("it is that of " + itsId);
    }
    Instant createdAt = Instant.ofEpochMilli(in.number());
    long addedBytes = in.number();
    String attributes = in.text(MAX_ATTRIBUTES);
    Map<String, CheckpointManifest.Part> parts = new LinkedHashMap<>();
    for (int left = in.count(MAX_PARTS); left > 0; left--) {
      parts.put(in.text(MAX_PART_NAME), decodePart(in));
    }
    in.end();
    return new CheckpointManifest(id, createdAt, addedBytes, attributes, parts);
  }

  private void checkDigest(byte[] bytes) throws DamagedException {
    int length = bytes.length - DIGEST;
    boolean right =
        length > 0
            && MessageDigest.isEqual(
                cipher.digest(Arrays.copyOf(bytes, length)),
                Arrays.copyOfRange(bytes, length, bytes.length));
    if (!right) {
      throw new DamagedException("its digest does not fit");
    }
  }

  private static CheckpointManifest.Part decodePart(Numbers.Reader in) throws DamagedException {
    long size = in.number();
    int count = in.count(MAX_BYTES);
    List<Window> windows = new ArrayList<>();
    long end = 0;
    long ownBytes = 0;
    for (int i = 0; i < count; i++) {
      Window window = decodeWindow(in, end);
      windows.add(window);
      end = window.end();
      for (Run run : window.runs()) {
        ownBytes += run.length();
      }
    }
    return new CheckpointManifest.Part(size, ownBytes, windows);
  }

  private static Window decodeWindow(Numbers.Reader in, long end) throws DamagedException {
    long offset = in.sum(end, in.product(in.number(), Window.MIN));
    long length = in.product(in.number(), Window.MIN);
    Window bare = new Window(offset, length, decodeRuns(in, offset), Optional.empty());
    boolean inside = length <= Window.MAX && bare.runs().getLast().end() <= bare.end();
    if (!inside || bare.dataBytes() > Window.MAX_DATA) {
      throw new DamagedException("a window of it is larger than it may be");
    }
    if (bare.dataBytes() == 0) {
      return bare;
    }
    String id = HexFormat.of().formatHex(in.bytes(DIGEST));
    return bare.withChunk(new ChunkRef(id, (int) in.number()));
  }

  private static List<Run> decodeRuns(Numbers.Reader in, long offset) throws DamagedException {
    List<Run> runs = new ArrayList<>();
    int count = in.count(Window.MAX);
    long end = offset;
    for (int i = 0; i < count; i++) {
      long start = in.sum(end, in.number());
      long length = in.number();
      runs.add(new Run(start, length >>> 1, (length & 1) == 1));
      end = in.sum(start, length >>> 1);
    }
    if (runs.isEmpty()) {
      throw new DamagedException("a window of it is empty");
    }
    return runs;
  }
}
