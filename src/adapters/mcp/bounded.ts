/** What waits for one slow reader, in bytes (SECURITY-BAR T27). */
const MOST_WAITING = 1024 * 1024;

/** A comment: it sends the head of the answer on its way, before there is anything to say. */
const OPENING = new TextEncoder().encode(':\n\n');

/**
 * The same stream of server-sent events, at once under way, and ended when `over` says so or when its reader has left too
 * much unread: a reader that comes back asks for everything anew.
 */
export function bounded(answer: Response, over: AbortSignal): Response {
  if (!answer.body || !answer.ok) return answer;
  const reader = answer.body.getReader();
  const stop = () => void reader.cancel().catch(() => undefined);
  const body = new ReadableStream<Uint8Array>(
    {
      async start(controller) {
        controller.enqueue(OPENING);
        over.addEventListener('abort', stop, { once: true });
        if (over.aborted) stop();
        void pump(reader, controller, stop);
      },
      cancel: stop,
    },
    { highWaterMark: MOST_WAITING, size: (chunk) => chunk.byteLength },
  );
  return new Response(body, answer);
}

async function pump(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  controller: ReadableStreamDefaultController<Uint8Array>,
  stop: () => void,
): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      controller.enqueue(value);
      if ((controller.desiredSize ?? 0) < 0) stop();
    }
    controller.close();
  } catch {
    stop(); // the reader of ours is gone, and with it the stream
  }
}
