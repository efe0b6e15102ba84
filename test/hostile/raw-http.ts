import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RawAnswer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: string;
}

interface SendOptions {
  /** Says after the last piece that nothing more comes. */
  end?: boolean;
}

/** Sends bytes as they are, in as many pieces as given, and reads until the other side closes. */
export async function sendRaw(
  url: string,
  pieces: readonly (string | Uint8Array)[],
  { end = false }: SendOptions = {},
): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => undefined); // a server that has answered may reset what it does not want to read
  socket.on('end', () => socket.end());
  const closed = once(socket, 'close');
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await sleep(5);
    if (!socket.destroyed) socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
  }
  if (end) socket.end();
  await closed;
  return answersIn(Buffer.concat(chunks));
}

/** The one answer to one request. */
export async function askRaw(url: string, ...pieces: (string | Uint8Array)[]): Promise<RawAnswer> {
  const answers = await sendRaw(url, pieces);
  const last = answers.at(-1);
  if (!last || answers.length > 2) throw new Error(`${answers.length} answers to one request`);
  return last;
}

function answersIn(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n');
    const [line = '', ...fields] = rest.subarray(0, end).toString('latin1').split('\r\n');
    const headers = Object.fromEntries(
      fields.map((field) => [
        field.slice(0, field.indexOf(':')).toLowerCase(),
        field.slice(field.indexOf(':') + 1).trim(),
      ]),
    );
    const length = Number(headers['content-length'] ?? 0);
    const body = rest.subarray(end + 4, end + 4 + length).toString('utf8');
    answers.push({ status: Number(line.split(' ')[1]), headers, body });
    rest = rest.subarray(end + 4 + length);
  }
  return answers;
}
