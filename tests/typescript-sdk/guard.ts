/** Refuses what would leave this machine, whatever library it comes from. */

import { Socket } from "node:net";

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;
const connect = Socket.prototype.connect;

Socket.prototype.connect = function (this: Socket, ...given: unknown[]) {
  const [first] = (Array.isArray(given[0]) ? given[0] : given) as [unknown];
  const { host, path } = (
    typeof first === "object" && first !== null ? first : { host: given[1] }
  ) as {
    host?: unknown;
    path?: unknown;
  };
  if (path === undefined && !LOOPBACK.test(String(host ?? "localhost"))) {
    throw new Error(`a test tried to reach ${host}; only loopback is allowed`);
  }
  return Reflect.apply(connect, this, given);
} as typeof connect;
