import type { Finding } from '../core/finding.ts';
import type { Door, Target } from './operation.ts';

/** Something that takes time, in words of closed sets, ids and numbers: never a value of a payload, never a secret. */
export type Activity =
  /** What a door does for one call before and around the operation. Doors over HTTP have the request instead. */
  | {
      kind: 'call';
      door: 'cli' | 'mcp';
      /** Verb, tool or resource template, as the code spells it. */
      name: string;
      /** What the caller says of the trace that this call is a part of, as it came: https://www.w3.org/TR/trace-context/ */
      traceparent: string | undefined;
    }
  | {
      kind: 'operation';
      operation: string;
      door: Door;
      request_id: string;
      /** The ids in the input that are well formed. Not looked for unless somebody wants them. */
      target: () => Partial<Target>;
    }
  /** Waiting for the store included. */
  | { kind: 'transaction' }
  | { kind: 'statement' /** `select`, `insert` ... */; verb: string };

/** Who watches how the product runs: metrics, traces, or nobody. Nothing that it does changes an answer. */
export interface Observer {
  during<T>(activity: Activity, work: () => Promise<T>): Promise<T>;
  /** Of one validation. */
  found(findings: readonly Pick<Finding, 'code' | 'severity'>[]): void;
  signed(milliseconds: number): void;
  /** Of one try to deliver an event to a webhook. */
  sent(outcome: SentOutcome): void;
}

/** `failed` is tried again, `parked` is not. */
export const SENT_OUTCOMES = ['delivered', 'failed', 'parked'] as const;
export type SentOutcome = (typeof SENT_OUTCOMES)[number];

export const UNOBSERVED: Observer = {
  during: (_activity, work) => work(),
  found: () => undefined,
  signed: () => undefined,
  sent: () => undefined,
};
