package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The manifests of a store. Thread-safe. */
final class Manifests {
  private final BlobStore blobs;
  private final Envelope envelope;
  private final ManifestCodec codec;

  Manifests(BlobStore blobs, StoreCipher cipher) {
    this.blobs = blobs;
    this.envelope = new Envelope(cipher);
    this.codec = new ManifestCodec(cipher);
  }

  /** Durable when it returns. */
  void save(CheckpointManifest manifest) {
    String name = CheckpointManifest.name(manifest.id());
    blobs.put(name, envelope.seal(Envelope.Kind.CHECKPOINT, name, codec.encode(manifest)));
    blobs.sync(List.of(name));
  }

  boolean exists(String id) {
    return blobs.head(CheckpointManifest.name(id)).isPresent();
  }

  /** Empty when there is none. May throw {@code CHECKPOINT_CORRUPT}. */
  Optional<CheckpointManifest> load(String id) {
    String name = CheckpointManifest.name(id);
    int limit = ManifestCodec.MAX_BYTES + Envelope.OVERHEAD;
    Optional<byte[]> object = blobs.get(name, 0, limit + 1);
    if (object.isEmpty()) {
      return Optional.empty();
    }
    try {
      byte[] plain =
          envelope.open(Envelope.Kind.CHECKPOINT, name, object.get(), ManifestCodec.MAX_BYTES);
      return Optional.of(codec.decode(id, plain));
    } catch (DamagedException e) {
      throw new PodflareException(
          ErrorCode.CHECKPOINT_CORRUPT,
          "checkpoint " + id + " is lost: its manifest is damaged: " + e.getMessage(),
          Map.of("checkpoint", id, "part", "manifest"),
          e);
    }
  }

  /** Durable when it returns; whether there was one. */
  boolean delete(String id) {
    String name = CheckpointManifest.name(id);
    boolean there = blobs.head(name).isPresent();
    blobs.delete(name);
    blobs.sync(List.of(name));
    return there;
  }

  List<String> ids() {
    return names().stream()
        .map(name -> name.substring(CheckpointManifest.FOLDER.length()))
        .filter(id -> Ids.wellFormed("chk", id))
        .toList();
  }

  /** Of every object where manifests are, also of those that are none that is known here. */
  List<String> names() {
    List<String> names = new ArrayList<>();
    blobs.all(CheckpointManifest.FOLDER, info -> names.add(info.name()));
    return names;
  }
}
