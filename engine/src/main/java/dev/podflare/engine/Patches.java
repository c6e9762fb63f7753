package dev.podflare.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.eclipse.jgit.diff.DiffFormatter;
import org.eclipse.jgit.diff.EditList;
import org.eclipse.jgit.diff.HistogramDiff;
import org.eclipse.jgit.diff.RawText;
import org.eclipse.jgit.diff.RawTextComparator;

/** Unified patches, as git makes them, of texts that guests have written; so limits come first. */
final class Patches {
  private static final int MOST_LINES = 10_000;

  private Patches() {}

  /** The patch that makes one text the other; empty if one has too many lines. */
  static Optional<String> unified(String path, String before, String after) {
    RawText old = new RawText(before.getBytes(StandardCharsets.UTF_8));
    RawText now = new RawText(after.getBytes(StandardCharsets.UTF_8));
    if (old.size() > MOST_LINES || now.size() > MOST_LINES) {
      return Optional.empty();
    }
    EditList edits = new HistogramDiff().diff(RawTextComparator.DEFAULT, old, now);
    ByteArrayOutputStream patch = new ByteArrayOutputStream();
    patch.writeBytes(("--- a" + path + "\n+++ b" + path + "\n").getBytes(StandardCharsets.UTF_8));
    try (DiffFormatter formatter = new DiffFormatter(patch)) {
      formatter.format(edits, old, now);
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return Optional.of(patch.toString(StandardCharsets.UTF_8));
  }
}
