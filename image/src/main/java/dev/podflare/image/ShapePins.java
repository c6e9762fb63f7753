package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Says which frozen shapes must stay, because stored checkpoints have only the pages in which they
 * differ from them: empty files {@code BUILD/pins/HOLDER-IMAGE}. A holder is a daemon's instance.
 * Stateless, and safe beside other processes.
 */
public final class ShapePins {
  private static final String FOLDER = "pins";

  private ShapePins() {}

  /** Durable when it returns. Repeating it is no error. */
  public static void pin(FrozenShape shape, String holder) {
    Path folder = folder(shape.template());
    Path pin = folder.resolve(holder + "-" + shape.image());
    try {
      Files.createDirectories(folder);
      try {
        Files.createFile(pin);
        Durable.sync(folder);
      } catch (FileAlreadyExistsException pinned) {
        // So that it is not taken for an old one that nobody needs any more.
        Files.setLastModifiedTime(pin, FileTime.from(Instant.now()));
      }
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.INTERNAL, "Cannot pin shape " + shape.key() + ": " + e, e);
    }
  }

  /**
   * Takes away those pins of a holder whose image is not in {@code needed} and that are older than
   * that: what a younger one is for may not be recorded yet.
   */
  public static void keepOnly(
      BuiltTemplate template, String holder, Set<String> needed, Instant before) {
    for (String name : pins(template)) {
      String image = name.substring(name.indexOf('-') + 1);
      if (name.startsWith(holder + "-") && !needed.contains(image)) {
        Path pin = folder(template).resolve(name);
        try {
          if (Files.getLastModifiedTime(pin).toInstant().isBefore(before)) {
            Files.deleteIfExists(pin);
          }
        } catch (NoSuchFileException gone) {
          // That is what was wanted.
        } catch (IOException e) {
          throw new PodflareException(ErrorCode.INTERNAL, "Cannot remove pin " + name + ".", e);
        }
      }
    }
  }

  /** Whether anybody needs one of the shapes of a build. */
  public static boolean any(BuiltTemplate template) {
    return !pins(template).isEmpty();
  }

  public static boolean pinned(FrozenShape shape) {
    return pins(shape.template()).stream().anyMatch(pin -> pin.endsWith("-" + shape.image()));
  }

  private static Path folder(BuiltTemplate template) {
    return template.directory().resolve(FOLDER);
  }

  private static List<String> pins(BuiltTemplate template) {
    try (Stream<Path> files = Files.list(folder(template))) {
      return files.map(file -> file.getFileName().toString()).toList();
    } catch (NoSuchFileException none) {
      return List.of();
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.INTERNAL, "Cannot list the pins of template " + template.name() + ".", e);
    }
  }
}
