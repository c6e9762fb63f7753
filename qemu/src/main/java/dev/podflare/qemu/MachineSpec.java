package dev.podflare.qemu;

import dev.podflare.common.DataSize;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a machine is made of; fixed at its start.
 *
 * @param id names its folders and control group; {@code mch_…}
 * @param vcpus virtual processors
 * @param memory image that it maps
 * @param start whether it boots (and writes its memory through to the image) or waits for a
 *     checkpoint (and maps the image privately)
 * @param disk its disk, if it has one
 * @param channel how the host talks with it
 * @param network its network card, if it has one
 */
public record MachineSpec(
    String id,
    int vcpus,
    MemoryImage memory,
    Start start,
    Path kernel,
    Optional<Path> initrd,
    Optional<DiskSpec> disk,
    Channel channel,
    Optional<NetworkPort> network) {

  /** The same over an image that has the same content. */
  MachineSpec with(MemoryImage image) {
    return new MachineSpec(id, vcpus, image, start, kernel, initrd, disk, channel, network);
  }

  public enum Start {
    BOOT,
    RESTORE
  }

  /** AGENT: a virtio-serial port named podflare.agent. SERIAL: the first serial port itself. */
  public enum Channel {
    AGENT,
    SERIAL
  }

  /**
   * The disk below a machine's own layer.
   *
   * @param base raw file with the root file system
   * @param shape qcow2 layer that the boot of this shape wrote, if it has been booted
   * @param size what the guest sees; at least the base's size
   */
  public record DiskSpec(Path base, Optional<Path> shape, DataSize size) {}
}
