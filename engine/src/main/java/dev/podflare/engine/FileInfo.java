package dev.podflare.engine;

import java.time.Instant;
import java.util.Optional;

/**
 * A file, folder or the like in a guest, by the guest's word.
 *
 * @param name its last part, or where many are listed its path below the listed folder
 * @param type {@code file}, {@code directory}, {@code link} or {@code other}
 * @param size bytes of a file, else 0
 * @param mode permission bits
 * @param owner name of the user, empty if it has none
 * @param target of a link
 * @param tag changes when the file does
 */
public record FileInfo(
    FilePath name,
    String type,
    long size,
    int mode,
    long user,
    long group,
    String owner,
    Instant modifiedAt,
    Optional<FilePath> target,
    String tag) {}
