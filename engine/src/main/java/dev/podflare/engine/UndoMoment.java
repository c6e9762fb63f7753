package dev.podflare.engine;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What is written down of a sandbox just before a call of it.
 *
 * @param call id of the execution that came after
 * @param epoch of the agent's channel, as the memory knows it
 * @param layers of the disk, lowest first: files beside this one
 * @param keptBytes that were kept of the moment before
 * @param calls that ran at that moment
 * @param terminals that were open; absent in what earlier versions wrote
 */
record UndoMoment(
    int format,
    String call,
    long epoch,
    List<String> layers,
    @JsonProperty("kept_bytes") long keptBytes,
    List<SavedCall> calls,
    @Nullable List<TerminalState> terminals) {
  static final int FORMAT = 1;
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String FILE = "moment.json";

  UndoMoment {
    layers = List.copyOf(layers);
    calls = List.copyOf(calls);
  }

  List<TerminalState> openTerminals() {
    return terminals == null ? List.of() : List.copyOf(terminals);
  }

  void write(Path folder) throws IOException {
    Files.write(folder.resolve(FILE), JSON.writeValueAsBytes(this));
  }

  static UndoMoment read(Path folder) throws IOException {
    try {
      UndoMoment moment =
          JSON.readValue(Files.readAllBytes(folder.resolve(FILE)), UndoMoment.class);
      if (moment.format() == FORMAT) {
        return moment;
      }
    } catch (JacksonException foreign) {
      // Of another version: told below.
    }
    throw new IOException(folder + " was written by another version");
  }
}
