/** The longest that a timer of Node and browsers can wait, in milliseconds; one that is set to more fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Nobody is left alone for longer than an hour, whatever a server asks. */
const LONGEST_ASKED_MS = 3_600_000;

/** Waits. Rejected with the reason of the signal as soon as that is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, ms);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

/** Doubles with every try up to `longest`, and is spread so that those who failed together do not come back together. */
export const backoff = (first: number, attempt: number, longest: number): number =>
  Math.min(longest, first * 2 ** attempt) * (0.5 + Math.random() / 2);

/** Milliseconds that a server asks to be left alone (RFC 9110, 10.2.3), an hour at most; undefined when it does not say. */
export function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_ASKED_MS);
}

/** A signal that follows another one, and can be ended by itself as well. `AbortSignal.any` is younger than Node 20. */
export function following(outer: AbortSignal | undefined): {
  signal: AbortSignal;
  end: (reason?: unknown) => void;
  leave: () => void;
} {
  const controller = new AbortController();
  const follow = () => controller.abort(outer?.reason);
  if (outer?.aborted) follow();
  else outer?.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    end: (reason) => controller.abort(reason),
    leave: () => outer?.removeEventListener('abort', follow),
  };
}
