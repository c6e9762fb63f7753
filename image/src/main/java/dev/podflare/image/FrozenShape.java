package dev.podflare.image;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A template's checkpoint in one shape, on disk: whole and never changed again.
 *
 * @param disk size of the root disk as the guest sees it; at least the template's
 * @param image names its memory: of this freezing and of no other
 * @param folder holds memory image, device state and disk layer
 */
public record FrozenShape(
    BuiltTemplate template, Shape shape, DataSize disk, String image, Path folder) {
  static final String MEMORY = "memory";
  static final String DEVICES = "devices";
  static final String LAYER = "disk.qcow2";

  /** For names of folders and log lines, for example {@code default-2x1024x4096}. */
  public String key() {
    return template.name() + "-" + name(shape, disk);
  }

  static String name(Shape shape, DataSize disk) {
    return shape + "x" + disk.mebibytes();
  }

  /** Guest memory, as {@code MemoryImage.load} takes it. */
  public Path memory() {
    return folder.resolve(MEMORY);
  }

  /** What the boot wrote to disk, on top of the template's. */
  public Path diskLayer() {
    return folder.resolve(LAYER);
  }

  /** State of processors and devices. */
  public byte[] readDeviceState() {
    try {
      return Files.readAllBytes(folder.resolve(DEVICES));
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "Cannot read a checkpoint: " + folder, e);
    }
  }
}
