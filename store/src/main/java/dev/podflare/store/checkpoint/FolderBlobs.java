package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Objects as files of one folder that only its owner can read. A file is written under another
 * name, made durable, and then renamed, so a name never has half of its bytes. Several processes of
 * one host may share the folder. Thread-safe.
 *
 * <p>Call it on platform threads: a virtual thread holds its carrier while a disk is slow.
 */
public final class FolderBlobs implements BlobStore {
  static final String SCRATCH = "tmp";
  private static final FileAttribute<?> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final FileAttribute<?> OWNER_ONLY_FOLDER =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final Path root;
  private final FolderScratch scratch;
  private final FolderReserve reserve;
  private final FolderSync folders;

  private FolderBlobs(Path root, FolderScratch scratch) {
    this.root = root;
    this.scratch = scratch;
    this.reserve = scratch.reserve();
    this.folders = new FolderSync(root);
  }

  /** Opens the folder, making it if it is missing, and sweeps what killed writers left. */
  public static FolderBlobs open(Path folder) {
    Path root = folder.toAbsolutePath().normalize();
    try {
      Files.createDirectories(root, OWNER_ONLY_FOLDER);
      FolderBlobs blobs = new FolderBlobs(root, FolderScratch.make(root.resolve(SCRATCH)));
      blobs.tidy();
      return blobs;
    } catch (IOException e) {
      throw FolderErrors.of(root, e);
    }
  }

  @Override
  public void put(String name, byte[] bytes) {
    place(
        name,
        bytes,
        (draft, target) -> {
          Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
          return true;
        });
  }

  @Override
  public boolean putIfAbsent(String name, byte[] bytes) {
    return place(
        name,
        bytes,
        (draft, target) -> {
          try {
            Files.createLink(target, draft);
            return true;
          } catch (FileAlreadyExistsException present) {
            return false;
          }
        });
  }

  private interface Placing {
    boolean at(Path draft, Path target) throws IOException;
  }

  /** On a full disk collections have the reserve: they are what makes space. */
  private boolean place(String name, byte[] bytes, Placing placing) {
    Path target = path(name);
    try {
      return placeOnce(target, bytes, placing);
    } catch (PodflareException e) {
      boolean again =
          e.code() == ErrorCode.STORE_FULL && name.startsWith("gc/") && reserve.giveUp();
      if (!again) {
        throw e;
      }
      return placeOnce(target, bytes, placing);
    }
  }

  private boolean placeOnce(Path target, byte[] bytes, Placing placing) {
    try {
      Path draft = draft(bytes);
      try {
        return inItsFolder(draft, target, placing);
      } finally {
        Files.deleteIfExists(draft);
      }
    } catch (IOException e) {
      throw FolderErrors.of(root, e);
    }
  }

  private static boolean inItsFolder(Path draft, Path target, Placing placing) throws IOException {
    try {
      return placing.at(draft, target);
    } catch (NoSuchFileException noFolder) {
      Files.createDirectories(target.getParent(), OWNER_ONLY_FOLDER);
      return placing.at(draft, target);
    }
  }

  private Path draft(byte[] bytes) throws IOException {
    Path draft = scratch.fresh();
    try (FileChannel channel =
        FileChannel.open(
            draft, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), OWNER_ONLY)) {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      channel.force(false);
      return draft;
    } catch (IOException | RuntimeException failed) {
      Files.deleteIfExists(draft);
      throw failed;
    }
  }

  @Override
  public void sync(Collection<String> names) {
    Set<Path> touched = new HashSet<>();
    names.forEach(name -> touched.add(path(name).getParent()));
    try {
      for (Path folder : touched) {
        folders.sync(folder);
      }
    } catch (IOException e) {
      throw FolderErrors.of(root, e);
    }
  }

  @Override
  public Optional<byte[]> get(String name, long offset, int length) {
    try (FileChannel channel = FileChannel.open(path(name), StandardOpenOption.READ)) {
      long there = Math.clamp(channel.size() - offset, 0L, (long) length);
      ByteBuffer bytes = ByteBuffer.allocate((int) there);
      long position = offset;
      while (bytes.hasRemaining()) {
        int read = channel.read(bytes, position);
        if (read < 0) {
          break;
        }
        position += read;
      }
      return Optional.of(Arrays.copyOf(bytes.array(), bytes.position()));
    } catch (NoSuchFileException absent) {
      return Optional.empty();
    } catch (IOException e) {
      throw FolderErrors.of(root, e);
    }
  }

  @Override
  public Optional<BlobInfo> head(String name) {
    try {
      BasicFileAttributes file = Files.readAttributes(path(name), BasicFileAttributes.class);
      return file.isRegularFile()
          ? Optional.of(new BlobInfo(name, file.size(), file.lastModifiedTime().toInstant()))
          : Optional.empty();
    } catch (NoSuchFileException absent) {
      return Optional.empty();
    } catch (IOException e) {
      throw FolderErrors.of(root, e);
    }
  }

  @Override
  public List<BlobInfo> list(String prefix, String after, int limit) {
    try {
      return FolderListing.page(root, prefix, after, limit);
    } catch (IOException e) {
      throw FolderErrors.of(root, e);
    }
  }

  @Override
  public void delete(String name) {
    try {
      Files.deleteIfExists(path(name));
    } catch (IOException e) {
      throw FolderErrors.of(root, e);
    }
  }

  @Override
  public void tidy() {
    try {
      scratch.sweep();
      reserve.take();
    } catch (IOException e) {
      throw FolderErrors.of(root, e);
    }
  }

  private Path path(String name) {
    if (BlobNames.checked(name).startsWith(SCRATCH + "/")) {
      throw new IllegalArgumentException("not for objects: " + name);
    }
    return root.resolve(name);
  }

  @Override
  public void close() {
    try {
      scratch.close();
    } catch (IOException e) {
      throw FolderErrors.of(root, e);
    }
  }

  @Override
  public String toString() {
    return root.toString();
  }
}
