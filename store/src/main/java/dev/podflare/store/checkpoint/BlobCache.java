package dev.podflare.store.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies of objects in a folder, up to a number of bytes. A file is the object's bytes after four
 * of their CRC-32C, which also covers the name; nothing is synced, so one that a loss of power has
 * cut is noticed by it and dropped. The order of use survives a restart in the files' times. No
 * call fails: what cannot be kept is not. Thread-safe.
 */
final class BlobCache {
  private static final Logger LOG = LoggerFactory.getLogger(BlobCache.class);
  private static final int SUM = 4;
  private static final String DRAFT = ".draft-";

  private final Path folder;
  private final long limit;
  private final Map<String, Long> sizes = new LinkedHashMap<>(16, 0.75f, true);
  private long total;

  private BlobCache(Path folder, long limit) {
    this.folder = folder;
    this.limit = limit;
  }

  static BlobCache open(Path folder, long limit) {
    BlobCache cache = new BlobCache(folder, limit);
    try {
      Files.createDirectories(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      cache.load();
    } catch (IOException e) {
      throw FolderErrors.of(folder, e);
    }
    cache.evict();
    return cache;
  }

  private record Found(String file, long size, FileTime used) {}

  private void load() throws IOException {
    List<Found> all = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        String name = String.valueOf(file.getFileName());
        if (name.startsWith(DRAFT)) {
          Files.deleteIfExists(file);
        } else {
          all.add(new Found(name, Files.size(file), Files.getLastModifiedTime(file)));
        }
      }
    }
    all.sort(Comparator.comparing(Found::used));
    all.forEach(it -> account(it.file(), it.size()));
  }

  /** No name has a plus. */
  private static String file(String name) {
    return name.replace('/', '+');
  }

  /** Empty if it is not there, damaged, or has more than {@code most} bytes. */
  Optional<byte[]> get(String name, int most) {
    Path file = folder.resolve(file(name));
    try {
      byte[] content = Files.readAllBytes(file);
      int length = content.length - SUM;
      if (length < 0 || ByteBuffer.wrap(content).getInt() != sum(name, content)) {
        remove(name);
        return Optional.empty();
      }
      touch(file, content.length);
      return length > most
          ? Optional.empty()
          : Optional.of(Arrays.copyOfRange(content, SUM, content.length));
    } catch (NoSuchFileException absent) {
      forget(file(name));
      return Optional.empty();
    } catch (IOException e) {
      LOG.debug("the cache cannot read {}", file, e);
      return Optional.empty();
    }
  }

  private static int sum(String name, byte[] content) {
    CRC32C sum = new CRC32C();
    sum.update(name.getBytes(StandardCharsets.US_ASCII));
    sum.update(content, SUM, content.length - SUM);
    return (int) sum.getValue();
  }

  private void touch(Path file, long size) throws IOException {
    account(String.valueOf(file.getFileName()), size);
    Files.setLastModifiedTime(file, FileTime.fromMillis(System.currentTimeMillis()));
  }

  void put(String name, byte[] bytes) {
    if (bytes.length + SUM > limit) {
      return;
    }
    byte[] content = ByteBuffer.allocate(SUM + bytes.length).putInt(0).put(bytes).array();
    ByteBuffer.wrap(content).putInt(sum(name, content));
    Path draft = folder.resolve(DRAFT + UUID.randomUUID());
    try {
      Files.write(draft, content);
      Files.move(draft, folder.resolve(file(name)), StandardCopyOption.ATOMIC_MOVE);
      account(file(name), content.length);
    } catch (IOException e) {
      LOG.debug("the cache cannot keep {}", name, e);
      delete(draft);
    }
    evict();
  }

  void remove(String name) {
    delete(folder.resolve(file(name)));
    forget(file(name));
  }

  private synchronized void account(String file, long size) {
    Long before = sizes.put(file, size);
    total += size - (before == null ? 0 : before);
  }

  private synchronized void forget(String file) {
    Long size = sizes.remove(file);
    total -= size == null ? 0 : size;
  }

  private synchronized void evict() {
    Iterator<Map.Entry<String, Long>> oldestFirst = sizes.entrySet().iterator();
    while (total > limit && oldestFirst.hasNext()) {
      Map.Entry<String, Long> oldest = oldestFirst.next();
      delete(folder.resolve(oldest.getKey()));
      total -= oldest.getValue();
      oldestFirst.remove();
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.debug("the cache cannot delete {}", file, e);
    }
  }
}
