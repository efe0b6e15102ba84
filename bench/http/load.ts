import autocannon from 'autocannon';
import { quantile } from '../figures.ts';

export interface LoadSettings {
  url: string;
  headers: Record<string, string>;
  connections: number;
  seconds: number;
  /** Requests per second of all connections together; as many as possible when left out. */
  rate?: number;
  /** A new body for every request makes it a POST. */
  body?: () => string;
  /** The only status that counts as an answer. */
  status?: number;
}

export interface LoadResult {
  answers: number;
  per_second: number;
  p95_ms: number;
  p99_ms: number;
}

/** Newer than the types of autocannon: called before every request. */
interface ChangingRequest extends autocannon.Request {
  setupRequest(request: autocannon.Request): autocannon.Request;
}

const changing = (body: () => string): ChangingRequest => ({
  method: 'POST',
  setupRequest: (request) => ({ ...request, body: body() }),
});

/** A little less than the second after which a timer of 1000 ms fires. */
const WARM_UP_MS = 950;

/**
 * Puts load on a server. The percentiles are of the times that were measured: autocannon's own are whole milliseconds,
 * and at a fixed rate it adds answers that never were. With a rate, every connection sends its part at the beginning of
 * each second: bursts as deep as there are connections, which is harder than an even stream. The first second, in which
 * the connections are made, does not count then.
 */
export async function load(settings: LoadSettings): Promise<LoadResult> {
  const { url, connections, seconds, rate, body, status = 200 } = settings;
  const headers = body ? { ...settings.headers, 'content-type': 'application/json' } : settings.headers;
  // The first request finds everything cold: on a busy machine there might be no other one within a second.
  await (await fetch(url, { headers, ...(body && { method: 'POST', body: body() }) })).arrayBuffer();
  const times: number[] = [];
  const statuses = new Map<number, number>();
  const begin = performance.now();
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(
      {
        url,
        headers,
        connections,
        duration: rate === undefined ? seconds : seconds + 1,
        ...(rate !== undefined && { overallRate: rate }),
        ...(body && { requests: [changing(body)] }),
      },
      (error, outcome) => (error ? reject(error) : resolve(outcome)),
    );
    run.on('response', (_client, code, _bytes, ms) => {
      const asked = performance.now() - ms - begin;
      if (rate === undefined || asked > WARM_UP_MS) times.push(ms);
      statuses.set(code, (statuses.get(code) ?? 0) + 1);
    });
  });
  assertAllAnswered(url, result.errors, statuses, status);
  const answers = statuses.get(status) ?? 0;
  return {
    answers,
    per_second: answers / result.duration,
    p95_ms: quantile(times, 0.95),
    p99_ms: quantile(times, 0.99),
  };
}

/** Refusals are fast: figures with any of them in it would flatter. */
function assertAllAnswered(url: string, errors: number, statuses: Map<number, number>, wanted: number): void {
  if (errors === 0 && statuses.size === 1 && statuses.has(wanted)) return;
  const found = [...statuses].map(([code, count]) => `${count} x ${code}`).join(', ') || 'no answer';
  throw new Error(`${url}: every answer should be a ${wanted}, but there were ${errors} errors and ${found}`);
}
