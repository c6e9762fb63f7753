package dev.podflare.cli;

/** Which accelerator machines use; AUTO takes KVM where a probe shows that it accelerates. */
enum AcceleratorChoice {
  AUTO,
  KVM,
  TCG
}
