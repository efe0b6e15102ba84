import { expect, it } from 'vitest';
import { bounded } from './bounded.ts';

const PIECE = new Uint8Array(64 * 1024);

/** A stream that always has more to say. */
function endless(): { answer: Response; said: () => number; cancelled: Promise<void> } {
  let said = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const body = new ReadableStream({
    pull(controller) {
      said += 1;
      controller.enqueue(PIECE);
    },
    cancel: () => resolve(),
  });
  return { answer: new Response(body), said: () => said, cancelled: promise };
}

const never = new AbortController().signal;

it('a reader that does not read is cut off when a mebibyte waits for it', async () => {
  const { answer, said, cancelled } = endless();
  bounded(answer, never);
  await cancelled;
  expect(said()).toBeGreaterThan(15);
  expect(said()).toBeLessThan(20);
});

it('begins at once, passes on what it is given, and ends when it is told to', async () => {
  const over = new AbortController();
  let say: (text: string) => void = () => undefined;
  const body = new ReadableStream({
    start(controller) {
      say = (text) => controller.enqueue(new TextEncoder().encode(text));
    },
  });
  const answer = bounded(new Response(body, { headers: { 'content-type': 'text/event-stream' } }), over.signal);
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const reader = (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  expect(await reader.read()).toEqual({ done: false, value: ':\n\n' });
  say('data: 1\n\n');
  expect(await reader.read()).toEqual({ done: false, value: 'data: 1\n\n' });
  over.abort();
  expect(await reader.read()).toEqual({ done: true, value: undefined });
});

it('leaves an answer without a stream as it is', () => {
  const refused = Response.json({}, { status: 409 });
  expect(bounded(refused, never)).toBe(refused);
});
