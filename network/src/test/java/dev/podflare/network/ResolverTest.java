package dev.podflare.network;

import static dev.podflare.network.ResolverRig.OTHER;
import static dev.podflare.network.ResolverRig.SLOT;
import static dev.podflare.network.ResolverRig.STRANGER;
import static dev.podflare.network.ResolverRig.data;
import static dev.podflare.network.ResolverRig.query;
import static dev.podflare.network.ResolverRig.rcode;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.DataSize;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

class ResolverTest {
  private ResolverRig rig;

  @BeforeEach
  void start() throws IOException {
    rig = ResolverRig.open();
    rig.slots.set(SLOT, EgressPolicy.OPEN);
    rig.slots.set(OTHER, EgressPolicy.OPEN);
  }

  @AfterEach
  void stop() throws IOException {
    rig.close();
  }

  @Test
  void answersByUdpAndTcpAndKeepsAnswersForTheirTimeToLive() throws IOException {
    rig.upstream.add("www.example 60 A 203.0.113.5");
    assertThat(data(rig.ask(SLOT, "www.example", "A"))).containsExactly("203.0.113.5");
    assertThat(data(rig.askTcp(OTHER, query("WWW.example", Type.A))))
        .containsExactly("203.0.113.5");
    assertThat(rig.upstream.asked).hasSize(1);
    rig.pass(Duration.ofSeconds(61));
    rig.ask(SLOT, "www.example", "A");
    assertThat(rig.upstream.asked).hasSize(2);
    assertThat(rig.resolver.stats().forwarded()).isEqualTo(2);
  }

  @Test
  void theCacheIsBounded() throws IOException {
    try (ResolverRig small =
        new ResolverRig(List.of(), QueryLimits.defaults(), new DataSize(20_000))) {
      small.slots.set(SLOT, EgressPolicy.OPEN);
      for (int count = 0; count < 100; count++) {
        small.upstream.add("n" + count + ".example 60 A 203.0.113.5");
        small.ask(SLOT, "n" + count + ".example", "A");
      }
      assertThat(small.resolver.cachedBytes()).isBetween(10_000L, 20_000L);
    }
  }

  @Test
  void namesThatAreNotThereAreKeptAsTheirZoneSays() throws IOException {
    assertThat(rcode(rig.ask(SLOT, "none.example", "A"))).isEqualTo("NXDOMAIN");
    rig.ask(SLOT, "none.example", "A");
    assertThat(rig.upstream.asked).as("no SOA, nothing kept").hasSize(2);
    rig.upstream.negativeTtl = 20;
    rig.ask(SLOT, "none.example", "A");
    rig.pass(Duration.ofSeconds(19));
    assertThat(rcode(rig.ask(SLOT, "none.example", "A"))).isEqualTo("NXDOMAIN");
    assertThat(rig.upstream.asked).hasSize(3);
    rig.pass(Duration.ofSeconds(2));
    rig.ask(SLOT, "none.example", "A");
    assertThat(rig.upstream.asked).hasSize(4);
  }

  @Test
  void strangersGetNoAnswer() throws IOException {
    rig.upstream.add("www.example 60 A 203.0.113.5");
    assertThat(rig.ask(STRANGER, query("www.example", Type.A))).isEmpty();
    assertThatThrownBy(() -> rig.askTcp(STRANGER, query("www.example", Type.A)))
        .isInstanceOf(IOException.class);
    assertThat(rig.upstream.asked).isEmpty();
    assertThat(rig.resolver.stats().strangers()).isEqualTo(2);
  }

  @Test
  void truncatedAnswersAreAskedAgainByTcp() throws IOException {
    for (int count = 0; count < 120; count++) {
      rig.upstream.add("many.example 60 A 203.0.113." + count);
    }
    Message plain = rig.ask(SLOT, "many.example", "A");
    assertThat(plain.getHeader().getFlag(Flags.TC)).isTrue();
    assertThat(plain.numBytes()).isLessThanOrEqualTo(512);
    assertThat(rig.upstream.asked).containsExactly("udp many.example A", "tcp many.example A");
    for (int count = 0; count < 50; count++) {
      rig.upstream.add("some.example 60 A 203.0.113." + count);
    }
    Message larger = query("some.example", Type.A);
    larger.addRecord(new OPTRecord(4096, 0, 0), Section.ADDITIONAL);
    assertThat(rig.ask(SLOT, larger).orElseThrow().numBytes()).isBetween(513, 1232);
    assertThat(data(rig.askTcp(SLOT, query("many.example", Type.A)))).hasSize(120);
  }

  @Test
  void aDeadUpstreamGivesServfailWithinTheDeadline() throws IOException {
    rig.upstream.silent = true;
    long start = System.nanoTime();
    assertThat(rcode(rig.ask(SLOT, "www.example", "A"))).isEqualTo("SERVFAIL");
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
    rig.upstream.silent = false;
    rig.upstream.rcode = Rcode.SERVFAIL;
    assertThat(rcode(rig.ask(SLOT, "www.example", "A"))).isEqualTo("SERVFAIL");
    rig.upstream.rcode = Rcode.NOERROR;
    rig.upstream.wrongId = true;
    rig.upstream.add("www.example 60 A 203.0.113.66");
    assertThat(rcode(rig.ask(SLOT, "www.example", "A"))).as("forged").isEqualTo("SERVFAIL");
    rig.upstream.wrongId = false;
    assertThat(data(rig.ask(SLOT, "www.example", "A"))).hasSize(1);
  }

