import type { Target } from '../operation.ts';

/** A server of ours on another machine, as far as a pull needs it. What it answers is believed only after it was verified. */
export interface Remote {
  /** For records and messages. */
  url: string;
  /** Throws UNAVAILABLE when it cannot be reached, and what it refuses with. */
  config(target: Target): Promise<Offered>;
  keys(): Promise<readonly { public_key_pem: string }[]>;
  /** One item for each release of this profile that was published, as far as that is remembered, and that will be. */
  published(target: Target, signal: AbortSignal): AsyncIterable<unknown>;
}

export interface Offered {
  payload: object;
  envelope: object;
  pointer: object | null;
}
