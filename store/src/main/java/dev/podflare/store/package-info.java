/** Sandbox records, keys and idempotent answers in SQL. */
@org.jspecify.annotations.NullMarked
package dev.podflare.store;
