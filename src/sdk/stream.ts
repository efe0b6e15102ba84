/** One message of an event stream; a message without data says only where the reader is, or how long to wait. */
export interface Message {
  id?: string;
  event?: string;
  data?: string;
  /** Milliseconds to wait before coming back. */
  retry?: number;
}

/**
 * Reads https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream. `heard` is called for
 * everything that comes, comments too. A message that breaks off in the middle is none.
 */
export async function* messagesOf(
  body: ReadableStream<Uint8Array>,
  heard: () => void,
): AsyncGenerator<Message, void, undefined> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = '';
  let message: Message = {};
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
        if (line !== '') read(line, message);
        else {
          if (Object.keys(message).length > 0) yield message;
          message = {};
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function read(line: string, message: Message): void {
  const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
  if (field === 'id' && !value.includes('\0')) message.id = value;
  else if (field === 'event') message.event = value;
  else if (field === 'data') message.data = message.data === undefined ? value : `${message.data}\n${value}`;
  else if (field === 'retry' && /^\d+$/.test(value)) message.retry = Number(value);
}
