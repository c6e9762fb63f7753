package dev.podflare.common;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** Loads native libraries that jars bring with them. Thread-safe. */
public final class NativeLibrary {
  /** Where SQLite's driver unpacks its library. */
  public static final String SQLITE_FOLDER = "org.sqlite.tmpdir";

  /** What makes a jar's code load its library, at once. */
  @FunctionalInterface
  public interface Loading {
    void load() throws Exception;
  }

  private static final Set<String> LOADED = new HashSet<>(); // guarded by the class

  private NativeLibrary() {}

  /**
   * Loads one, if it is not yet, so that no file of it stays. A jar's library is unpacked where
   * temporary files are, is deleted when the process ends, and so is left there by one that is
   * killed. Once it is loaded nobody needs the file.
   *
   * @param folderProperty system property by which the jar's code finds where to unpack; where it
   *     is set, somebody looks after that folder, and it is used as it is
   * @throws PodflareException {@code HOST_NOT_READY} if it cannot be unpacked or loaded
   */
  public static synchronized void load(String folderProperty, Loading loading) {
    if (LOADED.contains(folderProperty)) {
      return;
    }
    try {
      if (System.getProperty(folderProperty) == null) {
        loadIn(Files.createTempDirectory("podflare-native"), folderProperty, loading);
      } else {
        loading.load();
      }
      LOADED.add(folderProperty);
    } catch (Exception e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "cannot load a native library: " + e.getMessage(), e);
    }
  }

  private static void loadIn(Path folder, String property, Loading loading) throws Exception {
    System.setProperty(property, folder.toString());
    try {
      loading.load();
    } finally {
      System.clearProperty(property);
      FileTree.delete(folder);
    }
  }
}
