import { Socket } from 'node:net';

/** The sockets of all connections of one store, for an end of those on which nobody answers. */
export class Sockets {
  readonly #open = new Set<Socket>();
  #areCut = false;

  /** For a connection that is being made. After `cut` it fails. */
  readonly make = (): Socket => {
    const socket = new Socket();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    // Not before the driver connects it: that would revive it.
    if (this.#areCut) setImmediate(() => socket.destroy());
    return socket;
  };

  /** Everything that waits on one of them fails at once, and so does whatever is asked later. */
  cut(): void {
    this.#areCut = true;
    for (const socket of this.#open) socket.destroy();
  }
}
