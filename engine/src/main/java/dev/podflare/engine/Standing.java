package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.image.Shape;

/**
 * What names one frozen shape: that on which a checkpoint or a machine stands.
 *
 * @param digest of the template's build
 * @param image of that very freezing, since no two boots leave the same memory
 */
record Standing(String template, String digest, String image, Shape shape, DataSize disk) {
  static Standing of(CheckpointNeeds needs) {
    return new Standing(
        needs.template(),
        needs.templateDigest(),
        needs.image(),
        new Shape(needs.vcpus(), DataSize.ofMebibytes(needs.memoryMebibytes())),
        new DataSize(needs.diskBytes()));
  }

  static Standing of(MachineNote note) {
    return new Standing(
        note.template(),
        note.digest(),
        note.image(),
        new Shape(note.vcpus(), DataSize.ofMebibytes(note.memoryMebibytes())),
        new DataSize(note.diskBytes()));
  }
}
