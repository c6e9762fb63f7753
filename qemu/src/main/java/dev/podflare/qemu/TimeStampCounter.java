package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the host says of its processor and of the rate of its time stamp counter. Stateless. */
final class TimeStampCounter {
  private static final Path CPU = Path.of("/sys/devices/system/cpu/cpu0");
  private static final Pattern NOMINAL = Pattern.compile("@ ([0-9.]+)GHz");

  private TimeStampCounter() {}

  /**
   * The counter's rate: as the kernel tells it, else the processor's nominal rate, which the
   * counter has on all processors with a constant one, else the rate that it runs at.
   */
  static long kilohertz() {
    return number(CPU.resolve("tsc_freq_khz"))
        .or(() -> number(CPU.resolve("cpufreq/base_frequency")))
        .or(TimeStampCounter::fromCpuMegahertzOfVirtualHost)
        .or(TimeStampCounter::fromModelName)
        .or(() -> megahertz())
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.HOST_NOT_READY, "cannot tell the rate of the time stamp counter"));
  }

  /** Without frequency scaling the running rate is the counter's, to the kilohertz. */
  private static Optional<Long> fromCpuMegahertzOfVirtualHost() {
    return Files.exists(CPU.resolve("cpufreq")) ? Optional.empty() : megahertz();
  }

  private static Optional<Long> fromModelName() {
    Matcher matcher = NOMINAL.matcher(processor());
    return matcher.find()
        ? Optional.of(Math.round(Double.parseDouble(matcher.group(1)) * 1e6))
        : Optional.empty();
  }

  private static Optional<Long> megahertz() {
    return cpuinfo("cpu MHz").map(text -> Math.round(Double.parseDouble(text) * 1000));
  }

  /** Model name of the processor. */
  static String processor() {
    return cpuinfo("model name").orElse("unknown");
  }

  private static Optional<String> cpuinfo(String key) {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith(key))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<Long> number(Path file) {
    try {
      return Optional.of(Long.parseLong(Files.readString(file).strip()));
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }
}
