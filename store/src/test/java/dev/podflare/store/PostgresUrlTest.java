package dev.podflare.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PostgresUrlTest {
  @Test
  void everyPartIsRead() {
    DatabaseConfig.Postgres config =
        PostgresUrl.parse(
            "postgresql://us%40er:p%3Aa+ss@db.example:6432/pod%2Fflare?sslmode=verify-full");
    assertThat(config.hosts()).containsExactly(new DatabaseConfig.Host("db.example", 6432));
    assertThat(config.database()).isEqualTo("pod/flare");
    assertThat(config.user()).isEqualTo("us@er");
    assertThat(config.password()).contains("p:a+ss");
    assertThat(config.properties()).containsEntry("sslmode", "verify-full");
    assertThat(config.toString()).doesNotContain("p:a+ss").contains("db.example:6432");
  }

  @Test
  void mostMayBeLeftOut() {
    DatabaseConfig.Postgres config = PostgresUrl.parse("postgres://u@h/d");
    assertThat(config.hosts()).containsExactly(new DatabaseConfig.Host("h", 5432));
    assertThat(config.password()).isEmpty();
    assertThat(config.withPassword("x").password()).contains("x");
  }

  @Test
  void severalHostsAndVersionSix() {
    DatabaseConfig.Postgres config = PostgresUrl.parse("postgresql://u:p@[::1]:1,b,c:3/d");
    assertThat(config.hosts())
        .containsExactly(
            new DatabaseConfig.Host("::1", 1),
            new DatabaseConfig.Host("b", 5432),
            new DatabaseConfig.Host("c", 3));
    assertThat(config.toString()).isEqualTo("postgresql://u@[::1]:1,b:5432,c:3/d");
  }

  @Test
  void anAtSignInThePasswordDoesNoHarm() {
    assertThat(PostgresUrl.parse("postgresql://u:se@cret@h/d").password()).contains("se@cret");
  }

  @Test
  void aPasswordIsSeen() {
    assertThat(PostgresUrl.hasPassword("postgresql://u:secret@h/d")).isTrue();
    assertThat(PostgresUrl.hasPassword("postgresql://u@h/d")).isFalse();
    assertThat(PostgresUrl.hasPassword("u:secret@h")).as("no address, so who knows").isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mysql://u:secret@h/d",
        "postgresql://u:secret@h",
        "postgresql://u:secret@h:port/d",
        "postgresql://u:secret@h:99999/d",
        "postgresql://u:secret@h:1,/d",
        "postgresql://u:secret%ZZ@h/d",
        "postgresql://:secret@h/d",
        "postgresql://h/d",
        "postgresql://u:secret@h/d?socketFactory=evil",
        "postgresql://u:secret@h/d?sslmode"
      })
  void whatCannotBeIsRefusedWithoutTellingThePassword(String text) {
    assertThatThrownBy(() -> PostgresUrl.parse(text))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG))
        .hasMessageNotContaining("secret")
        .hasNoCause();
  }
}
