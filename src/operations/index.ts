import { batchOf } from './batch.ts';
import { nouns, operationsOf } from './nouns.ts';
import type { Operation } from './operation.ts';

const single: readonly Operation[] = (await Promise.all(nouns().map(operationsOf))).flat();

/** Every operation of the product. */
export const OPERATIONS: readonly Operation[] = [...single, batchOf(single)];
