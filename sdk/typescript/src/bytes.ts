/** Bytes and texts, by nothing but what every platform has. */

export type Bytes = Uint8Array<ArrayBuffer>;

const PIECE = 0x8000;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** What is no UTF-8 becomes U+FFFD. */
export function textOf(data: Uint8Array): string {
  return decoder.decode(data);
}

export function toBase64(data: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < data.length; at += PIECE) {
    binary += String.fromCharCode(...data.subarray(at, at + PIECE));
  }
  return btoa(binary);
}

/** Throws a `DOMException` for what is no base64. */
export function fromBase64(text: string): Bytes {
  const binary = atob(text);
  const data = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) {
    data[at] = binary.charCodeAt(at);
  }
  return data;
}

export function joined(pieces: readonly Uint8Array[]): Bytes {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) {
    return first as Bytes;
  }
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
