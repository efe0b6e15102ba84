import type { CatalogTransport } from './server.ts';

/** The public words for transports. The data says `streamable-http` where callers say `http`. */
export const TRANSPORT_WORDS = ['stdio', 'http', 'sse'] as const;
export type TransportWord = (typeof TRANSPORT_WORDS)[number];
/** What callers may write: `streamable-http` is another word for `http`. */
export type TransportInput = TransportWord | 'streamable-http';

export const publicWord = (type: TransportInput): TransportWord => (type === 'streamable-http' ? 'http' : type);

/** The words of a server's transports in listed order, each once. */
export const transportWords = (transports: readonly CatalogTransport[]): TransportWord[] => [
  ...new Set(transports.map((transport) => publicWord(transport.type))),
];
