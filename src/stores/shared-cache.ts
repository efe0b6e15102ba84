import { artifactIdOfCanonical } from '../core/artifact.ts';
import type { OpenedStore } from './opened-store.ts';

/** Texts that several processes share, and that whoever reads one has to check. Nothing of it fails. */
interface SharedTexts {
  get(key: string): Promise<string | undefined> | undefined;
  put(key: string, text: string): void;
  drop(key: string): void;
}

export interface SharedCache {
  store: OpenedStore;
  /** Artifacts that were found in the cache, and those that had to be read. */
  counts: { readonly hits: number; readonly misses: number };
}

/**
 * A store that looks for artifacts in a cache first, outside transactions. Only artifacts: their id is the digest of their
 * text, so nothing that somebody else wrote there can pass for one. That there is none is asked of the store every time.
 */
export function withSharedCache(store: OpenedStore, texts: SharedTexts): SharedCache {
  const counts = { hits: 0, misses: 0 };
  const cached = async (key: string, artifact_id: string): Promise<string | undefined> => {
    const canonical = await texts.get(key);
    if (canonical === undefined) return undefined;
    if (artifactIdOfCanonical(canonical) === artifact_id) return canonical;
    texts.drop(key);
    return undefined;
  };
  const get: OpenedStore['artifacts']['get'] = async (workspace, artifact_id) => {
    const key = `${workspace}:${artifact_id}`;
    const canonical = await cached(key, artifact_id);
    if (canonical !== undefined) {
      counts.hits += 1;
      return { artifact_id, canonical };
    }
    counts.misses += 1;
    const row = await store.artifacts.get(workspace, artifact_id);
    // What is damaged in the store is not spread.
    if (row && artifactIdOfCanonical(row.canonical) === artifact_id) texts.put(key, row.canonical);
    return row;
  };
  return { store: { ...store, artifacts: { ...store.artifacts, get } }, counts };
}
