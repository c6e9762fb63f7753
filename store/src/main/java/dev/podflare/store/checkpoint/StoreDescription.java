package dev.podflare.store.checkpoint;

import static java.util.Objects.requireNonNull;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The object {@code store.json}, which says what kind of store it is and has the data key.
 *
 * @param format version of everything in the store, 1
 * @param store a random id, 32 hex digits
 * @param cipher {@code none} or {@code aes-256-gcm}
 * @param key the data key, wrapped (see {@link AesCipher}) and in hex; empty without a cipher
 */
record StoreDescription(int format, String store, String cipher, String key) {
  private static final String NAME = "store.json";
  private static final int FORMAT = 1;
  private static final String NONE = "none";
  private static final String AES = "aes-256-gcm";
  private static final int MAX_BYTES = 1 << 16;
  private static final JsonMapper MAPPER = JsonMapper.shared();

  StoreDescription {
    requireNonNull(store);
    requireNonNull(cipher);
    requireNonNull(key);
  }

  /** Reads it, or makes it in an empty place. Several may try at once. */
  static StoreCipher open(BlobStore blobs, Optional<StoreKey> key) {
    return read(blobs).orElseGet(() -> make(blobs, key)).cipherWith(key);
  }

  private static StoreDescription make(BlobStore blobs, Optional<StoreKey> key) {
    boolean used =
        !blobs.list(CheckpointManifest.FOLDER, "", 1).isEmpty()
            || !blobs.list(ChunkRef.FOLDER, "", 1).isEmpty();
    Optional<StoreDescription> raced = read(blobs);
    if (raced.isPresent()) {
      return raced.get();
    }
    if (used) {
      throw damaged("is missing in a store that has checkpoints", null);
    }
    String store = HexFormat.of().formatHex(random(16));
    StoreDescription made =
        key.map(
                it -> {
                  byte[] wrapped = AesCipher.wrap(it, store, random(StoreKey.BYTES));
                  return new StoreDescription(
                      FORMAT, store, AES, HexFormat.of().formatHex(wrapped));
                })
            .orElseGet(() -> new StoreDescription(FORMAT, store, NONE, ""));
    boolean first =
        blobs.putIfAbsent(NAME, MAPPER.writeValueAsString(made).getBytes(StandardCharsets.UTF_8));
    blobs.sync(List.of(NAME));
    return first ? made : read(blobs).orElseThrow(StoreDescription::beingMade);
  }

  private static PodflareException beingMade() {
    return new PodflareException(
        ErrorCode.STORE_UNAVAILABLE, "the checkpoint store is being made by somebody else");
  }

  private static Optional<StoreDescription> read(BlobStore blobs) {
    return blobs.get(NAME, 0, MAX_BYTES).map(StoreDescription::parse);
  }

  private static StoreDescription parse(byte[] json) {
    try {
      return MAPPER.readValue(json, StoreDescription.class);
    } catch (JacksonException e) {
      throw damaged("cannot be read", e);
    }
  }

  private StoreCipher cipherWith(Optional<StoreKey> given) {
    if (format != FORMAT) {
      throw refused("has format " + format + "; this Podflare knows " + FORMAT);
    }
    return switch (cipher) {
      case NONE -> {
        if (given.isPresent()) {
          throw refused("is not encrypted, but a key is configured; leave the key out");
        }
        yield StoreCipher.NONE;
      }
      case AES ->
          AesCipher.unwrap(
              given.orElseThrow(() -> refused("is encrypted; configure its key")), store, key);
      default -> throw refused("is encrypted with '" + cipher + "', which is not known");
    };
  }

  static PodflareException refused(String why) {
    return new PodflareException(ErrorCode.INVALID_CONFIG, "the checkpoint store " + why);
  }

  static PodflareException damaged(String how, @org.jspecify.annotations.Nullable Throwable cause) {
    return new PodflareException(
        ErrorCode.CHECKPOINT_CORRUPT,
        NAME + " of the checkpoint store " + how + "; put it back from a copy",
        cause);
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new SecureRandom().nextBytes(bytes);
    return bytes;
  }
}
