package dev.podflare.guest;

/** One frame. {@code id} is 0 for control, else the number of an execution. */
@SuppressWarnings("ArrayRecordComponent") // frames are read once and never compared
record Frame(byte type, long id, byte[] payload) {
  static final int MAX_PAYLOAD = 1 << 20;

  /** Length of type and id, which the length field counts too. */
  static final int HEAD = 5;

  char letter() {
    return (char) (type & 0xff);
  }
}
