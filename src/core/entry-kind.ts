import type { Entry, RemoteEntry } from './payload.ts';

export const isRemote = (entry: Entry): entry is RemoteEntry => 'url' in entry;
