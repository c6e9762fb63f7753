package dev.podflare.engine;

import dev.podflare.engine.ExecEvent.Stream;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Cuts the bytes of one output stream into events' payloads. One thread. */
sealed interface Framer {

  /** Payloads that are complete with these bytes. */
  List<byte[]> add(byte[] bytes);

  /** What is left when the call ends; empty when nothing is. */
  List<byte[]> end();

  /** Bytes that are part of no payload yet. */
  byte[] held();

  /** How many these are. */
  int heldSize();

  static Framer of(ExecRequest.Framing framing, EventBudget budget) {
    return switch (framing) {
      case LINES -> new Lines(budget);
      case CHUNKS -> new Chunks();
    };
  }

  /** Both output streams of an execution. */
  record Pair(Framer stdout, Framer stderr) {
    static Pair of(ExecRequest.Framing framing, EventBudget budget) {
      return new Pair(Framer.of(framing, budget), Framer.of(framing, budget));
    }

    Framer of(Stream stream) {
      return stream == Stream.STDOUT ? stdout : stderr;
    }
  }

  /**
   * A payload is a line without its newline. A line longer than {@link #MAX_LINE} is cut there, and
   * any unfinished one while the daemon is crowded: what a guest can make us hold must end
   * somewhere.
   */
  final class Lines implements Framer {
    static final int MAX_LINE = 32 << 20;

    private final EventBudget budget;
    private ByteArrayOutputStream partial = new ByteArrayOutputStream();

    Lines(EventBudget budget) {
      this.budget = budget;
    }

    @Override
    public List<byte[]> add(byte[] bytes) {
      List<byte[]> lines = new ArrayList<>();
      int start = 0;
      for (int i = 0; i < bytes.length; i++) {
        if (bytes[i] == '\n') {
          if (partial.size() == 0) {
            lines.add(Arrays.copyOfRange(bytes, start, i));
          } else {
            hold(bytes, start, i - start);
            lines.add(take());
          }
          start = i + 1;
        }
      }
      hold(bytes, start, bytes.length - start);
      if (partial.size() >= MAX_LINE || (partial.size() > 0 && budget.crowded())) {
        lines.add(take());
      }
      return lines;
    }

    private void hold(byte[] bytes, int start, int length) {
      partial.write(bytes, start, length);
      budget.add(length);
    }

    private byte[] take() {
      byte[] line = partial.toByteArray();
      budget.add(-line.length);
      // A buffer that was large once is not kept for the short lines that follow.
      partial = new ByteArrayOutputStream();
      return line;
    }

    @Override
    public List<byte[]> end() {
      return partial.size() == 0 ? List.of() : List.of(take());
    }

    @Override
    public byte[] held() {
      return partial.toByteArray();
    }

    @Override
    public int heldSize() {
      return partial.size();
    }
  }

  /** A payload is what was written, cut only between characters. */
  final class Chunks implements Framer {
    private byte[] rest = new byte[0];

    @Override
    public List<byte[]> add(byte[] bytes) {
      byte[] all = bytes;
      if (rest.length > 0) {
        all = Arrays.copyOf(rest, rest.length + bytes.length);
        System.arraycopy(bytes, 0, all, rest.length, bytes.length);
      }
      int cut = all.length - unfinished(all);
      rest = Arrays.copyOfRange(all, cut, all.length);
      return cut == 0 ? List.of() : List.of(cut == all.length ? all : Arrays.copyOf(all, cut));
    }

    /** Bytes at the end that begin a UTF-8 character without ending it: 0 to 3. */
    private static int unfinished(byte[] bytes) {
      for (int back = 1; back <= Math.min(3, bytes.length); back++) {
        int octet = bytes[bytes.length - back] & 0xff;
        if ((octet & 0xc0) == 0x80) {
          continue;
        }
        int length = octet >= 0xf0 && octet < 0xf8 ? 4 : octet >= 0xe0 ? 3 : octet >= 0xc0 ? 2 : 1;
        return length > back && octet < 0xf8 ? back : 0;
      }
      return 0;
    }

    @Override
    public List<byte[]> end() {
      byte[] last = rest;
      rest = new byte[0];
      return last.length == 0 ? List.of() : List.of(last);
    }

    @Override
    public byte[] held() {
      return rest.clone();
    }

    @Override
    public int heldSize() {
      return rest.length;
    }
  }
}
