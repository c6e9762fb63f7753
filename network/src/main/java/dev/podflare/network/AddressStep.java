package dev.podflare.network;

import java.net.InetAddress;
import java.util.List;

/** One step of a policy's order: what matches any of these networks gets this verdict. */
public record AddressStep(Verdict verdict, List<Destination.Network> networks) {
  public AddressStep {
    networks = List.copyOf(networks);
  }

  boolean matches(InetAddress address, int port) {
    for (Destination.Network network : networks) {
      if (network.matches(address, port)) {
        return true;
      }
    }
    return false;
  }
}
