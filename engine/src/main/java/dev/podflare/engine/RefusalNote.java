package dev.podflare.engine;

import dev.podflare.network.Refusal;

/** A refusal in a line for whoever reads a program's errors. Stateless. */
final class RefusalNote {
  private RefusalNote() {}

  static String of(Refusal refusal) {
    StringBuilder note = new StringBuilder("podflare: network: ");
    note.append(refusal.protocol()).append(" to ");
    note.append(
        refusal
            .name()
            .or(() -> refusal.addressText())
            .map(LogText::safe)
            .orElse("an unknown address"));
    refusal.port().ifPresent(port -> note.append(" port ").append(port));
    return note.append(" was refused: ").append(refusal.rule()).append('\n').toString();
  }
}
