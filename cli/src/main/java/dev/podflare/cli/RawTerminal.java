package dev.podflare.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import org.jline.terminal.Attributes;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/**
 * The terminal that this process runs in, raw: every key is ours, and every byte of output is the
 * program's. It is as it was before when this is closed, or the process ends. Thread-safe.
 */
final class RawTerminal implements AutoCloseable {
  private final Terminal terminal;
  private final Attributes before;
  private final Thread restore = new Thread(this::restore, "restore the terminal");
  private final FileInputStream in = new FileInputStream(FileDescriptor.in);
  private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);

  RawTerminal() {
    try {
      // Else JLine asks the terminal what it can do, and takes what is typed meanwhile for answers.
      terminal = TerminalBuilder.builder().system(true).graphemeCluster(false).build();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    before = terminal.getAttributes();
    Runtime.getRuntime().addShutdownHook(restore);
    terminal.setAttributes(raw(before));
  }

  private static Attributes raw(Attributes cooked) {
    Attributes raw = new Attributes(cooked);
    raw.setLocalFlags(
        EnumSet.of(
            Attributes.LocalFlag.ICANON,
            Attributes.LocalFlag.ECHO,
            Attributes.LocalFlag.ISIG,
            Attributes.LocalFlag.IEXTEN),
        false);
    raw.setInputFlags(
        EnumSet.of(
            Attributes.InputFlag.IXON,
            Attributes.InputFlag.ICRNL,
            Attributes.InputFlag.INLCR,
            Attributes.InputFlag.IGNCR,
            Attributes.InputFlag.ISTRIP,
            Attributes.InputFlag.BRKINT),
        false);
    raw.setOutputFlag(Attributes.OutputFlag.OPOST, false);
    raw.setControlChar(Attributes.ControlChar.VMIN, 1);
    raw.setControlChar(Attributes.ControlChar.VTIME, 0);
    return raw;
  }

  /** Waits for keys; -1 at the end. */
  int read(byte[] keys) throws IOException {
    return in.read(keys);
  }

  void write(byte[] bytes) throws IOException {
    out.write(bytes);
  }

  /** A line of our own, between what the program says. */
  void say(String line) {
    try {
      out.write(("\r\n[podflare: " + line + "]\r\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException gone) {
      // Whoever reads it has gone.
    }
  }

  int cols() {
    return sizeOr(terminal.getSize().getColumns(), 80);
  }

  int rows() {
    Size size = terminal.getSize();
    return sizeOr(size.getRows(), 24);
  }

  private static int sizeOr(int found, int usual) {
    return found > 0 ? found : usual;
  }

  void onResize(Runnable action) {
    terminal.handle(Terminal.Signal.WINCH, _ -> action.run());
  }

  private void restore() {
    terminal.setAttributes(before);
  }

  @Override
  public void close() {
    restore();
    try {
      Runtime.getRuntime().removeShutdownHook(restore);
    } catch (IllegalStateException alreadyEnding) {
      // It is restored once more.
    }
    try {
      terminal.close();
    } catch (IOException gone) {
      // Nothing is left to restore.
    }
  }
}
