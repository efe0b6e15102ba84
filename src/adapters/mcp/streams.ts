import { bindingKey } from '../../core/binding.ts';
import { AppError } from '../../core/errors.ts';
import type { Context } from '../../operations/operation.ts';
import type { Asked } from './streamable.ts';

/** SECURITY-BAR T27. */
const STREAMS_PER_CREDENTIAL = 5;
const STREAMS = 2_000;
/** How soon what has run out is noticed. */
const SWEEP_MS = 1_000;

/** Whose something is, and how long that one's credential is one. */
export interface Holder {
  workspace: string;
  actor: string;
  /** The same for all who may hear of the same changes. */
  audience: string;
  /** Milliseconds since 1970. */
  until: number;
}

/** The same answer for what is held and for who asks: nobody reaches what another credential holds. */
export const isOf = (held: Holder, { workspace, actor }: Pick<Holder, 'workspace' | 'actor'>): boolean =>
  held.workspace === workspace && held.actor === actor;

/** Who sees the same: workspace, binding, and whether configurations may be read at all. */
export const audienceOf = ({ workspace, principal }: Pick<Context, 'workspace' | 'principal'>): string =>
  `${workspace} ${bindingKey(principal.binding)} ${principal.scopes.has('config:read')}`;

export const holderOf = ({ workspace, principal }: Context, until: number): Holder => ({
  workspace,
  actor: principal.actor,
  audience: audienceOf({ workspace, principal }),
  until,
});

/** Something that stays open when its request is answered, and ends with the credential. */
interface Stream extends Holder {
  end(): void;
}

/** The open streams of this process. They may be open for days: each ends when its credential does. */
export class Streams {
  readonly #open = new Set<Stream>();

  /**
   * A signal that says that the credential is none any more, or that the reader is gone. Of that the request tells, which
   * always does, and may have done so already. Throws RATE_LIMITED.
   */
  open(holder: Holder, { request: { signal: gone }, stillAccepted, context }: Asked): AbortSignal {
    const held = [...this.#open].filter((stream) => isOf(stream, holder)).length;
    if (held >= STREAMS_PER_CREDENTIAL) throw tooMany(STREAMS_PER_CREDENTIAL, 'one credential');
    if (this.#open.size >= STREAMS) throw tooMany(STREAMS, 'this server');
    const controller = new AbortController();
    const stream: Stream = { ...holder, end: () => controller.abort() };
    const close = () => {
      this.#open.delete(stream);
      stream.end();
    };
    this.#open.add(stream);
    if (gone.aborted) close();
    else gone.addEventListener('abort', close, { once: true });
    stillAccepted().then(
      (yes) => yes || stream.end(),
      (err: unknown) => {
        context.services.log.warn({ err }, 'a credential could not be looked up again; its stream ends');
        stream.end();
      },
    );
    return controller.signal;
  }

  /** Ends those of a credential that was revoked. */
  endOf(workspace: string, actor: string): void {
    for (const stream of this.#open) if (isOf(stream, { workspace, actor })) stream.end();
  }

  /** Whether anybody of this audience has one open. */
  isHeardBy(audience: string): boolean {
    return [...this.#open].some((stream) => stream.audience === audience);
  }

  /** Ends those whose credential has expired. */
  sweep(now: number): void {
    for (const stream of this.#open) if (stream.until <= now) stream.end();
  }
}

const tooMany = (limit: number, whose: string) =>
  new AppError('RATE_LIMITED', `There are ${limit} MCP streams of ${whose} already.`, { limit });

/** Calls back every second, until the returned function is called. */
export function everySecond(now: () => Date, work: (now: number) => void): () => void {
  const timer = setInterval(() => work(now().getTime()), SWEEP_MS).unref();
  return () => clearInterval(timer);
}
