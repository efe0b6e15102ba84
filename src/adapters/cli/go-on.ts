import type { Answer, Watch } from '../../operations/operation.ts';

interface Going {
  once(): Promise<Answer>;
  /** Gives the exit code. */
  tell(news: Answer): Promise<number>;
  begin(signal: AbortSignal): Promise<Watch>;
  /** Tells what was noticed between two calls. */
  say(remark: string): Promise<unknown>;
}

/**
 * Calls, and again whenever it is due, until a signal asks to stop: what is being done then is done to its end. The same
 * failure is told once. What was typed wrongly would be wrong every time, and ends it.
 */
export async function goOn({ once, tell, begin, say }: Going): Promise<number> {
  const stop = new AbortController();
  const end = () => stop.abort();
  for (const signal of STOPPING) process.once(signal, end);
  try {
    const first = await once();
    const code = await tell(first);
    if (!first.ok && TYPED_WRONGLY.includes(first.problem.code)) return code;
    const watch = await begin(stop.signal);
    let before = first;
    while (await watch.next(!before.ok ? 'failed' : watch.isNews(before.output) ? 'news' : 'nothing')) {
      for (const remark of watch.remarks?.() ?? []) await say(remark);
      const result = await once();
      const isNews = result.ok ? !before.ok || watch.isNews(result.output) : failureIn(result) !== failureIn(before);
      if (isNews) await tell(result);
      before = result;
    }
    return 0;
  } finally {
    for (const signal of STOPPING) process.off(signal, end);
  }
}

const TYPED_WRONGLY: readonly string[] = ['INVALID_INPUT', 'CLIENT_NOT_FOUND'];
const STOPPING = ['SIGTERM', 'SIGINT'] as const;
const failureIn = (result: Answer): string | undefined =>
  result.ok ? undefined : `${result.problem.code} ${result.problem.message}`;
