/** Templates, blanks, warm pool, sandboxes, idle policy, admission and recovery. */
@org.jspecify.annotations.NullMarked
package dev.podflare.engine;
