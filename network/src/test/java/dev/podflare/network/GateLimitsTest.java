package dev.podflare.network;

import static dev.podflare.network.GateRig.SLOT;
import static dev.podflare.network.GateRig.rest;
import static dev.podflare.network.GateRig.send;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How many connections there may be, whose, and how they end. */
@Timeout(60)
class GateLimitsTest {
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
    return opened(rig);
  }

  private static Socket opened(GateRig rig) throws IOException {
    Socket socket = rig.connect();
    send(socket, "\0hello");
    assertThat(GateRig.read(socket, 6)).isEqualTo("\0hello");
    return socket;
  }

  @Test
  void connectionsAreLimited() throws IOException {
    TestServers.serve(server, TestServers::echo);
    List<Socket> open = new ArrayList<>();
    try {
      for (int count = 0; count < 16; count++) {
        open.add(opened());
      }
      assertThat(restOfNew()).contains("reset");
      assertThat(rig.slots.rules()).containsExactly("too many connections");
      open.removeLast().close();
      Awaitility.await().until(() -> rig.gate.open(SLOT) < 16);
      open.add(opened());
    } finally {
      close(open);
    }
    assertThat(openedWithALimitOf(64)).isEqualTo(40);
  }

  /** How many of 40 connections a gate takes whose limit is another. */
  private int openedWithALimitOf(int limit) throws IOException {
    InetSocketAddress destination = (InetSocketAddress) server.getLocalSocketAddress();
    List<Socket> open = new ArrayList<>();
    try (GateRig wide = new GateRig(destination, Duration.ofSeconds(20), limit)) {
      wide.allowAllBut("evil.example");
      for (int count = 0; count < 40; count++) {
        open.add(opened(wide));
      }
      return wide.gate.open(SLOT);
    } finally {
      close(open);
    }
  }

  private static void close(List<Socket> open) throws IOException {
    for (Socket socket : open) {
      socket.close();
    }
  }

  /** The reset may come before the connect has returned. */
  private String restOfNew() {
    try (Socket socket = rig.connect()) {
      return rest(socket);
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }

  @Test
  void strangersAndDeadServersAreReset() throws IOException {
    rig.slots.remove(SLOT);
    assertThat(restOfNew()).contains("reset");
    rig.allowAllBut("evil.example");
    server.close();
    try (Socket socket = rig.connect()) {
      send(socket, "\0");
      assertThat(rest(socket)).contains("reset");
    }
    assertThat(rig.slots.refusals).isEmpty();
  }

  @Test
  void closeCutsEverythingAndFreesThePort() throws IOException {
    TestServers.serve(server, TestServers::echo);
    try (Socket socket = opened()) {
      rig.gate.close();
      rig.gate.close();
      assertThat(rest(socket)).isEqualTo("<Connection reset>");
    }
    rig.awaitNoConnections();
  }
}
