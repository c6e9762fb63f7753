package dev.podflare.qemu;

import java.nio.file.Path;

/**
 * Where a machine's network card is plugged in: a tap in a network namespace, in which its QEMU
 * runs too. A template boots with one that leads nowhere, so that every machine restored from it
 * has the same card.
 */
public sealed interface NetworkPort {
  /** MAC address of every guest, always the same: a restored guest's network goes on at once. */
  String GUEST_MAC = "02:70:66:00:00:02";

  /** Name of the tap. */
  String tap();

  /** A namespace of its own with nothing but a tap, made for the machine and gone with it. */
  record Unconnected() implements NetworkPort {
    @Override
    public String tap() {
      return "tap0";
    }
  }

  /** A namespace that somebody else made and takes away after the machine's end. */
  non-sealed interface Place extends NetworkPort {
    /** File by which the namespace can be entered. */
    Path namespace();

    /** Lets the user open the tap, and nobody else. Called before the machine starts. */
    void giveTo(int uid);

    /** Called once when the machine has ended, or could not be started. */
    void released();
  }
}
