package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.network.EgressPolicy.Default;
import dev.podflare.network.Internet.EchoServer;
import java.io.IOException;
import java.net.Socket;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** Slot, packet filter, resolver and gate together: a guest that speaks with the world by name. */
class SlotNamesTest {
  private NamesRig rig;
  private Slot slot;
  private Guest guest;
  private EchoServer web;

  @BeforeEach
  void open() throws Exception {
    rig = new NamesRig(Internet.create(), "5e115106");
    rig.upstream.add("web.example. 60 A " + Internet.SERVER);
    rig.upstream.add("other.example. 60 A " + Internet.SERVER);
    slot = rig.slot;
    guest = rig.guest;
    web = rig.internet.tcp(rig.internet.outside, Internet.SERVER, 80);
  }

  @AfterEach
  void close() throws Exception {
    rig.close();
  }

  @Test
  void anAllowedNameIsResolvedPinnedAndReachedThroughTheGate() throws Exception {
    rig.allowOnly("web.example");

    assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("refused");
    assertThat(ask("other.example.").getRcode()).isEqualTo(Rcode.NXDOMAIN);
    assertThat(ask("web.example.").getSection(Section.ANSWER)).hasSize(1);
    assertThat(rig.get(Internet.SERVER, "web.example")).contains("Host: web.example");
    assertThat(web.peers).containsExactly(Internet.HOST_PUBLIC);
    assertThat(rig.get(Internet.SERVER, "other.example")).isEmpty();
    assertThat(web.accepted()).isEqualTo(1);
    assertThat(slot.report().refused().get("name")).isEqualTo(2);
    assertThat(slot.report().last()).extracting(Refusal::protocol).contains("dns", "tcp");
  }

  @Test
  void aChangeOfPolicyCutsWhatWentThroughTheGate() throws Exception {
    rig.allowOnly("web.example");
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
    try (Socket open = guest.connect(Internet.SERVER, 80)) {
      assertThat(NamesRig.request(open, "web.example")).contains("Host: web.example");
      rig.allowOnly("new.example");
      assertThat(Guest.isCut(open)).isTrue();
    }
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NXDOMAIN);
  }

  @Test
  void aConnectionKeptOpenThroughTheGateGoesOnIfTheGateIsNotTold() throws Exception {
    rig.internet.tcp(rig.internet.outside, Internet.SERVER, 443);
    try (Socket cut = keptOverAChangeOfPolicy()) {
      assertThat(Guest.isCut(cut)).isTrue();
    }
    rig.serve(untold -> {});
    try (Socket kept = keptOverAChangeOfPolicy()) {
      assertThat(Guest.say(kept, "secret")).isEqualTo("secret");
      rig.gate.recheck(slot.outer());
      assertThat(Guest.isCut(kept)).isTrue();
    }
  }

  /** TLS, of which the gate sees no more than the first words. */
  private Socket keptOverAChangeOfPolicy() throws IOException {
    rig.allowOnly("web.example");
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
    Socket kept = guest.connect(Internet.SERVER, 443);
    assertThat(NamesRig.hello(kept, "web.example")).contains("web.example");
    rig.allowOnly("new.example");
    return kept;
  }

  @Test
  void noNamesAtAllWhenTheyAreOff() throws Exception {
    slot.apply(EgressPolicy.parse(Default.ALLOW, List.of(), List.of(), false));
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.REFUSED);
    assertThat(rig.upstream.asked).isEmpty();
    slot.apply(EgressPolicy.OPEN);
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
  }

  private Message ask(String name) throws IOException {
    return rig.ask(name, Type.A);
  }
}
