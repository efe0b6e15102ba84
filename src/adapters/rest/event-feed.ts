import { type EventFilter, eventId, isWanted } from '../../core/event.ts';
import { EVENT_PAGE, eventOf, isLost } from '../../operations/changes.ts';
import { warnRarely } from '../../operations/rarely.ts';
import type { Log } from '../../operations/services.ts';
import type { Bell } from '../../stores/bell.ts';
import type { EventRow } from '../../stores/rows.ts';
import type { Store } from '../../stores/store.ts';

/** Where the events of one watcher go. */
export interface Sink {
  /**
   * `text` is a whole message of the stream, the same bytes for all who get it. False: the other side is slow; nothing more
   * is given until `resume`.
   */
  write(text: Buffer): boolean;
}

interface Watcher {
  filter: EventFilter;
  /** The same for who wants the same. */
  key: string;
  sink: Sink;
  /** The number of the last event that this one was given, or passed over. */
  position: number;
  /** It has seen all that the feed has, and gets new ones from there. */
  live: boolean;
  slow: boolean;
  /** It is reading what it missed. */
  reading: boolean;
}

/** Events with the text of each. */
interface Page {
  rows: readonly EventRow[];
  texts: readonly string[];
}

const lastOf = (rows: readonly EventRow[]): number => rows.at(-1)?.number ?? 0;

/** Of a page, what this watcher wants and has not been given yet. */
const textFor = ({ filter, position }: Watcher, { rows, texts }: Page): Buffer =>
  Buffer.from(
    texts.filter((_, at) => (rows[at]?.number ?? 0) > position && isWanted(rows[at] as EventRow, filter)).join(''),
  );

interface Feed {
  last: number;
  watchers: Set<Watcher>;
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream; JSON has no line ends. */
const messageOf = (workspace: string, row: EventRow): string => {
  const event = eventOf(workspace, row);
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
};

/** No event, and yet a reader remembers the id: where it has to go on, also when it is cut off before the first event. */
const placeOf = (position: number): Buffer => Buffer.from(`id: ${eventId(position)}\n\n`);

const resyncAt = (position: number): Buffer => Buffer.from(`id: ${eventId(position)}\nevent: resync\ndata: {}\n\n`);

/**
 * Gives every watcher every event once and in order. New events are read and written as text once for all of them; a
 * watcher that begins in the past, or was slow, reads by itself until it has caught up.
 */
export class EventFeed {
  readonly #store: Store;
  readonly #bell: Bell;
  readonly #log: Log;
  readonly #seen: (row: EventRow) => void;
  readonly #feeds = new Map<string, Feed>();
  #stop: (() => void) | undefined;
  #distributing: Promise<void> | undefined;
  #again = false;

  /** `seen` hears of every new event once, whoever watches. */
  constructor(store: Store, bell: Bell, log: Log, seen: (row: EventRow) => void) {
    this.#store = store;
    this.#bell = bell;
    this.#log = log;
    this.#seen = seen;
  }

  /** `from` is the number of the last event that was seen; undefined: only what happens from now on. */
  async watch(workspace: string, from: number | undefined, filter: EventFilter, sink: Sink): Promise<Subscription> {
    const range = await this.#store.events.range(workspace);
    const known = this.#feeds.get(workspace);
    const feed = known ?? { last: range.newest, watchers: new Set() };
    this.#feeds.set(workspace, feed);
    const lost = from !== undefined && isLost(from, range);
    const watcher: Watcher = {
      filter,
      key: JSON.stringify([[...(filter.types ?? [])], filter.client_id, filter.profile_id, filter.types === undefined]),
      sink,
      position: from === undefined || lost ? range.newest : from,
      live: false,
      slow: false,
      reading: false,
    };
    feed.watchers.add(watcher);
    this.#stop ??= this.#bell.listen(() => this.#ring());
    sink.write(lost ? resyncAt(watcher.position) : placeOf(watcher.position));
    this.#catchUp(workspace, feed, watcher);
    // What was committed since the range was read has rung for nobody here.
    if (known === undefined) this.#ring();
    return {
      resume: () => {
        watcher.slow = false;
        this.#catchUp(workspace, feed, watcher);
      },
      end: () => {
        feed.watchers.delete(watcher);
        if (feed.watchers.size === 0) this.#feeds.delete(workspace);
        if (this.#feeds.size > 0) return;
        this.#stop?.();
        this.#stop = undefined;
      },
    };
  }

  #ring(): void {
    if (this.#distributing !== undefined) {
      this.#again = true;
      return;
    }
    this.#distributing = this.#distribute()
      .catch((err: unknown) => warnRarely(this.#log, { err }, 'events could not be read; the next commit tries again'))
      .finally(() => {
        this.#distributing = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.#ring();
      });
  }

  async #distribute(): Promise<void> {
    for (const [workspace, feed] of this.#feeds) {
      for (;;) {
        const rows = await this.#store.events.since(workspace, feed.last, EVENT_PAGE);
        if (rows.length > 0) this.#give(workspace, feed, rows);
        if (rows.length < EVENT_PAGE) break;
      }
      for (const watcher of feed.watchers) this.#catchUp(workspace, feed, watcher);
    }
  }

  /** One write for each watcher, of a text that all share who want the same. */
  #give(workspace: string, feed: Feed, rows: readonly EventRow[]): void {
    const page: Page = { rows, texts: rows.map((row) => messageOf(workspace, row)) };
    const start = feed.last;
    feed.last = lastOf(rows);
    for (const row of rows) this.#seen(row);
    const shared = new Map<string, Buffer>();
    for (const watcher of feed.watchers) {
      if (!watcher.live) continue;
      if (watcher.position !== start) {
        this.#show(watcher, lastOf(rows), textFor(watcher, page));
        continue;
      }
      const text = shared.get(watcher.key) ?? textFor(watcher, page);
      shared.set(watcher.key, text);
      this.#show(watcher, lastOf(rows), text);
    }
  }

  #show(watcher: Watcher, position: number, text: Buffer): void {
    watcher.position = Math.max(watcher.position, position);
    if (text.length === 0 || watcher.sink.write(text)) return;
    watcher.slow = true;
    watcher.live = false;
  }

  /** Nothing for most watchers, most of the time: they see all that the feed has. */
  #catchUp(workspace: string, feed: Feed, watcher: Watcher): void {
    if (!watcher.reading && !watcher.live && !watcher.slow) void this.#readMissed(workspace, feed, watcher);
  }

  async #readMissed(workspace: string, feed: Feed, watcher: Watcher): Promise<void> {
    watcher.reading = true;
    try {
      while (!watcher.slow && feed.watchers.has(watcher)) {
        if (watcher.position >= feed.last) {
          watcher.live = true;
          return;
        }
        const { oldest } = await this.#store.events.range(workspace);
        if (watcher.position < oldest - 1) {
          watcher.position = oldest - 1;
          if (!watcher.sink.write(resyncAt(watcher.position))) watcher.slow = true;
        }
        const rows = await this.#store.events.since(workspace, watcher.position, EVENT_PAGE);
        const page = { rows, texts: rows.map((row) => messageOf(workspace, row)) };
        this.#show(watcher, rows.length === 0 ? feed.last : lastOf(rows), textFor(watcher, page));
      }
    } catch (err) {
      warnRarely(this.#log, { err }, 'missed events could not be read; the next commit tries again');
    } finally {
      watcher.reading = false;
    }
  }
}

export interface Subscription {
  /** The other side has taken what it was given. */
  resume(): void;
  end(): void;
}
