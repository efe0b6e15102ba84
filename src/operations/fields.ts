import { z } from 'zod';
import type { Operation } from './operation.ts';

/**
 * The input of an operation, field by field, as doors need it that take text: flags, query strings, reference pages.
 * Derived from the JSON Schema of the input, so that it cannot disagree with what `invoke` accepts.
 */
export interface Field {
  name: string;
  /** `any`: every JSON value; `array`: a list of texts; `texts`: texts by name; `text-or-map`: an object or its JSON text; `flag-or-list`: `true` or a list of names; `text-or-null`: text, or the word `null`. */
  type:
    | 'string'
    | 'text-or-null'
    | 'integer'
    | 'boolean'
    | 'array'
    | 'object'
    | 'texts'
    | 'text-or-map'
    | 'flag-or-list'
    | 'any';
  required: boolean;
  default?: unknown;
  /** The only values it can have; of a list: that its items can have. */
  choices?: string[];
  description?: string;
}

interface Schema {
  type?: string;
  anyOf?: Schema[];
  additionalProperties?: Schema | boolean;
  enum?: unknown[];
  items?: Schema;
  default?: unknown;
  description?: string;
  $ref?: string;
}

const known = new WeakMap<Operation, Field[]>();

export function fieldsOf(operation: Operation): Field[] {
  const found = known.get(operation);
  if (found) return found;
  const schema = inputSchema(operation) as { properties?: Record<string, Schema>; required?: string[] };
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    type: typeOf(property),
    required: required.has(name),
    ...(property.default !== undefined && { default: property.default }),
    ...choicesOf(property.enum ?? property.items?.enum),
    ...(property.description !== undefined && { description: property.description }),
  }));
  known.set(operation, fields);
  return fields;
}

const choicesOf = (values: unknown[] | undefined) => (values ? { choices: values.map(String) } : {});

/** JSON Schema 2020-12 of what a caller sends. */
export const inputSchema = (operation: Operation): Record<string, unknown> =>
  z.toJSONSchema(operation.input, { io: 'input' });

/** JSON Schema 2020-12 of what a caller gets. */
export const outputSchema = (operation: Operation): Record<string, unknown> =>
  z.toJSONSchema(operation.output, { io: 'output' });

function typeOf(schema: Schema): Field['type'] {
  const variants = schema.anyOf?.map((variant) => variant.type);
  if (variants?.includes('object') && variants.includes('string') && variants.length === 2) return 'text-or-map';
  if (variants?.includes('boolean') && variants.includes('array') && variants.length === 2) return 'flag-or-list';
  if (variants?.includes('null') && variants.includes('string') && variants.length === 2) return 'text-or-null';
  const values = schema.additionalProperties;
  if (schema.type === 'object' && typeof values === 'object' && values.type === 'string') return 'texts';
  switch (schema.type) {
    case 'string':
    case 'integer':
    case 'boolean':
    case 'object':
      return schema.type;
    case 'array':
      return schema.items?.type === 'string' ? 'array' : 'any';
    default:
      return schema.enum ? 'string' : 'any';
  }
}

/** Text from a flag or a query string, as the declared type; left as text when it does not fit, so that `invoke` says what is wrong. */
export function fromText(field: Field, text: string): unknown {
  if (field.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (field.type === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  return field.type === 'text-or-null' && text === 'null' ? null : text;
}
