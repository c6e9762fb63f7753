package dev.podflare.engine;

import dev.podflare.common.DataSize;

/**
 * How the children of a fork get the parent's own pages: the one place where that is decided.
 *
 * <p>Written into n blanks they take n times their size, in time and in memory. Written once into
 * an image that all children map they take that image in all, but nothing is ready for it: what the
 * parent's image has must be copied too, and a blank started for each child. Measured with 1.1 GB
 * of own pages on two cores of software emulation (the rows {@code fork(1)} and {@code fork(8), 256
 * MB} of the bench): 1.5 s a GB into a blank, where each page is a fault in another process; 0.5 s
 * a GB into an image; 60 ms for one more blank.
 *
 * @param way the faster one
 * @param bytes of host memory that the fork takes, at most
 */
record ForkMemory(Way way, long bytes) {
  enum Way {
    COPIES,
    SHARED_IMAGE
  }

  /** What costs as much as a byte written into a blank, in bytes written into an image. */
  private static final int IMAGE_BYTES = 3;

  /** What is written into a blank in the time that it takes to start one. */
  private static final long START_IN_BYTES = 40L << 20;

  /**
   * Decides for a fork.
   *
   * @param children at least 1
   * @param own bytes of the parent's own pages
   * @param image what the image that the parent maps takes of the host
   */
  static ForkMemory choose(int children, long own, DataSize image) {
    long copies = children * own;
    long shared = image.bytes() + own;
    boolean imagePays = copies > shared / IMAGE_BYTES + children * START_IN_BYTES;
    // One more copy is held from the checkpoint until the pages are where they belong.
    return imagePays
        ? new ForkMemory(Way.SHARED_IMAGE, shared + own)
        : new ForkMemory(Way.COPIES, copies + own);
  }
}
