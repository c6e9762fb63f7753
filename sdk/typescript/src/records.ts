/**
 * How answers of the server become records: objects with the names of `openapi.yaml` in camel case.
 *
 * A record names what it knows of a JSON object. What it does not know, of a newer server, is left
 * out; what it must have and has not is a `BadAnswer`.
 */

import { type Bytes, fromBase64 } from "./bytes.js";
import { BadAnswer } from "./failures.js";

/** Reads one value; throws a `TypeError` or `BadAnswer` for what it is not. */
export interface Field<T> {
  read(value: unknown): T;
  /** What it is where it is missing; without, it must be there. */
  readonly missing?: () => T;
}

export type Shape = Readonly<Record<string, Field<unknown>>>;
export type RecordOf<K> =
  K extends RecordKind<infer S>
    ? { readonly [P in keyof S]: S[P] extends Field<infer T> ? T : never }
    : never;

export class RecordKind<S extends Shape> implements Field<RecordOf<RecordKind<S>>> {
  constructor(
    readonly name: string,
    readonly shape: S,
    /** Names in JSON that are not the snake case of the shape's. */
    readonly names: Readonly<Record<string, string>> = {},
  ) {}

  read(data: unknown): RecordOf<RecordKind<S>> {
    if (!isObject(data)) {
      throw new BadAnswer(`no ${this.name} in the answer: ${excerpt(data)}`);
    }
    const record: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(this.shape)) {
      record[key] = this.#value(data, key, field);
    }
    return record as RecordOf<RecordKind<S>>;
  }

  /** Records of a JSON array, or of the array that an object has under a name. */
  readAll(data: unknown, name?: string): RecordOf<RecordKind<S>>[] {
    const rows = name !== undefined && isObject(data) ? data[name] : data;
    if (!Array.isArray(rows)) {
      throw new BadAnswer(`no list of ${this.name} in the answer: ${excerpt(data)}`);
    }
    return rows.map((row) => this.read(row));
  }

  jsonName(key: string): string {
    return this.names[key] ?? snakeCase(key);
  }

  #value(data: Record<string, unknown>, key: string, field: Field<unknown>): unknown {
    const name = this.jsonName(key);
    const value = data[name];
    if (value === undefined && field.missing !== undefined) {
      return field.missing();
    }
    try {
      return field.read(value);
    } catch (wrong) {
      if (wrong instanceof BadAnswer) {
        throw wrong;
      }
      throw new BadAnswer(`not a ${this.name}: ${name} is ${excerpt(value)}`, { cause: wrong });
    }
  }
}

export const text: Field<string> = checked((value) => typeof value === "string");
export const number: Field<number> = checked((value) => typeof value === "number");
export const flag: Field<boolean> = checked((value) => typeof value === "boolean");
export const texts: Field<readonly string[]> = checked(
  (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
);
export const strings: Field<Readonly<Record<string, string>>> = checked(isObject);
export const json: Field<Readonly<Record<string, unknown>>> = checked(isObject);

/** A time of the API, which is UTC. A `Date` has milliseconds; digits beyond are dropped. */
export const time: Field<Date> = {
  read(value) {
    const at =
      typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(at)) {
      throw new TypeError("not a time");
    }
    return new Date(at);
  },
};

export const base64: Field<Bytes> = { read: (value) => fromBase64(text.read(value)) };

export function list<T>(field: Field<T>): Field<readonly T[]> {
  return {
    read(value) {
      if (!Array.isArray(value)) {
        throw new TypeError("not a list");
      }
      return value.map((one) => field.read(one));
    },
  };
}

/** One that may be null, or missing, which is null too. */
export function orNull<T>(field: Field<T>): Field<T | null> {
  return { read: (value) => (value === null ? null : field.read(value)), missing: () => null };
}

export function or<T>(field: Field<T>, missing: T): Field<T> {
  return { read: (value) => field.read(value), missing: () => missing };
}

function checked<T>(test: (value: unknown) => boolean): Field<T> {
  return {
    read(value) {
      if (!test(value)) {
        throw new TypeError("of another type");
      }
      return value as T;
    },
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A body: what is given of options, by the names of the API. What is in the values stays. */
export function wire(options: object): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && value !== null) {
      body[snakeCase(name)] = value;
    }
  }
  return body;
}

export function excerpt(value: unknown): string {
  return String(typeof value === "string" ? value : JSON.stringify(value)).slice(0, 200);
}
