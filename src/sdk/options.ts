import type { Event } from './operations.ts';

export interface CallOptions {
  /** Ends the call: it is rejected with the reason of the signal. */
  signal?: AbortSignal | undefined;
  /** Milliseconds after which the call, with all its tries, is given up; 60,000 when left out. */
  timeoutMs?: number | undefined;
  /** Of a POST: chosen by you instead of by the client, so that the call can be repeated after a crash of yours. */
  idempotencyKey?: string | undefined;
}

/** Events between the last one and the next were removed before they could be read: read the state anew. */
export interface Resync {
  type: 'resync';
}

export interface EventOptions {
  /** All types when left out. */
  types?: readonly Event['type'][] | undefined;
  /** Only what is about this client. */
  client_id?: string | undefined;
  /** Only what is about profiles of this name. */
  profile_id?: string | undefined;
  /** The id of the last event that was seen; left out, the stream begins with what happens from now on. */
  since?: string | undefined;
  /** Ends the stream: the loop over it ends, without an error. */
  signal?: AbortSignal | undefined;
}
