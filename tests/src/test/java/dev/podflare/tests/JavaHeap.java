package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The heap of another Java process. Stateless. */
final class JavaHeap {
  private static final Pattern USED = Pattern.compile("used (\\d+)K");

  private JavaHeap() {}

  /** Bytes in use after a collection. */
  static long used(Process process) throws Exception {
    jcmd(process, "GC.run");
    Matcher used = USED.matcher(jcmd(process, "GC.heap_info"));
    assertThat(used.find()).isTrue();
    return Long.parseLong(used.group(1)) << 10;
  }

  private static String jcmd(Process process, String command) throws Exception {
    String program = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    Process jcmd =
        new ProcessBuilder(program, "" + process.pid(), command).redirectErrorStream(true).start();
    String text = new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(jcmd.waitFor()).as(text).isZero();
    return text;
  }
}
