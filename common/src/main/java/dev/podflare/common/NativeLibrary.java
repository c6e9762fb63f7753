package dev.podflare.common;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Loads native libraries that jars bring with them. Thread-safe. */
public final class NativeLibrary {
  private NativeLibrary() {}

  /**
   * Runs what loads one, so that no file of it stays. A jar's library is unpacked where temporary
   * files are, is deleted when the process ends, and so is left there by one that is killed. Once
   * it is loaded nobody needs the file.
   *
   * @param folderProperty system property by which the jar's code finds where to unpack
   * @param loading is to load it at once; if it was loaded before, nothing happens
   */
  public static synchronized void load(String folderProperty, Runnable loading) {
    if (System.getProperty(folderProperty) != null) {
      loading.run(); // somebody has chosen a folder, and looks after it
      return;
    }
    try {
      loadIn(Files.createTempDirectory("podflare-native"), folderProperty, loading);
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "cannot unpack a native library: " + e.getMessage(), e);
    }
  }

  private static void loadIn(Path folder, String property, Runnable loading) throws IOException {
    System.setProperty(property, folder.toString());
    try {
      loading.run();
    } finally {
      System.clearProperty(property);
      FileTree.delete(folder);
    }
  }
}
