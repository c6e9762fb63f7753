package dev.podflare.store.checkpoint;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Names contents and, if the store is encrypted, hides them. Thread-safe. */
interface StoreCipher {
  /** Written into every object, so that one of another kind of store is noticed. */
  byte code();

  /** By how many bytes {@link #encrypt} makes them longer. */
  int overhead();

  /** 32 bytes that stand for these bytes, in this store. */
  byte[] digest(byte[] plain);

  /**
   * Bytes as they are stored.
   *
   * @param context what they belong to; {@link #decrypt} must be given the same
   */
  byte[] encrypt(byte[] context, byte[] plain);

  byte[] decrypt(byte[] context, byte[] stored) throws DamagedException;

  /** Nothing is hidden; contents are named by their SHA-256. */
  StoreCipher NONE =
      new StoreCipher() {
        @Override
        public byte code() {
          return 0;
        }

        @Override
        public int overhead() {
          return 0;
        }

        @Override
        public byte[] digest(byte[] plain) {
          try {
            return MessageDigest.getInstance("SHA-256").digest(plain);
          } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
          }
        }

        @Override
        public byte[] encrypt(byte[] context, byte[] plain) {
          return plain;
        }

        @Override
        public byte[] decrypt(byte[] context, byte[] stored) {
          return stored;
        }
      };
}
