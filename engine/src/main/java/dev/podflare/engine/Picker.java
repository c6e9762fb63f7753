package dev.podflare.engine;

import dev.podflare.engine.FanOutRequest.Pick;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** Finds the winner of a fan-out from what its calls say. One thread. */
final class Picker {
  /** JSON's form. */
  private static final Pattern NUMBER =
      Pattern.compile("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?");

  /** A last line that is longer is no number. */
  private static final int TAIL = 1024;

  private final Pick pick;
  private final byte[][] tails;
  private OptionalInt winner = OptionalInt.empty();
  private OptionalDouble value = OptionalDouble.empty();

  Picker(Pick pick, int children) {
    this.pick = pick;
    this.tails = new byte[children][0];
  }

  void hear(int child, ExecRequest.Framing framing, ExecEvent event) {
    switch (event) {
      case ExecEvent.Output output when output.stream() == ExecEvent.Stream.STDOUT -> {
        keep(child, output.bytes());
        if (framing == ExecRequest.Framing.LINES) {
          keep(child, new byte[] {'\n'});
        }
      }
      case ExecEvent.Exit exit when exit.code() == 0 -> succeeded(child);
      default -> {}
    }
  }

  /** Whether nothing that is still to come can change the winner. */
  boolean decided() {
    return pick == Pick.FIRST_SUCCESS && winner.isPresent();
  }

  OptionalInt winner() {
    return winner;
  }

  /** The winner's number; empty where none is asked for. */
  OptionalDouble value() {
    return value;
  }

  private void keep(int child, byte[] bytes) {
    byte[] old = tails[child];
    int kept = Math.min(old.length, Math.max(0, TAIL - bytes.length));
    int added = Math.min(bytes.length, TAIL);
    byte[] tail = Arrays.copyOfRange(old, old.length - kept, old.length - kept + kept + added);
    System.arraycopy(bytes, bytes.length - added, tail, kept, added);
    tails[child] = tail;
  }

  private void succeeded(int child) {
    if (pick == Pick.FIRST_SUCCESS) {
      if (winner.isEmpty()) {
        winner = OptionalInt.of(child);
      }
      return;
    }
    OptionalDouble number = lastNumber(tails[child]);
    if (number.isPresent() && isBetter(child, number.getAsDouble())) {
      winner = OptionalInt.of(child);
      value = number;
    }
  }

  private boolean isBetter(int child, double number) {
    if (winner.isEmpty() || value.isEmpty()) {
      return true;
    }
    int order = Double.compare(number, value.getAsDouble());
    if (order == 0) {
      return child < winner.getAsInt();
    }
    return pick == Pick.MIN ? order < 0 : order > 0;
  }

  private static OptionalDouble lastNumber(byte[] tail) {
    String text = new String(tail, StandardCharsets.ISO_8859_1).strip();
    String last = text.substring(text.lastIndexOf('\n') + 1).strip();
    boolean cut = tail.length == TAIL && text.indexOf('\n') < 0;
    if (cut || !NUMBER.matcher(last).matches()) {
      return OptionalDouble.empty();
    }
    double number = Double.parseDouble(last);
    return Double.isFinite(number) ? OptionalDouble.of(number) : OptionalDouble.empty();
  }
}
