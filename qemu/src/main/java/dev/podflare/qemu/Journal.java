package dev.podflare.qemu;

import dev.podflare.linux.ProcFs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the next daemon needs to know a machine again: pid and start time name its process for good.
 * Lies beside the machine's run folder, so it goes with a reboot as the process does.
 */
final class Journal {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private Journal() {}

  static void write(Path file, Machine machine) throws IOException {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("format", 1);
    entry.put("id", machine.id());
    entry.put("pid", machine.pid());
    entry.put("start_ticks", ProcFs.startTicks(machine.pid()).orElse(0));
    entry.put("uid", machine.uid());
    entry.put("vcpus", machine.spec().vcpus());
    entry.put("memory_bytes", machine.spec().memory().size().bytes());
    Files.write(file, JSON.writeValueAsString(entry).getBytes(StandardCharsets.UTF_8));
  }
}
