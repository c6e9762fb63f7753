package dev.podflare.network;

import static dev.podflare.network.GateRig.OTHER;
import static dev.podflare.network.GateRig.SLOT;
import static dev.podflare.network.GateRig.rest;
import static dev.podflare.network.GateRig.send;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of a connection that was let through. Bytes are opaque, after an unknown word. */
@Timeout(60)
class GateRelayTest {
  private ServerSocket server;
  private GateRig rig;

  @BeforeEach
  void start() throws IOException {
    server = GateRig.listen();
    rig = GateRig.open(server);
    rig.allowAllBut("evil.example");
  }

  @AfterEach
  void stop() throws IOException {
    rig.close();
    server.close();
  }

  private Socket opened() throws IOException {
    Socket socket = rig.connect();
    send(socket, "\0hello");
    assertThat(GateRig.read(socket, 6)).isEqualTo("\0hello");
    return socket;
  }

  @Test
  void theEndOfOneDirectionLeavesTheOtherOpen() throws IOException {
    TestServers.serve(
        server,
        socket -> {
          String all = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
          send(socket, "heard " + all.length());
        });
    try (Socket socket = rig.connect()) {
      send(socket, "\0" + "x".repeat(200_000));
      socket.shutdownOutput();
      assertThat(rest(socket)).isEqualTo("heard 200001");
    }
    rig.awaitNoConnections();
    server.close();
    server = GateRig.listen();
    rig.destination = (java.net.InetSocketAddress) server.getLocalSocketAddress();
    AtomicLong later = new AtomicLong();
    TestServers.serve(
        server,
        socket -> {
          send(socket, "bye");
          socket.shutdownOutput();
          later.set(socket.getInputStream().readAllBytes().length);
        });
    try (Socket socket = rig.connect()) {
      send(socket, "\0");
      assertThat(rest(socket)).isEqualTo("bye");
      send(socket, "more");
    }
    Awaitility.await().until(() -> later.get() == 5);
    rig.awaitNoConnections();
  }

  @Test
  void aSlowReaderHoldsTheWriterBack() throws Exception {
    TestServers.serve(
        server,
        socket -> {
          socket.getInputStream().read();
          awaitInterrupt();
        });
    AtomicLong written = new AtomicLong();
    try (Socket socket = rig.connect()) {
      OutputStream out = socket.getOutputStream();
      Thread writer =
          Thread.ofVirtual()
              .start(() -> {
                byte[] bytes = new byte[64 << 10];
                try {
                  while (true) {
                    out.write(bytes);
                    written.addAndGet(bytes.length);
                  }
                } catch (IOException e) {
                  // The end of the test.
                }
              });
      long before = 0;
      for (int still = 0; still < 5; still = written.get() == before ? still + 1 : 0) {
        before = written.get();
        Thread.sleep(100);
      }
      // What the kernel's four socket buffers hold, and one buffer of ours.
      assertThat(written.get()).isLessThan(32 << 20);
      rig.gate.cut(SLOT);
      writer.join();
    }
    rig.awaitNoConnections();
  }

  private static void awaitInterrupt() {
    try {
      Thread.sleep(20_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void whatDoesNotMoveIsCutEvenIfBothSidesAreStuckInWriting() throws Exception {
    rig.close();
    rig =
        new GateRig(
            (java.net.InetSocketAddress) server.getLocalSocketAddress(),
            Duration.ofMillis(800),
            16);
    rig.allowAllBut("evil.example");
    TestServers.serve(server, socket -> flood(socket));
    try (Socket socket = rig.connect()) {
      send(socket, "\0");
      Thread flood = Thread.ofVirtual().start(() -> flood(socket));
      flood.join(Duration.ofSeconds(15));
      assertThat(flood.isAlive()).isFalse();
    }
    rig.awaitNoConnections();
  }

  private static void flood(Socket socket) {
    try {
      byte[] bytes = new byte[64 << 10];
      while (true) {
        socket.getOutputStream().write(bytes);
      }
    } catch (IOException e) {
      // Cut, as it should be.
    }
  }

  @Test
  void aBusyRelayOutlivesTheIdleTime() throws Exception {
    rig.close();
    rig =
        new GateRig(
            (java.net.InetSocketAddress) server.getLocalSocketAddress(),
            Duration.ofMillis(500),
            16);
    rig.allowAllBut("evil.example");
    TestServers.serve(server, TestServers::echo);
    try (Socket socket = opened()) {
      for (int count = 0; count < 12; count++) {
        Thread.sleep(100);
        send(socket, "x");
        assertThat(GateRig.read(socket, 1)).isEqualTo("x");
      }
      assertThat(rest(socket)).isEqualTo("<Connection reset>");
    }
  }

  @Test
  void aPolicyChangeCutsWhatItRefusesAndNothingElse() throws IOException {
    TestServers.Http http = new TestServers.Http();
    TestServers.serve(server, http::with);
    rig.allowOnly("good.example", "also.example");
    rig.slots.set(
        OTHER,
        EgressPolicy.parse(EgressPolicy.Default.ALLOW, List.of(), List.of("evil.example"), true));
    try (Socket good = rig.connect();
        Socket also = rig.connect();
        Socket other = rig.connect(OTHER)) {
      for (Socket socket : List.of(good, also, other)) {
        String host = socket.equals(also) ? "also.example" : "good.example";
        send(socket, "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        assertThat(GateRig.read(socket, 39 + host.length())).endsWith(host);
      }
      assertThat(rig.gate.open(SLOT)).isEqualTo(2);
      rig.nanos.addAndGet(Duration.ofHours(1).toNanos());
      rig.allowOnly("also.example");
      rig.gate.recheck(SLOT);
      assertThat(rest(good)).isEqualTo("<Connection reset>");
      send(also, "GET / HTTP/1.1\r\nHost: also.example\r\n\r\n");
      assertThat(GateRig.read(also, 51)).endsWith("also.example");
      rig.gate.cut(SLOT);
      assertThat(rest(also)).isEqualTo("<Connection reset>");
      assertThat(rig.gate.open(OTHER)).isEqualTo(1);
    }
    assertThat(rig.slots.rules()).containsExactly("default deny");
  }

  @Test
  void aConnectionWithoutANameThatWasAllowedIsCutByAStricterPolicy() throws IOException {
    TestServers.serve(server, TestServers::echo);
    try (Socket socket = opened()) {
      rig.allowOnly("good.example");
      rig.gate.recheck(SLOT);
      assertThat(rest(socket)).isEqualTo("<Connection reset>");
    }
    try (Socket silent = rig.connect()) {
      rig.slots.remove(SLOT);
      rig.gate.recheck(SLOT);
      assertThatThrownBy(
              () -> {
                while (true) {
                  send(silent, "\0");
                }
              })
          .isInstanceOf(IOException.class);
    }
  }
}
