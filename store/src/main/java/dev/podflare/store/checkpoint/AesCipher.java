package dev.podflare.store.checkpoint;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.KDF;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.HKDFParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * AES-256-GCM. A store has a random data key, from which HKDF-SHA-256 derives one key for bodies
 * and one for the HMAC-SHA-256 that names contents: who lacks it cannot tell whether a store has a
 * given page. The data key lies in {@code store.json}, encrypted by the {@link StoreKey}.
 *
 * <p>Stored bytes are 12 of nonce, the encrypted ones, 16 of tag. The nonce is random; one key may
 * so encrypt some 2^32 objects, which is more than 100 TiB of them. Thread-safe.
 */
final class AesCipher implements StoreCipher {
  private static final int NONCE = 12;
  private static final int TAG = 16;
  private static final int PIECE = 8192; // many short calls are compiled sooner than few long ones
  private static final SecureRandom RANDOM = new SecureRandom();

  private final SecretKey bodies;
  private final SecretKey digests;

  private AesCipher(byte[] dataKey) {
    this.bodies = derive(dataKey, "podflare checkpoint store 1 body", "AES");
    this.digests = derive(dataKey, "podflare checkpoint store 1 digest", "HmacSHA256");
  }

  /** The data key as it may be stored. {@code store}: id of the store, to which it is bound. */
  static byte[] wrap(StoreKey key, String store, byte[] dataKey) {
    return encrypt(wrapping(key), store.getBytes(StandardCharsets.UTF_8), dataKey);
  }

  /** May throw {@code INVALID_CONFIG}: the key is another. */
  static AesCipher unwrap(StoreKey key, String store, String wrappedHex) {
    try {
      byte[] wrapped = HexFormat.of().parseHex(wrappedHex);
      return new AesCipher(decrypt(wrapping(key), store.getBytes(StandardCharsets.UTF_8), wrapped));
    } catch (DamagedException | IllegalArgumentException e) {
      throw StoreDescription.refused(
          "does not open with the configured key: the key is another, or store.json was changed");
    }
  }

  private static SecretKey wrapping(StoreKey key) {
    return derive(key.bytes(), "podflare checkpoint store 1 wrap", "AES");
  }

  static SecretKey derive(byte[] key, String purpose, String algorithm) {
    try {
      return KDF.getInstance("HKDF-SHA256")
          .deriveKey(
              algorithm,
              HKDFParameterSpec.expandOnly(
                  new SecretKeySpec(key, "Generic"),
                  purpose.getBytes(StandardCharsets.US_ASCII),
                  StoreKey.BYTES));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every Java 25 has it
    }
  }

  @Override
  public byte code() {
    return 1;
  }

  @Override
  public int overhead() {
    return NONCE + TAG;
  }

  @Override
  public byte[] digest(byte[] plain) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(digests);
      return mac.doFinal(plain);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public byte[] encrypt(byte[] context, byte[] plain) {
    return encrypt(bodies, context, plain);
  }

  @Override
  public byte[] decrypt(byte[] context, byte[] stored) throws DamagedException {
    return decrypt(bodies, context, stored);
  }

  static byte[] encrypt(SecretKey key, byte[] context, byte[] plain) {
    byte[] nonce = new byte[NONCE];
    RANDOM.nextBytes(nonce);
    try {
      Cipher cipher = cipher(Cipher.ENCRYPT_MODE, key, nonce, context);
      byte[] stored = Arrays.copyOf(nonce, NONCE + plain.length + TAG);
      int done = NONCE;
      for (int offset = 0; offset < plain.length; offset += PIECE) {
        int length = Math.min(PIECE, plain.length - offset);
        done += cipher.update(plain, offset, length, stored, done);
      }
      cipher.doFinal(stored, done);
      return stored;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  static byte[] decrypt(SecretKey key, byte[] context, byte[] stored) throws DamagedException {
    if (stored.length < NONCE + TAG) {
      throw new DamagedException("it is too short to be encrypted");
    }
    try {
      Cipher cipher = cipher(Cipher.DECRYPT_MODE, key, Arrays.copyOf(stored, NONCE), context);
      return cipher.doFinal(stored, NONCE, stored.length - NONCE);
    } catch (AEADBadTagException e) {
      throw new DamagedException("it is not what was encrypted under its name", e);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Cipher cipher(int mode, SecretKey key, byte[] nonce, byte[] context)
      throws GeneralSecurityException {
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(mode, key, new GCMParameterSpec(TAG * 8, nonce));
    cipher.updateAAD(context);
    return cipher;
  }
}
