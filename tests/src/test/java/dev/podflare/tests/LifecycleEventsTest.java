package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.EventStream;
import dev.podflare.client.EventsFrom;
import dev.podflare.client.KeyInfo;
import dev.podflare.client.LifecycleEvent;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SnapshotOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** What is told of sandboxes that real guests are in, by and to a key of this test's own. */
@OnPlatform
@Order(48)
class LifecycleEventsTest {
  private final TestPlatform platform;
  private KeyInfo key;
  private Podflare client;
  private EventStream events;

  LifecycleEventsTest(TestPlatform platform) {
    this.platform = platform;
  }

  @BeforeEach
  void listen() {
    key = platform.client.keys().create("events", false, List.of());
    client = platform.client(key.key().orElseThrow());
    events = client.events(EventsFrom.now());
  }

  @AfterEach
  void stop() {
    events.close();
    client.close();
    platform.client.keys().delete(key.id());
  }

  private Sandbox create(SandboxOptions options) {
    return client.create(options);
  }

  private static SandboxOptions persistent() {
    return SandboxOptions.builder().persistent(true).undo(2).build();
  }

  /** So many events, each by its type, sandbox and what else it says. */
  private List<String> next(int count) {
    List<String> told = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      LifecycleEvent event = events.next().orElseThrow();
      contract(event);
      StringBuilder text = new StringBuilder(event.type() + " " + event.sandboxId());
      event
          .data()
          .forEach((name, value) -> {
            if (!name.equals("sandbox_id") && !name.equals("key_id") && !name.equals("template")) {
              text.append(' ').append(name).append('=').append(value);
            }
          });
      told.add(text.toString());
    }
    return told;
  }

  private void contract(LifecycleEvent event) {
    Map<String, Object> body =
        Map.of(
            "type", event.type(),
            "timestamp", event.timestamp().toString(),
            "data", event.data());
    assertThat(TestPlatform.CONTRACT.fault("LifecycleEvent", JsonMapper.shared().valueToTree(body)))
        .isEmpty();
    assertThat(event.text("key_id")).isEqualTo(key.id());
  }

  @Test
  void aWholeLifeIsToldInItsOrder() {
    Sandbox sandbox = create(persistent());
    String id = sandbox.id();
    python(sandbox, "x = 1");
    python(sandbox, "x = 2");
    sandbox.undo(2);
    List<Sandbox> children = sandbox.fork(2);
    String winner = children.get(0).id();
    String loser = children.get(1).id();
    sandbox.mergeInto(children.get(0));
    children.get(1).delete();
    sandbox.pause();
    sandbox.pause();
    sandbox.resume();
    sandbox.resume();
    String snapshot = sandbox.snapshot(SnapshotOptions.named("warm")).id();
    sandbox.rollback(snapshot);
    String first = sandbox.freeze().id();
    assertThat(python(sandbox, "print(1)")).isEqualTo("1"); // wakes it
    String second = sandbox.freeze().id();
    Sandbox next = client.spaces().resume(second);
    Sandbox copy = create(SandboxOptions.builder().snapshot("warm").build());
    next.delete();
    copy.delete();
    client.snapshots().delete(snapshot);

    assertThat(next(20))
        .containsExactly(
            "sandbox.created " + id + " source=template",
            "sandbox.undone " + id + " calls=2",
            "sandbox.forked " + id + " children=[" + winner + ", " + loser + "]",
            "sandbox.created " + winner + " source=fork parent_id=" + id,
            "sandbox.created " + loser + " source=fork parent_id=" + id,
            "sandbox.merged " + id + " winner_id=" + winner,
            "sandbox.closed " + winner + " reason=merged merged_into=" + id,
            "sandbox.closed " + loser + " reason=deleted",
            "sandbox.paused " + id,
            "sandbox.resumed " + id + " from=paused",
            "snapshot.created " + id + " snapshot_id=" + snapshot + " name=warm",
            "sandbox.rolled_back " + id + " snapshot_id=" + snapshot,
            "sandbox.frozen " + id + " space_id=" + first + " reason=requested",
            "sandbox.resumed " + id + " from=frozen space_id=" + first,
            "sandbox.frozen " + id + " space_id=" + second + " reason=requested",
            "sandbox.created " + next.id() + " source=space space_id=" + second,
            "sandbox.closed "
                + id
                + " reason=resumed space_id="
                + second
                + " resumed_as="
                + next.id(),
            "sandbox.created " + copy.id() + " source=snapshot snapshot_id=" + snapshot,
            "sandbox.closed " + next.id() + " reason=deleted",
            "sandbox.closed " + copy.id() + " reason=deleted");
    assertThat(next(1))
        .containsExactly("snapshot.deleted " + id + " snapshot_id=" + snapshot + " reason=deleted");
  }

  @Test
  void whatHappensByItselfIsToldToo() {
    Duration second = Duration.ofSeconds(1);
    Sandbox idle = create(SandboxOptions.builder().idleTimeout(second).build());
    assertThat(next(2))
        .containsExactly(
            "sandbox.created " + idle.id() + " source=template",
            "sandbox.closed " + idle.id() + " reason=idle");
    Sandbox brief = create(SandboxOptions.builder().timeout(second).build());
    assertThat(next(2)).last().isEqualTo("sandbox.closed " + brief.id() + " reason=timeout");
    Sandbox crashed = create(SandboxOptions.defaults());
    ProcessHandle.of(platform.machine(crashed).pid()).orElseThrow().destroyForcibly();
    assertThat(next(2))
        .last()
        .isEqualTo("sandbox.closed " + crashed.id() + " reason=guest_crashed");
    Sandbox kept = create(SandboxOptions.builder().persistent(true).idleTimeout(second).build());
    assertThat(next(2))
        .last()
        .asString()
        .matches("sandbox.frozen " + kept.id() + " space_id=spc_[0-9a-f]{32} reason=idle");
    kept.delete();
    assertThat(next(1))
        .last()
        .asString()
        .startsWith("sandbox.closed " + kept.id() + " reason=deleted space_id=");
  }

  @Test
  void aRefusedCallTellsNothing() {
    try (Sandbox sandbox = create(SandboxOptions.defaults())) {
      String child = sandbox.fork(1).getFirst().id();
      assertThat(next(3)).last().asString().contains(child);
      Sandbox handle = client.sandbox(child);
      assertThatThrownBy(() -> handle.mergeInto(sandbox)).isInstanceOf(ApiException.class);
      assertThatThrownBy(() -> handle.rollback("none")).isInstanceOf(ApiException.class);
      handle.delete();
      handle.delete();
    }
    assertThat(next(2)).extracting(it -> it.split(" ", 2)[0]).containsOnly("sandbox.closed");
    try (EventStream all =
        client.events(EventsFrom.after(events.position().orElseThrow()).untilNow())) {
      assertThat(all.next()).isEmpty();
    }
  }
}
