package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.PageRun;
import dev.podflare.qemu.Checkpoint;
import dev.podflare.qemu.OwnPages;
import dev.podflare.store.checkpoint.CheckpointStore;
import dev.podflare.store.checkpoint.CheckpointWriter;
import dev.podflare.store.checkpoint.StoredCheckpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Machines in the checkpoint store: their device state, the pages of memory that differ from the
 * stored image of their shape, and their disk layers. Thread-safe.
 */
final class CheckpointVault {
  private static final String DEVICES = "devices";
  private static final String MEMORY = "memory";
  private static final int MAX_DEVICES = 16 << 20; // some 13 KB are usual

  private final CheckpointStore store;
  private final CheckpointFolders folders;

  CheckpointVault(CheckpointStore store, CheckpointFolders folders) {
    this.store = store;
    this.folders = folders;
  }

  CheckpointStore store() {
    return store;
  }

  CheckpointFolders folders() {
    return folders;
  }

  /** Name of a part that holds a layer of a disk. */
  static String layer(int number) {
    return "layer-" + number;
  }

  /** Durable when it returns; of a failure nothing is left but what the store's clean-up takes. */
  StoredCheckpoint save(Checkpoint checkpoint, CheckpointNeeds needs) {
    try (CheckpointWriter writer = store.begin()) {
      writer.write(DEVICES, 0, ByteBuffer.wrap(checkpoint.deviceState()));
      checkpoint.pages().read((offset, bytes) -> writer.write(MEMORY, offset, bytes));
      writer.size(MEMORY, (long) needs.memoryMebibytes() << 20);
      for (int i = 0; i < checkpoint.layers().size(); i++) {
        StoredFiles.write(writer, layer(i), checkpoint.layers().get(i));
      }
      return writer.commit(needs.json());
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot read a frozen machine", e);
    }
  }

  /** A checkpoint in the store, of which only its manifest was read. */
  record Found(StoredCheckpoint stored, CheckpointNeeds needs) {}

  Found find(String checkpointId) {
    StoredCheckpoint stored = store.read(checkpointId);
    return new Found(stored, CheckpointNeeds.parse(checkpointId, stored.attributes()));
  }

  /** A checkpoint that can be restored until it is closed, which removes its files. */
  record Loaded(Checkpoint checkpoint, CheckpointFolders.Folder folder) implements AutoCloseable {
    @Override
    public void close() {
      checkpoint.close();
      folder.close();
    }
  }

  /**
   * Reads all of it but its memory, which is read, and verified as all that is read, when it is
   * written into a machine: it never stands in the host's memory twice.
   */
  Loaded load(Found found) {
    StoredCheckpoint stored = found.stored();
    CheckpointFolders.Folder folder = folders.create();
    try {
      List<Path> layers = new ArrayList<>();
      for (String part : found.needs().layers()) {
        layers.add(StoredFiles.read(stored, part, folder.path().resolve(part + ".qcow2")));
      }
      return new Loaded(new Checkpoint(readDevices(stored), pages(stored), layers), folder);
    } catch (IOException e) {
      folder.close();
      throw new PodflareException(
          ErrorCode.HOST_FULL, "no room to load checkpoint " + stored.id() + ": " + e, e);
    } catch (RuntimeException e) {
      folder.close();
      throw e;
    }
  }

  private static byte[] readDevices(StoredCheckpoint stored) {
    long size = stored.size(DEVICES);
    if (size > MAX_DEVICES) {
      throw CheckpointNeeds.unfit(stored.id(), "its device state has " + size + " bytes");
    }
    byte[] state = new byte[(int) size];
    stored.read(
        DEVICES, (offset, bytes) -> bytes.get(state, Math.toIntExact(offset), bytes.remaining()));
    return state;
  }

  private static OwnPages pages(StoredCheckpoint stored) {
    List<PageRun> runs =
        stored.runs(MEMORY).stream().map(it -> new PageRun(it.offset(), it.length())).toList();
    return OwnPages.streamed(runs, sink -> readMemory(stored, sink));
  }

  private static void readMemory(StoredCheckpoint stored, OwnPages.Sink sink) throws IOException {
    try {
      stored.read(
          MEMORY,
          (offset, bytes) -> {
            try {
              sink.accept(offset, bytes);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
