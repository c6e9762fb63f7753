package dev.podflare.engine;

import dev.podflare.common.Ids;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.NetworkPort;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Starts machines that wait for a checkpoint, each in a place of its own in the network; where the
 * host gives guests none, with a card that leads nowhere.
 *
 * @param onEnd hears of machines that end by themselves
 */
record Blanks(
    Hypervisor hypervisor, Optional<GuestNetwork> network, Ids ids, Consumer<Machine> onEnd) {

  Machine start(LoadedShape shape) {
    NetworkPort port = network.map(GuestNetwork::port).orElseGet(NetworkPort.Unconnected::new);
    return hypervisor.start(shape.blank(ids.machine(), port), onEnd);
  }
}
