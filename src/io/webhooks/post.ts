import * as http from 'node:http';
import * as https from 'node:https';
import type { WebhookTargets } from './targets.ts';

/** All of one try: finding the address, connecting, sending, the answer. */
const TRY_MS = 10_000;
/** Nobody reads the answer; so much of it is taken in so that the connection can be used again. */
const ANSWER_BYTES = 64 * 1024;

export interface Message {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface Poster {
  /** The status of the answer, whatever it is. Redirects are not followed. Throws when there was none in time. */
  post(message: Message, signal: AbortSignal): Promise<number>;
  close(): void;
}

/** Sends to targets that are checked again for every connection, and keeps connections for the next message. */
export function openPoster(targets: WebhookTargets): Poster {
  const settings = { keepAlive: true, maxFreeSockets: 16, timeout: 30_000, scheduling: 'lifo' } as const;
  const agents = { 'http:': new http.Agent(settings), 'https:': new https.Agent(settings) };
  return {
    async post({ url: text, headers, body }, stop) {
      const url = targets.admit(text);
      const scheme = url.protocol === 'https:' ? 'https:' : 'http:';
      const signal = AbortSignal.any([stop, AbortSignal.timeout(TRY_MS)]);
      // A name is looked up, and what was found is checked, where the connection is made; a literal address was just checked.
      const options = { method: 'POST', headers, agent: agents[scheme], signal, lookup: targets.lookupFor(url) };
      return send((scheme === 'https:' ? https : http).request(url, options), body);
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

/** The status decides: an answer that is too long, too slow or torn after it is cut off, and is an answer all the same. */
function send(request: http.ClientRequest, body: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let status: number | undefined;
  // What goes wrong after the status is an error of the request to Node as well.
  const end = (error: Error) => (status === undefined ? reject(error) : resolve(status));
  request.on('error', end);
  // Not every end without an answer is an error to Node: that of a protocol change is none.
  request.on('close', () => end(new Error('closed')));
  request.on('response', (response) => {
    status = response.statusCode ?? 0;
    let taken = 0;
    response.on('data', (chunk: Buffer) => {
      taken += chunk.length;
      if (taken > ANSWER_BYTES) response.destroy();
    });
    response.on('error', end);
  });
  request.end(body);
  return promise;
}
