/** What runs inside the guest, and the host's end of its channel. */
@org.jspecify.annotations.NullMarked
package dev.podflare.guest;
