package dev.podflare.image;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.FileTree;
import dev.podflare.common.PodflareException;
import dev.podflare.qemu.Hypervisor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The frozen shapes of built templates, in {@code DIGEST/shapes/VCPUSxMEMORYxDISK-HYPERVISOR}:
 * sizes in MiB, then what must be the same for a restore. They come into being by one rename.
 * Thread-safe, and safe beside other processes.
 */
public final class ShapeStore {
  private static final Pattern NAME = Pattern.compile("(\\d+)x(\\d+)x(\\d+)-[0-9a-f]{8}");
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private final Hypervisor hypervisor;
  private final ShapeBuilder builder;
  private final String suffix;

  /** {@code bootDeadline}: most time until a booted guest is ready. */
  public ShapeStore(Hypervisor hypervisor, Duration bootDeadline) {
    this.hypervisor = hypervisor;
    this.builder = new ShapeBuilder(hypervisor, bootDeadline);
    this.suffix =
        "-"
            + new Fingerprint()
                .add("hypervisor", hypervisor.fingerprint())
                .finish()
                .substring(0, 8);
  }

  public Optional<FrozenShape> find(BuiltTemplate template, Shape shape, DataSize disk) {
    Path folder = folder(template, shape, disk);
    return ShapeManifest.fitting(folder, hypervisor.fingerprint())
        .map(manifest -> new FrozenShape(template, shape, disk, manifest.image(), folder));
  }

  /** All shapes of a template that this hypervisor can restore. */
  public List<FrozenShape> list(BuiltTemplate template) {
    Path shapes = template.directory().resolve("shapes");
    List<FrozenShape> found = new ArrayList<>();
    if (!Files.isDirectory(shapes)) {
      return found;
    }
    try (Stream<Path> folders = Files.list(shapes)) {
      for (Path folder : folders.sorted().toList()) {
        Matcher name = NAME.matcher(String.valueOf(folder.getFileName()));
        if (name.matches()) {
          Shape shape = new Shape(Integer.parseInt(name.group(1)), mebibytes(name.group(2)));
          find(template, shape, mebibytes(name.group(3))).ifPresent(found::add);
        }
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "Cannot list " + shapes + ".", e);
    }
    return found;
  }

  private static DataSize mebibytes(String digits) {
    return DataSize.ofMebibytes(Long.parseLong(digits));
  }

  /**
   * Finds the shape, or boots the template once, warms it up and freezes it. A second caller waits
   * for the first.
   */
  public FrozenShape build(BuiltTemplate template, Shape shape, DataSize disk, Progress progress) {
    Path store = Objects.requireNonNull(template.directory().getParent()).getParent();
    String key = "shape-" + template.digest() + "-" + FrozenShape.name(shape, disk) + suffix;
    try (Workspace workspace =
        Workspace.open(
            Objects.requireNonNull(store),
            key,
            PATIENCE,
            waited -> progress.waiting(template.name(), waited))) {
      Optional<FrozenShape> meanwhile = find(template, shape, disk);
      if (meanwhile.isPresent()) {
        return meanwhile.get();
      }
      builder.freeze(template, shape, disk, workspace.folder(), progress);
      ShapeManifest manifest = ShapeManifest.fresh(workspace.folder(), hypervisor.fingerprint());
      manifest.write(workspace.folder());
      Path folder = folder(template, shape, disk);
      FileTree.delete(folder); // one that does not fit any more
      Durable.moveFolder(workspace.folder(), folder);
      return new FrozenShape(template, shape, disk, manifest.image(), folder);
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED,
          "Shape " + shape + " of template " + template.name() + " could not be frozen: " + e,
          e);
    }
  }

  /** Removes a shape; machines that have its files open are not disturbed. */
  public void delete(FrozenShape shape) {
    try {
      FileTree.delete(shape.folder());
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.INTERNAL, "Cannot remove the shape " + shape.folder() + ".", e);
    }
  }

  private Path folder(BuiltTemplate template, Shape shape, DataSize disk) {
    return template.directory().resolve("shapes").resolve(FrozenShape.name(shape, disk) + suffix);
  }
}
