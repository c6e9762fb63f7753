package dev.podflare.qemu;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/**
 * Chooses the accelerator. That {@code /dev/kvm} opens proves nothing: some hosts interpret the
 * guest's kernel behind it, a thousand times slower than emulation. So a {@link BareMetalGuest} is
 * run through it and its rate compared with {@link #WORTHWHILE}. The answer is kept until the next
 * boot of the host.
 */
final class AcceleratorProbe {
  /** Instructions a second; emulation reaches 10^8 to 10^9, a processor more than 10^9. */
  static final double WORTHWHILE = 3e8;

  private static final Duration BOOT_DEADLINE = Duration.ofSeconds(8);
  private static final Duration WINDOW = Duration.ofMillis(60);
  private static final DataSize MEMORY = DataSize.ofMebibytes(16);

  private final HypervisorConfig config;

  AcceleratorProbe(HypervisorConfig config) {
    this.config = config;
  }

  /** Starts a machine with an accelerator that is not chosen yet. */
  @FunctionalInterface
  interface Trial {
    Machine start(MachineSpec spec, Accelerator candidate);
  }

  Accelerator choose(Trial trial) {
    return switch (config.accelerator()) {
      case TCG -> tcg("asked for by --accel tcg");
      case KVM -> kvm("asked for by --accel kvm");
      case AUTO -> probe(trial);
    };
  }

  private Accelerator probe(Trial trial) {
    if (!DeviceNode.KVM.exists()) {
      return tcg("this host has no /dev/kvm");
    }
    Optional<Accelerator> known = remembered();
    if (known.isPresent()) {
      return known.get();
    }
    Accelerator chosen = measure(trial);
    remember(chosen);
    return chosen;
  }

  private Accelerator measure(Trial trial) {
    try {
      double rate = rate(trial, kvm("probe"));
      String measured =
          String.format(Locale.ROOT, "%.0f million instructions a second", rate / 1e6);
      return rate >= WORTHWHILE
          ? kvm("/dev/kvm ran a counted loop at " + measured)
          : tcg("/dev/kvm does not accelerate here: it ran a counted loop at only " + measured);
    } catch (PodflareException e) {
      return tcg("/dev/kvm does not work here: " + e.sentence());
    }
  }

  /** Instructions a second of a counted loop. */
  private double rate(Trial trial, Accelerator candidate) {
    Path kernel = config.dataFolder().resolve("probe-kernel");
    BareMetalGuest.write(kernel);
    try (MemoryImage memory = MemoryImage.create(MEMORY);
        Machine machine = trial.start(spec(kernel, memory), candidate);
        SocketChannel serial = machine.connectSerial()) {
      machine.boot();
      BareMetalGuest.Answer first = ask(serial, BOOT_DEADLINE);
      long start = System.nanoTime();
      Thread.sleep(WINDOW);
      BareMetalGuest.Answer second = ask(serial, BOOT_DEADLINE);
      double seconds = (System.nanoTime() - start) / 1e9;
      return (second.loops() - first.loops()) * BareMetalGuest.INSTRUCTIONS_A_LOOP / seconds;
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "probe failed: " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.TIMED_OUT, "interrupted", e);
    }
  }

  private static MachineSpec spec(Path kernel, MemoryImage memory) {
    return new MachineSpec(
        "probe-" + ProcessHandle.current().pid(),
        1,
        memory,
        MachineSpec.Start.BOOT,
        kernel,
        Optional.empty(),
        Optional.empty(),
        MachineSpec.Channel.SERIAL,
        Optional.empty());
  }

  /** Sends a byte and waits for the answer; a guest that is still booting answers later. */
  static BareMetalGuest.Answer ask(SocketChannel serial, Duration deadline) throws IOException {
    return SerialExchange.ask(serial, (byte) 'p', deadline);
  }

  /** Beside the folders of all daemons of this host: the answer is the same for each. */
  private Path memo() {
    return config.runFolder().resolveSibling("accelerator");
  }

  private static String key() throws IOException {
    return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip()
        + " "
        + QemuBinary.FULL;
  }

  private Optional<Accelerator> remembered() {
    try {
      String[] lines = Files.readString(memo()).split("\n", -1);
      if (lines.length < 3 || !lines[0].equals(key())) {
        return Optional.empty();
      }
      return Optional.of(lines[1].equals("kvm") ? kvm(lines[2]) : tcg(lines[2]));
    } catch (IOException notYet) {
      return Optional.empty();
    }
  }

  private void remember(Accelerator chosen) {
    try {
      String text = key() + "\n" + chosen.kind().wireName() + "\n" + chosen.reason() + "\n";
      Files.writeString(memo(), text);
    } catch (IOException e) {
      // It is measured again next time.
    }
  }

  private static Accelerator kvm(String reason) {
    return new Accelerator(Accelerator.Kind.KVM, found(), reason);
  }

  private static Accelerator tcg(String reason) {
    return new Accelerator(Accelerator.Kind.TCG, found(), reason);
  }

  private static Path found() {
    return QemuBinary.find()
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.HOST_NOT_READY,
                "QEMU is not installed; install the Debian package qemu-system-x86"));
  }

  /** One question and answer over a serial port, with a deadline. */
  static final class SerialExchange {
    private SerialExchange() {}

    static BareMetalGuest.Answer ask(SocketChannel serial, byte question, Duration deadline)
        throws IOException {
      serial.configureBlocking(false);
      serial.write(ByteBuffer.wrap(new byte[] {question}));
      ByteBuffer answer = ByteBuffer.allocate(BareMetalGuest.ANSWER_BYTES);
      long end = System.nanoTime() + deadline.toNanos();
      while (answer.hasRemaining()) {
        int count = serial.read(answer);
        if (count < 0 || System.nanoTime() > end) {
          throw new PodflareException(
              ErrorCode.TIMED_OUT, "the probe's guest did not answer within " + deadline);
        }
        if (count == 0) {
          java.util.concurrent.locks.LockSupport.parkNanos(200_000);
        }
      }
      return BareMetalGuest.Answer.parse(answer.flip());
    }
  }
}
