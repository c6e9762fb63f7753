package dev.podflare.cli;

/** Whether guests have IPv6; AUTO: where the host has it. */
enum Ipv6Choice {
  AUTO,
  OFF
}