  @Test
  void oneWaitingSlotDoesNotHoldUpAnother() throws IOException {
    rig.upstream.add("kept.example 600 A 203.0.113.5");
    rig.ask(OTHER, "kept.example", "A");
    rig.upstream.silent = true;
    try (DatagramSocket flood = new DatagramSocket(new InetSocketAddress(SLOT, 0))) {
      for (int count = 0; count < 80; count++) {
        rig.send(flood, query("n" + count + ".example", Type.A).toWire());
      }
      long start = System.nanoTime();
      assertThat(data(rig.ask(OTHER, "kept.example", "A"))).hasSize(1);
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofMillis(500));
    }
  }

  @Test
  void aFloodIsLimitedPerSlot() throws IOException {
    rig.upstream.add("www.example 600 A 203.0.113.5");
    rig.ask(OTHER, "www.example", "A");
    try (DatagramSocket flood = new DatagramSocket(new InetSocketAddress(SLOT, 0))) {
      byte[] wire = query("www.example", Type.A).toWire();
      for (int count = 0; count < 400; count++) {
        rig.send(flood, wire);
      }
    }
    Awaitility.await().until(() -> rig.resolver.stats().limited() >= 90);
    assertThat(data(rig.ask(OTHER, "www.example", "A"))).hasSize(1);
    assertThat(rig.ask(SLOT, query("www.example", Type.A))).as("bucket is empty").isEmpty();
    assertThat(rig.slots.rules()).contains("too many queries");
    rig.pass(Duration.ofSeconds(1));
    assertThat(data(rig.ask(SLOT, "www.example", "A"))).hasSize(1);
  }

  @Test
  void oddMessagesAreRefusedOrDropped() throws IOException {
    assertThat(rcode(rig.ask(SLOT, "www.example", "ANY"))).isEqualTo("REFUSED");
    assertThat(rcode(rig.ask(SLOT, "www.example", "AXFR"))).isEqualTo("REFUSED");
    Message update = query("www.example", Type.A);
    update.getHeader().setOpcode(Opcode.UPDATE);
    assertThat(rcode(rig.ask(SLOT, update).orElseThrow())).isEqualTo("NOTIMP");
    assertThat(rcode(rig.ask(SLOT, new Message(7)).orElseThrow())).isEqualTo("FORMERR");
    Message answer = query("www.example", Type.A);
    answer.getHeader().setFlag(Flags.QR);
    assertThat(rig.ask(SLOT, answer)).as("no answers to answers: no loops").isEmpty();
    try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress(SLOT, 0))) {
      for (int length : List.of(0, 1, 11, 13, 512, 9000)) {
        byte[] junk = new byte[length];
        java.util.Arrays.fill(junk, (byte) 0xc0);
        rig.send(socket, junk);
      }
    }
    rig.upstream.add("www.example 60 A 203.0.113.5");
    assertThat(data(rig.ask(SLOT, "www.example", "A"))).as("still alive").hasSize(1);
    assertThat(rig.upstream.asked).hasSize(1);
  }

  @Test
  void tcpConnectionsAreLimitedPerSlot() throws IOException {
    rig.upstream.add("www.example 60 A 203.0.113.5");
    List<Socket> open = new ArrayList<>();
    try {
      for (int count = 0; count < 8; count++) {
        open.add(rig.connect(SLOT));
      }
      Awaitility.await()
          .untilAsserted(() ->
              assertThatThrownBy(() -> rig.askTcp(SLOT, query("www.example", Type.A)))
                  .isInstanceOf(IOException.class));
      assertThat(data(rig.askTcp(OTHER, query("www.example", Type.A)))).hasSize(1);
    } finally {
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  @Test
  void closesAndCanBeStartedAgain() throws IOException {
    int port = rig.resolver.port();
    rig.resolver.close();
    rig.resolver.close();
    ResolverConfig again =
        new ResolverConfig(
            new InetSocketAddress(MemorySlots.v4("127.0.7.53"), port),
            List.of(rig.upstream.address()),
            Path.of("/nowhere"),
            Duration.ofSeconds(1),
            Duration.ofSeconds(1),
            DataSize.ofMebibytes(1),
            Duration.ofDays(1),
            Duration.ZERO,
            QueryLimits.defaults());
    try (Resolver second = Resolver.start(again, rig.slots, Runnable::run)) {
      assertThat(second.port()).isEqualTo(port);
      assertThatThrownBy(() -> Resolver.start(again, rig.slots, Runnable::run))
          .isInstanceOf(PodflareException.class)
          .hasMessageContaining("cannot listen");
    }
  }
}
