package dev.podflare.cli;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.EngineProbe;
import dev.podflare.qemu.MachineSpec;
import dev.podflare.qemu.Qcow2;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The floor of a restore: stock QEMU, not jailed, that a Python script of a few lines tells to
 * restore the same checkpoint. One thread.
 */
final class BareRestore implements AutoCloseable {
  private final Path folder;
  private final Process script;
  private final BufferedWriter ask;
  private final BufferedReader answer;

  BareRestore(EngineProbe.RestoreInput input) {
    try {
      folder = TemporaryFolder.create("podflare-bench");
      Path program = folder.resolve("bare_restore.py");
      try (InputStream source = BareRestore.class.getResourceAsStream("bare_restore.py")) {
        Files.write(program, source.readAllBytes());
      }
      Files.write(folder.resolve("state"), input.deviceState());
      DataSize size = input.spec().disk().orElseThrow().size();
      Qcow2.create(folder.resolve("top.qcow2"), size);
      List<String> command =
          new ArrayList<>(List.of("unshare", "--net", "python3", program.toString()));
      command.add(folder.toString());
      command.add(input.spec().memory().path().toString());
      command.add(folder.resolve("state").toString());
      command.add(folder.resolve("top.qcow2").toString());
      command.add("--");
      command.addAll(outsideOfTheJail(input));
      script = new ProcessBuilder(command).redirectError(folder.resolve("errors").toFile()).start();
      ask = script.outputWriter(StandardCharsets.UTF_8);
      answer = script.inputReader(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot run the bare restore", e);
    }
  }

  /** The jail's places, as the host has them. */
  private List<String> outsideOfTheJail(EngineProbe.RestoreInput input) {
    MachineSpec spec = input.spec();
    MachineSpec.DiskSpec disk = spec.disk().orElseThrow();
    Map<String, String> places =
        Map.of(
            "=/vm/", "=" + folder + "/",
            "unix:/vm/", "unix:" + folder + "/",
            "=/base.raw", "=" + disk.base(),
            "=/shape.qcow2", "=" + disk.shape().orElseThrow());
    List<String> line = new ArrayList<>();
    for (String word : input.commandLine()) {
      String outside =
          switch (word) {
            case "/kernel" -> spec.kernel().toString();
            case "/initrd" -> spec.initrd().orElseThrow().toString();
            default -> word;
          };
      for (Map.Entry<String, String> place : places.entrySet()) {
        outside = outside.replace(place.getKey(), place.getValue());
      }
      line.add(outside);
    }
    return line;
  }

  /** Milliseconds from the first command to a running guest. */
  double once() {
    try {
      ask.write("\n");
      ask.flush();
      String line = answer.readLine();
      if (line == null) {
        throw new PodflareException(
            ErrorCode.INTERNAL,
            "the bare restore failed: " + Files.readString(folder.resolve("errors")));
      }
      return Double.parseDouble(line);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "the bare restore failed", e);
    }
  }

  @Override
  public void close() {
    try {
      ask.close();
      if (!script.waitFor(10, TimeUnit.SECONDS)) {
        script.destroyForcibly();
      }
      TemporaryFolder.delete(folder);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot clean up the bare restore", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
