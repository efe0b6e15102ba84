import net from 'node:net';

/**
 * Loaded with `node --import` into programs of others that listen on every interface and have no option for it, or that
 * fetch something from outside when they start: whatever they do stays on this machine.
 */

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|::1)$/;

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function onLoopback(this: net.Server, ...args: unknown[]) {
  const [where] = args;
  const done = args.find((arg) => typeof arg === 'function');
  const given = typeof where === 'object' && where !== null && 'port' in where ? where : { port: Number(where) };
  if (!Number.isInteger(Number(given.port))) return Reflect.apply(listen, this, args);
  return Reflect.apply(listen, this, [{ ...given, host: '127.0.0.1' }, ...(done === undefined ? [] : [done])]);
};

const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function toLoopback(this: net.Socket, ...args: unknown[]) {
  // Node hands its own callers' arguments on as one list.
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  const isOptions = typeof first === 'object' && first !== null;
  const host = isOptions ? (first as { host?: unknown }).host : typeof second === 'string' ? second : undefined;
  if (host === undefined || LOOPBACK.test(String(host))) return Reflect.apply(connect, this, args);
  process.nextTick(() => this.destroy(new Error(`${host} is not on this machine`)));
  return this;
} as typeof connect;
