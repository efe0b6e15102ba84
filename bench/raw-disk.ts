import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What a disk and a database take at least for what the product promises: the counterparts, without any of its care. */

export const readAndParse = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** New file, fsync, rename, fsync of the directory: without the last, a power cut can take the new name away. */
export function replaceDurably(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w', 0o600);
  writeSync(file, bytes);
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
  const directory = openSync(dirname(path), 'r');
  fsyncSync(directory);
  closeSync(directory);
}

export interface RawDatabase {
  /** One transaction that inserts one row with this text. */
  commit(text: string): void;
  close(): void;
}

/** With the settings that make a commit outlive a power cut, as the store has them. */
export function openRawDatabase(path: string): RawDatabase {
  const database = new DatabaseSync(path);
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma fullfsync = on;');
  database.exec('create table rows (id integer primary key, text text not null) strict');
  const insert = database.prepare('insert into rows (text) values (?)');
  return {
    commit(text) {
      database.exec('begin immediate');
      insert.run(text);
      database.exec('commit');
    },
    close: () => database.close(),
  };
}
