/** What outlives a sandbox: Spaces, snapshots, volumes. */

import type { Client } from "./client.js";
import type { ResumeOptions } from "./options.js";
import { wire } from "./records.js";
import { create, get, remove, segment } from "./requests.js";
import type { Sandbox } from "./sandbox.js";
import type { Transport } from "./transport.js";
import {
  type SnapshotInfo,
  type SpaceInfo,
  snapshotInfo,
  spaceInfo,
  type VolumeInfo,
  volumeInfo,
} from "./types.js";

/** Sandboxes that are frozen into the server's checkpoint store. */
export class Spaces {
  constructor(
    private readonly client: Client,
    private readonly transport: Transport,
  ) {}

  /** Those of this key, oldest first; of an admin key: all. */
  async list(): Promise<SpaceInfo[]> {
    return spaceInfo.readAll(await this.transport.call(get("/v1/spaces")), "spaces");
  }

  /** `SpaceNotFound` also after it was resumed. */
  async get(spaceId: string): Promise<SpaceInfo> {
    return spaceInfo.read(await this.transport.call(get(`/v1/spaces/${segment(spaceId)}`)));
  }

  /**
   * Goes on with a Space as a new sandbox; the Space is used up, unless `keep`. `CheckpointUnfit` and
   * `CheckpointCorrupt` leave it.
   */
  async resume(spaceId: string, options: ResumeOptions = {}): Promise<Sandbox> {
    return await this.client.resume(spaceId, options);
  }

  /** Deletes a Space and the sandbox in it; repeating it is no error. */
  async delete(spaceId: string): Promise<void> {
    await this.transport.call(remove(`/v1/spaces/${segment(spaceId)}`));
  }
}

/** Copies of sandboxes, to go on from: `snapshot` of a create, or `sandbox.rollback(…)`. */
export class Snapshots {
  constructor(private readonly transport: Transport) {}

  /** Those of this key, oldest first; of an admin key: all. */
  async list(): Promise<SnapshotInfo[]> {
    return snapshotInfo.readAll(await this.transport.call(get("/v1/snapshots")), "snapshots");
  }

  /** Sandboxes that were made of it live on; repeating it is no error. */
  async delete(snapshotId: string): Promise<void> {
    await this.transport.call(remove(`/v1/snapshots/${segment(snapshotId)}`));
  }
}

/** Folders that sandboxes share and that outlive them: `mounts` of a create. */
export class Volumes {
  constructor(private readonly transport: Transport) {}

  /** An empty one. `VolumeExists` if this key has one of that name. */
  async create(name: string, options: { maxMib?: number | undefined } = {}): Promise<VolumeInfo> {
    const request = create("/v1/volumes", wire({ name, ...options }));
    return volumeInfo.read(await this.transport.call(request));
  }

  /** Those of this key by name; of an admin key: all. */
  async list(): Promise<VolumeInfo[]> {
    return volumeInfo.readAll(await this.transport.call(get("/v1/volumes")), "volumes");
  }

  /** By id or name. */
  async get(volume: string): Promise<VolumeInfo> {
    return volumeInfo.read(await this.transport.call(get(`/v1/volumes/${segment(volume)}`)));
  }

  /**
   * With all that is in it; repeating it is no error. `VolumeInUse` while sandboxes or snapshots have it,
   * unless `force`, which makes its files stale to them.
   */
  async delete(
    volume: string,
    { force = false }: { force?: boolean | undefined } = {},
  ): Promise<void> {
    await this.transport.call(remove(`/v1/volumes/${segment(volume)}`, { force }));
  }
}
