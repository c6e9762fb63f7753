package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderBlobsTest extends BlobStoreContract {
  @TempDir Path folder;

  @Override
  BlobStore open() {
    return FolderBlobs.open(folder.resolve("store"));
  }

  @Test
  void whatADeadWriterLeftIsSweptAndALiveOnesIsNot() throws IOException {
    Path root = folder.resolve("store");
    Path left = Files.createDirectories(root.resolve("tmp/dead"));
    Files.createFile(left.resolve("lock"));
    Files.write(left.resolve("half"), new byte[100]);
    try (BlobStore other = FolderBlobs.open(root)) {
      assertThat(left).doesNotExist();
      other.put("chunks/ab/one", new byte[10]);
      assertThat(scratchFolders(root)).isEqualTo(2);
    }
    assertThat(scratchFolders(root)).isEqualTo(1);
  }

  private static long scratchFolders(Path root) throws IOException {
    try (Stream<Path> all = Files.list(root.resolve("tmp"))) {
      return all.count();
    }
  }

  @Test
  void onlyTheOwnerReadsIt() throws IOException {
    try (BlobStore blobs = FolderBlobs.open(folder.resolve("other"))) {
      blobs.put("chunks/ab/one", new byte[10]);
    }
    assertThat(mode(folder.resolve("other"))).isEqualTo("rwx------");
    assertThat(mode(folder.resolve("other/chunks/ab/one"))).isEqualTo("rw-------");
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }
}
