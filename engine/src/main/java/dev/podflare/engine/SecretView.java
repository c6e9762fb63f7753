package dev.podflare.engine;

import dev.podflare.network.SecretRule;
import dev.podflare.network.SecretUse;
import java.time.Instant;
import java.util.List;

/**
 * A secret as its owner may see it, which is without its value.
 *
 * @param placeholder what stands for it in the guest
 * @param use since the sandbox has its present machine, or this daemon runs
 */
public record SecretView(
    String name,
    List<String> hosts,
    SecretRule.Place place,
    String placeholder,
    Instant createdAt,
    Instant changedAt,
    SecretUse use) {}
