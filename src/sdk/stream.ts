import { isSendable } from './request.ts';

/** One message of an event stream; a message without data says only where the reader is, or how long to wait. */
export interface Message {
  id?: string;
  event?: string;
  data?: string;
  /** Milliseconds to wait before coming back. */
  retry?: number;
}

/** Characters of one message, more than any event has: what is not at an end by then has none. */
const LONGEST_MESSAGE = 1024 * 1024;

/** What comes does not end, or is longer than anything that is meant. */
export class TooLong extends Error {}

/** The text of an answer. Throws `TooLong`: whoever answers must not decide how much memory that takes. */
export async function textOf({ body }: Response, most: number): Promise<string> {
  if (body === null) return '';
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = '';
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > most) throw new TooLong(`The answer has more than ${most} bytes.`);
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/**
 * Reads https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream. `heard` is called for
 * everything that comes, comments too. A message that breaks off in the middle is none. Throws `TooLong`.
 */
export async function* messagesOf(
  body: ReadableStream<Uint8Array>,
  heard: () => void,
): AsyncGenerator<Message, void, undefined> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = '';
  let message: Message = {};
  /** Of the lines of this message so far. */
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      text += decoder.decode(value, { stream: true });
      // A carriage return at the end may be half of a line end.
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop() ?? '';
      for (const line of lines) {
        length += line.length;
        if (line !== '') read(line, message);
        else {
          if (Object.keys(message).length > 0) yield message;
          message = {};
          length = 0;
        }
      }
      if (length + text.length > LONGEST_MESSAGE)
        throw new TooLong(`A message of the event stream has more than ${LONGEST_MESSAGE} characters.`);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function read(line: string, message: Message): void {
  const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
  // It goes back in a header.
  if (field === 'id' && isSendable(value)) message.id = value;
  else if (field === 'event') message.event = value;
  else if (field === 'data') message.data = message.data === undefined ? value : `${message.data}\n${value}`;
  else if (field === 'retry' && /^\d+$/.test(value)) message.retry = Number(value);
}
