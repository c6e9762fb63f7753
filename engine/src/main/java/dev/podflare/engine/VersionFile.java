package dev.podflare.engine;

/** The version of this build. */
final class VersionFile {
  private VersionFile() {}

  static String version() {
    String version = VersionFile.class.getPackage().getImplementationVersion();
    return version == null ? "0.1.0" : version;
  }
}
