import { Transform } from 'node:stream';
import { AppError } from '../../core/errors.ts';
import { MAX_DEPTH } from '../../core/json-value.ts';
import type { JsonValue } from '../../core/payload.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import type { Answer } from '../../operations/operation.ts';

/** A message is one line: as much as an HTTP body may have, and something for what stands around it. */
export const MAX_FRAME_BYTES = 1024 * 1024 + 16 * 1024;
/** `params.arguments` is the third level; on other doors it is the first. */
const FRAME_DEPTH = MAX_DEPTH + 2;
const LINE_FEED = 0x0a;

type Refuse = (error: AppError) => Promise<Answer & { ok: false }>;

/**
 * Lets through the lines that are strict JSON. The others are answered here and go no further: the SDK reads with
 * `JSON.parse`, which takes duplicate keys, lossy numbers and any length without a word (SECURITY-BAR T16, T17).
 */
export function strictFrames(refuse: Refuse, answer: (line: string) => void): Transform {
  let pending: Buffer[] = [];
  let length = 0;
  const take = async (chunk: Buffer): Promise<Buffer | undefined> => {
    if (length + chunk.length <= MAX_FRAME_BYTES) pending.push(chunk);
    length += chunk.length;
    if (chunk.at(-1) !== LINE_FEED) return undefined;
    const line = Buffer.concat(pending);
    const isTooLong = length > MAX_FRAME_BYTES;
    pending = [];
    length = 0;
    const fault = isTooLong ? tooLong() : faultOf(line);
    if (!fault) return line;
    answer(answerTo(isTooLong ? undefined : line, await refuse(fault)));
    return undefined;
  };
  return new Transform({
    async transform(chunk: Buffer, _encoding, done) {
      try {
        for (const part of lines(chunk)) {
          const line = await take(part);
          if (line) this.push(line);
        }
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

/** The chunk in pieces that end with a line feed, but for the last. */
function* lines(chunk: Buffer): Generator<Buffer> {
  let from = 0;
  for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
    yield chunk.subarray(from, at + 1);
    from = at + 1;
  }
  if (from < chunk.length) yield chunk.subarray(from);
}

const tooLong = () =>
  new AppError('PAYLOAD_TOO_LARGE', `A message has at most ${MAX_FRAME_BYTES} bytes.`, {
    limit_bytes: MAX_FRAME_BYTES,
  });

function faultOf(line: Buffer): AppError | undefined {
  if (line.every((byte) => byte === LINE_FEED || byte === 0x0d || byte === 0x20)) return undefined;
  try {
    parseStrictJson(line, { maxBytes: MAX_FRAME_BYTES, maxDepth: FRAME_DEPTH });
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** A tool call gets an `isError` result, as for every other refusal; anything else the parse error of JSON-RPC. */
function answerTo(line: Buffer | undefined, { problem }: Answer & { ok: false }): string {
  const { id, method, isModern } = line ? looselyRead(line) : { id: null, method: undefined, isModern: false };
  const head = { jsonrpc: '2.0', id };
  if (method !== 'tools/call' || id === null) {
    return JSON.stringify({ ...head, error: { code: -32700, message: problem.message, data: { error: problem } } });
  }
  const content = [{ type: 'text', text: JSON.stringify({ error: problem }) }];
  return JSON.stringify({ ...head, result: { ...(isModern && { resultType: 'complete' }), isError: true, content } });
}

/** Who asked, of a message that will not be believed otherwise. */
function looselyRead(line: Buffer): { id: string | number | null; method: string | undefined; isModern: boolean } {
  try {
    const { id, method, params } = JSON.parse(line.toString('utf8')) as { [key: string]: JsonValue };
    const meta = (params as { _meta?: object } | undefined)?._meta;
    return {
      id: typeof id === 'string' || typeof id === 'number' ? id : null,
      method: typeof method === 'string' ? method : undefined,
      isModern: meta !== undefined && 'io.modelcontextprotocol/protocolVersion' in meta,
    };
  } catch {
    return { id: null, method: undefined, isModern: false };
  }
}
