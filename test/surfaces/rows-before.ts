import { type Row, rowsIn } from '../support/rows.ts';

/** For `before`: what another program does to the rows of the store. */
export const sql =
  (...statements: string[]) =>
  (_home: string, env: Record<string, string>): Promise<Row[]> =>
    rowsIn(env, ...statements);
