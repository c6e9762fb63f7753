/** What can be uploaded, as something that can be read again from an offset if that is possible. */

import { type Bytes, utf8 } from "./bytes.js";

/**
 * Text (as UTF-8), bytes, a `Blob` (of a local file: `openAsBlob` of `node:fs`, `Bun.file`), or a
 * stream or other sequence of bytes, which can be read only once.
 */
export type Uploadable =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

export class Source {
  /** Undefined of what can be read only once. */
  readonly size: number | undefined;
  readonly #content: Bytes | Blob | ReadableStream<Uint8Array>;

  constructor(data: Uploadable) {
    this.#content = contentOf(data);
    if (this.#content instanceof Blob) {
      this.size = this.#content.size;
    } else if (this.#content instanceof Uint8Array) {
      this.size = this.#content.length;
    }
  }

  /** From an offset on, which is 0 for what can be read only once. */
  from(offset: number): BodyInit {
    const content = this.#content;
    if (content instanceof Blob) {
      return content.slice(offset);
    }
    return content instanceof Uint8Array ? content.subarray(offset) : content;
  }
}

function contentOf(data: Uploadable): Bytes | Blob | ReadableStream<Uint8Array> {
  if (typeof data === "string") {
    return utf8(data);
  }
  if (data instanceof ArrayBuffer) {
    return new Uint8Array(data);
  }
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  }
  if (data instanceof Blob || data instanceof ReadableStream) {
    return data;
  }
  return streamOf(data);
}

function streamOf(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): ReadableStream<Uint8Array> {
  const iterator =
    Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) {
        controller.close();
      } else {
        controller.enqueue(value);
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
