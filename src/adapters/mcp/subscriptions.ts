import { type McpServer, ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from '@modelcontextprotocol/server';

/** More than anybody watches; a limit, so that one session does not fill the memory. */
const MOST = 1_000;
/** Characters of an address; three ids fit into less. */
const LONGEST = 512;

/** Whether the caller may read what stands at an address; undefined where nothing stands. */
export type MayRead = (uri: string) => Promise<boolean | undefined>;

/**
 * What a client of the 2025 revisions has subscribed to on one connection. While nobody listens, it keeps what there is to
 * say: once for each resource, because the client reads the resource anew anyway.
 */
export class Subscriptions {
  readonly #uris = new Set<string>();
  readonly #missed = new Set<string>();
  #listMissed = false;
  #open: boolean;
  #server: McpServer | undefined;

  /** `open`: the connection takes messages from the beginning. */
  constructor(open: boolean) {
    this.#open = open;
  }

  /** Lets the client of this server object subscribe. */
  serve(server: McpServer, mayRead: MayRead): void {
    this.#server = server;
    server.server.setRequestHandler('resources/subscribe', async ({ params: { uri } }) => {
      if (uri.length > LONGEST) throw invalid(`The address of a resource has at most ${LONGEST} characters.`);
      const allowed = await mayRead(uri);
      if (allowed === undefined) throw new ResourceNotFoundError(uri, 'There is no such resource.');
      if (!allowed) throw invalid('This credential may not read that resource.');
      if (this.#uris.size >= MOST) throw invalid(`A client subscribes to at most ${MOST} resources.`);
      this.#uris.add(uri);
      return {};
    });
    server.server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }) => {
      this.#uris.delete(uri);
      this.#missed.delete(uri);
      return {};
    });
  }

  updated(uri: string): void {
    if (!this.#uris.has(uri)) return;
    if (this.#open) this.#say(({ server }) => server.sendResourceUpdated({ uri }));
    else this.#missed.add(uri);
  }

  listChanged(): void {
    if (this.#open) this.#say(({ server }) => server.sendResourceListChanged());
    else this.#listMissed = true;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Somebody listens from now on. */
  open(): void {
    this.#open = true;
    const missed = [...this.#missed];
    this.#missed.clear();
    for (const uri of missed) this.updated(uri);
    if (this.#listMissed) this.listChanged();
    this.#listMissed = false;
  }

  shut(): void {
    this.#open = false;
  }

  /** A connection that is gone is no fault: what could not be said is of no use to anybody. */
  #say(message: (server: McpServer) => Promise<void>): void {
    if (this.#server) void message(this.#server).catch(() => undefined);
  }
}

const invalid = (message: string) => new ProtocolError(ProtocolErrorCode.InvalidParams, message);
