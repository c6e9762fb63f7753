package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
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
    try {
      Files.createDirectories(folder);
      Files.createFile(folder.resolve(holder + "-" + shape.image()));
      Durable.sync(folder);
    } catch (FileAlreadyExistsException pinned) {
      // That is what was wanted.
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.INTERNAL, "Cannot pin shape " + shape.key() + ": " + e, e);
    }
  }

  /** Takes away those pins of a holder whose image is not in {@code needed}. */
  public static void keepOnly(BuiltTemplate template, String holder, Set<String> needed) {
    for (String pin : pins(template)) {
      String image = pin.substring(pin.indexOf('-') + 1);
      if (pin.startsWith(holder + "-") && !needed.contains(image)) {
        try {
          Files.deleteIfExists(folder(template).resolve(pin));
        } catch (IOException e) {
          throw new PodflareException(ErrorCode.INTERNAL, "Cannot remove pin " + pin + ".", e);
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
