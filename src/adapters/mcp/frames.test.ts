import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { refusal } from '../../operations/operation.ts';
import { MAX_FRAME_BYTES, strictFrames } from './frames.ts';

const context = {
  now: () => new Date(0),
  request_id: 'req_test',
  services: { log: { info: () => undefined, warn: () => undefined, error: () => undefined } },
};

/** What goes on to the SDK, and what is answered at once, of these chunks. */
async function pass(...chunks: (string | Buffer)[]): Promise<{ on: string; answers: Record<string, never>[] }> {
  const answers: Record<string, never>[] = [];
  const frames = strictFrames(
    async (error) => refusal(error, context),
    (line) => void answers.push(JSON.parse(line)),
  );
  const on = text(frames);
  for (const chunk of chunks) frames.write(chunk);
  frames.end();
  return { on: await on, answers };
}

const call = (id: number | string, args: string, meta = '') =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"x",${meta}"arguments":${args}}}\n`;
const MODERN = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},';

describe('messages on stdio', () => {
  test('pass unchanged when they are strict JSON, however they are cut', async () => {
    const message = call(1, '{"ü":"✓"}');
    const bytes = Buffer.from(`${message}\r\n${message}`);
    const pieces = Array.from({ length: bytes.length }, (_, index) => bytes.subarray(index, index + 1));
    expect(await pass(...pieces)).toEqual({ on: bytes.toString(), answers: [] });
  });

  test.each([
    ['a duplicate key', '{"a":1,"a":2}', 'duplicate_key'],
    ['a number that is not exact', '{"a":9007199254740993}', 'number_out_of_range'],
    ['half a surrogate pair', '{"a":"\\ud800"}', 'lone_surrogate'],
    ['a key that means the prototype', '{"__proto__":{}}', 'forbidden_key'],
    ['what is no JSON', '{"a":}', 'syntax'],
    ['too much nesting', `${'['.repeat(65)}${']'.repeat(65)}`, 'too_deep'],
  ])('with %s go no further', async (_what, args, reason) => {
    const { on, answers } = await pass(call(7, args), call(8, '{}'));
    expect(on).toBe(call(8, '{}'));
    expect(JSON.stringify(answers)).toContain('INVALID_JSON');
    expect(JSON.stringify(answers)).toContain(reason);
  });

  test('a refused tool call is an isError result with the id of the call, in the words of its era', async () => {
    const { answers } = await pass(call('a', '{"k":1,"k":2}'), call('b', '{"k":1,"k":2}', MODERN));
    expect(answers).toMatchObject([
      { jsonrpc: '2.0', id: 'a', result: { isError: true } },
      { jsonrpc: '2.0', id: 'b', result: { isError: true, resultType: 'complete' } },
    ]);
    expect(answers[0]?.['result']).not.toHaveProperty('resultType');
  });

  test('anything else that cannot be read is the parse error of JSON-RPC', async () => {
    const { answers } = await pass('nonsense\n', '{"jsonrpc":"2.0","id":3,"method":"ping","method":"ping"}\n');
    expect(answers).toMatchObject([
      { id: null, error: { code: -32700, data: { error: { code: 'INVALID_JSON' } } } },
      { id: 3, error: { code: -32700, data: { error: { code: 'INVALID_JSON' } } } },
    ]);
  });

  test('one that is too long is dropped to its end and costs no more memory than the limit', async () => {
    const { on, answers } = await pass(
      '"',
      Buffer.alloc(MAX_FRAME_BYTES, 0x61),
      Buffer.alloc(MAX_FRAME_BYTES, 0x61),
      '"\n',
      call(9, '{}'),
    );
    expect(on).toBe(call(9, '{}'));
    expect(answers).toMatchObject([{ id: null, error: { data: { error: { code: 'PAYLOAD_TOO_LARGE' } } } }]);
  });

  test('that meet a fault of ours end the stream with it, instead of waiting for ever', async () => {
    const fault = new Error('a fault of ours');
    const frames = strictFrames(
      () => Promise.reject(fault),
      () => undefined,
    );
    const ended = expect(text(frames)).rejects.toThrow('a fault of ours');
    frames.write('nonsense\n');
    await ended;
  });
});
