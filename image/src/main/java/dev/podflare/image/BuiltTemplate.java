package dev.podflare.image;

import dev.podflare.common.DataSize;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * A template on disk, whole and never changed again. What depends on it (checkpoints of shapes,
 * overlays) is keyed by {@link #digest()}: two builds never share one.
 *
 * @param digest 32 hex digits, also the name of {@code directory}
 * @param inputs digest of everything that went in; a refresh gives another build of the same inputs
 * @param directory the template's own folder, where its checkpoints may be kept too
 * @param kernel bzImage
 * @param initrd cpio archive, not compressed
 * @param disk raw ext4 file system, sparse, never to be written
 * @param diskSize size of {@code disk} as the guest sees it
 * @param shape default shape of sandboxes
 * @param warmUp Python code to run in the interpreter before it is frozen; may be empty
 * @param warmContexts languages of which an interpreter is to be made ahead
 */
public record BuiltTemplate(
    String name,
    String digest,
    String inputs,
    Path directory,
    Path kernel,
    Path initrd,
    Path disk,
    DataSize diskSize,
    Shape shape,
    String warmUp,
    List<String> warmContexts,
    Instant builtAt) {
  public BuiltTemplate {
    warmContexts = List.copyOf(warmContexts);
  }
}
