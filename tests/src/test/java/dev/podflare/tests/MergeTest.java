package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ExecutionInfo;
import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxInfo;
import dev.podflare.client.SandboxOptions;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** The best of several forks goes on under the id that their parent had. */
@OnPlatform
@Order(36)
class MergeTest {
  private final TestPlatform platform;

  MergeTest(TestPlatform platform) {
    this.platform = platform;
  }

  @Test
  void theWinnerTakesTheParentsIdDeadlinesAndMetadata() {
    Sandbox parent =
        platform.client.create(
            SandboxOptions.builder()
                .metadata(Map.of("job", "1"))
                .timeout(Duration.ofMinutes(20))
                .build());
    python(parent, "x = 1; print('before')");
    List<Sandbox> children = parent.fork(2);
    Sandbox winner = children.getFirst();
    SandboxInfo before = parent.info();
    python(winner, "x = 2; open('/root/won', 'w').write('yes')");
    String running = winner.start(RunRequest.of("sleep 3; echo done", Language.BASH));

    parent.mergeInto(winner);

    assertThat(python(parent, "print(x)")).isEqualTo("2");
    assertThat(bash(parent, "cat /root/won")).isEqualTo("yes");
    String name = parent.id().replace('_', '-');
    assertThat(bash(parent, "hostname; grep -c " + name + " /etc/hosts")).isEqualTo(name + "\n1");
    SandboxInfo after = parent.info();
    assertThat(after.id()).isEqualTo(parent.id());
    assertThat(after.expiresAt()).isEqualTo(before.expiresAt());
    assertThat(after.metadata()).isEqualTo(before.metadata());
    assertThat(after.parent()).isEmpty();
    RunResult result = parent.join(running, 0, new RunListener() {});
    assertThat(result.stdout()).isEqualTo("done\n");
    assertThat(result.exitCode()).isZero();
    assertThat(parent.execs()).extracting(ExecutionInfo::id).contains(running);
    assertThat(parent.execs().size()).isGreaterThan(winnerCalls());
    assertGone(winner, parent);
    Sandbox sibling = children.getLast();
    assertThat(python(sibling, "print(x)")).isEqualTo("1");
    assertThat(sibling.info().parent()).contains(parent.id());
    sibling.delete();
    parent.delete();
    assertThat(TestPlatform.goneReason(parent)).contains("deleted");
  }

  /** What ran in the winner: two calls and one after the merge, and the parent's one more. */
  private static int winnerCalls() {
    return 4;
  }

  private void assertGone(Sandbox winner, Sandbox parent) {
    Answer gone = platform.api.get("/v1/sandboxes/" + winner.id());
    assertThat(gone.status()).isEqualTo(410);
    assertThat(ApiClient.json(gone).get("error").stringValue())
        .contains("merged into " + parent.id());
    assertThat(merge(parent.id(), winner.id(), "").status()).isEqualTo(404);
    winner.close();
    assertUsable(parent);
  }

  @Test
  void aCallOfTheParentEndsAndSiblingsOnRequest() throws Exception {
    try (Sandbox parent = platform.createWarm()) {
      List<Sandbox> children = parent.fork(2);
      try (RawStream lost =
          RawStream.exec(
              platform, parent.id(), Map.of("code", "while True: pass", "framing", "chunks"))) {
        assertThat(lost.event().get("type").stringValue()).isEqualTo("started");
        parent.mergeInto(children.getFirst(), true);
        assertThat(lost.events().getLast().get("reason").stringValue()).isEqualTo("sandbox_closed");
      }
      assertThat(TestPlatform.goneReason(children.getLast())).contains("deleted");
      assertUsable(parent);
    }
  }

  @Test
  void aGrandchildMayWinAndTheFamilyKnows() {
    try (Sandbox parent = platform.createWarm();
        Sandbox child = parent.fork(1).getFirst()) {
      python(child, "y = 'child'");
      Sandbox winner = child.fork(1).getFirst();
      python(winner, "y = 'winner'");
      try (Sandbox last = winner.fork(1).getFirst()) {
        parent.mergeInto(winner);
        assertThat(python(parent, "print(y)")).isEqualTo("winner");
        assertThat(last.info().parent()).contains(parent.id());
        assertThat(child.info().parent()).contains(parent.id());
        // A fork of what has won is a fork of the parent, and may win in its turn.
        python(last, "y = 'last'");
        parent.mergeInto(last);
        assertThat(python(parent, "print(y)")).isEqualTo("last");
        assertThat(python(child, "print(y)")).isEqualTo("child");
        try (Sandbox next = parent.fork(1).getFirst()) {
          assertThat(python(next, "print(y)")).isEqualTo("last");
          assertThat(parent.tree())
              .extracting(it -> it.id() + " " + it.closeReason().orElse(it.state()))
              .containsExactlyInAnyOrder(
                  parent.id() + " ready",
                  child.id() + " ready",
                  winner.id() + " merged",
                  last.id() + " merged",
                  next.id() + " ready");
        }
      }
    }
  }

  @Test
  void whatIsNoForkOfItIsRefusedAndNothingChanges() {
    try (Sandbox parent = platform.create();
        Sandbox other = platform.create();
        Sandbox child = parent.fork(1).getFirst()) {
      assertRefused(merge(parent.id(), parent.id(), ""), 400, "invalid_field");
      assertRefused(merge(parent.id(), other.id(), ""), 400, "invalid_field");
      assertRefused(merge(child.id(), parent.id(), ""), 400, "invalid_field");
      assertRefused(merge(parent.id(), child.id(), "?siblings=no"), 400, "invalid_field");
      String unknown = parent.id().substring(0, 8) + "0".repeat(28);
      assertRefused(merge(parent.id(), unknown, ""), 404, "sandbox_not_found");
      assertRefused(merge(unknown, child.id(), ""), 404, "sandbox_not_found");
      List.of(parent, other, child).forEach(GuestProbe::assertUsable);
    }
  }

  private static void assertRefused(Answer answer, int status, String code) {
    assertThat(answer.status()).isEqualTo(status);
    assertThat(ApiClient.json(answer).get("code").stringValue()).isEqualTo(code);
  }

  private Answer merge(String parent, String winner, String query) {
    return platform.api.post("/v1/sandboxes/" + parent + "/merge_into/" + winner + query, "");
  }
}
