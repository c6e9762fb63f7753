/**
 * One QEMU process: command line, QMP, memory image, own pages, overlays, checkpoint and restore.
 */
@org.jspecify.annotations.NullMarked
package dev.podflare.qemu;
