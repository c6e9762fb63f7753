package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.image.FrozenShape;
import dev.podflare.qemu.Checkpoint;
import dev.podflare.qemu.MachineSpec;
import dev.podflare.qemu.MemoryImage;
import dev.podflare.qemu.NetworkPort;
import dev.podflare.qemu.OwnPages;
import java.util.List;
import java.util.Optional;

/**
 * A checkpoint of one shape of a template, in memory: what every blank maps. It is the template's
 * own, or that of a parent with so many pages of its own that its children share an image of their
 * own. Freed when the last of its users has closed it: the pool, and each machine that may still be
 * forked. Thread-safe.
 */
final class LoadedShape implements AutoCloseable {
  private final FrozenShape frozen;
  private final MemoryImage memory;
  private final Checkpoint checkpoint;
  private final DataSize data;
  private int users = 1;

  private LoadedShape(FrozenShape frozen, MemoryImage memory, Checkpoint checkpoint) {
    this.frozen = frozen;
    this.memory = memory;
    this.checkpoint = checkpoint;
    this.data = memory.data();
  }

  static LoadedShape load(FrozenShape frozen) {
    MemoryImage memory = MemoryImage.load(frozen.memory(), frozen.shape().memory());
    try {
      Checkpoint checkpoint = new Checkpoint(frozen.readDeviceState(), OwnPages.none(), List.of());
      return new LoadedShape(frozen, memory, checkpoint);
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  /**
   * The same shape over an image that has the pages of {@code parent} in it; they are freed. Its
   * own checkpoint has the parent's layers, so it can be restored while these are kept.
   *
   * @param parent a machine of this shape, frozen
   */
  LoadedShape over(Checkpoint parent) {
    return new LoadedShape(frozen, memory.with(parent.pages()), parent.withoutPages());
  }

  /**
   * The same shape over the image that a machine of an earlier daemon maps. New machines can map it
   * too; its own checkpoint is not of it, so they must be restored from another one.
   */
  LoadedShape over(MemoryImage image) {
    return new LoadedShape(frozen, image, checkpoint.withoutPages());
  }

  /** Memory that the image takes of the host. */
  DataSize data() {
    return data;
  }

  /** One more user, who must {@link #close} it. */
  synchronized LoadedShape retain() {
    if (users == 0) {
      throw new PodflareException(
          ErrorCode.SHAPE_PREPARING, "this build of the template was replaced just now; ask again");
    }
    users++;
    return this;
  }

  FrozenShape frozen() {
    return frozen;
  }

  /** What a blank of this shape is restored from. */
  Checkpoint checkpoint() {
    return checkpoint;
  }

  /** What a blank of this shape is started with. */
  MachineSpec blank(String machineId, NetworkPort network) {
    return new MachineSpec(
        machineId,
        frozen.shape().vcpus(),
        memory,
        MachineSpec.Start.RESTORE,
        frozen.template().kernel(),
        Optional.of(frozen.template().initrd()),
        Optional.of(
            new MachineSpec.DiskSpec(
                frozen.template().disk(), Optional.of(frozen.diskLayer()), frozen.disk())),
        MachineSpec.Channel.AGENT,
        Optional.of(network));
  }

  /** To be called once by each user. */
  @Override
  public synchronized void close() {
    if (--users == 0) {
      checkpoint.close();
      memory.close();
    }
  }
}
