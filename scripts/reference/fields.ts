import { type Field, fieldsOf, outputSchema } from '../../src/operations/fields.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { code, plain, table } from './markdown.ts';

interface Schema {
  type?: string | string[];
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  description?: string;
  $ref?: string;
  $defs?: Record<string, Schema>;
}

const TYPE_WORDS: Partial<Record<Field['type'], string>> = {
  texts: 'object',
  'text-or-map': 'object, or its JSON text',
  'flag-or-list': '`true`, or a list of names',
  any: 'JSON',
};

/** What a caller may give for one input field. */
export function typeOfField(field: Field): string {
  if (field.choices) return field.choices.map(code).join(', ');
  return TYPE_WORDS[field.type] ?? field.type;
}

export const defaultOf = (field: Field): string =>
  field.default === undefined
    ? ''
    : code(typeof field.default === 'string' ? field.default : JSON.stringify(field.default));

/** The input of an operation as a table; `omit` are fields that are told elsewhere. */
export function inputTable(operation: Operation, omit: ReadonlySet<string> = new Set()): string {
  const rows = fieldsOf(operation)
    .filter((field) => !omit.has(field.name))
    .map((field) => [
      code(field.name),
      typeOfField(field),
      field.required ? 'required' : defaultOf(field),
      plain(field.description ?? ''),
    ]);
  return table(['field', 'type', 'default', 'meaning'], rows);
}

/** The fields of the output object, one level deep. */
export function outputTable(operation: Operation): string {
  const schema = outputSchema(operation) as Schema;
  const root = resolved(schema, schema);
  const required = new Set(root.required ?? []);
  const rows = Object.entries(root.properties ?? {}).map(([name, property]) => [
    code(name),
    typeOfSchema(property, schema),
    required.has(name) ? 'always' : 'sometimes',
  ]);
  return table(['field', 'type', 'present'], rows);
}

function resolved(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1) ?? '';
  return root.$defs?.[name] ?? schema;
}

function typeOfSchema(schema: Schema, root: Schema): string {
  if (schema.$ref !== undefined) return typeOfSchema(withoutRef(resolved(schema, root)), root);
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(', ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map((variant) => typeOfSchema(variant, root)))].join(' or ');
  if (schema.type === 'array') return `list of ${schema.items ? typeOfSchema(schema.items, root) : 'values'}`;
  return [schema.type ?? 'JSON'].flat().join(' or ');
}

/** A definition that refers to itself ends here. */
const withoutRef = ({ $ref: _, ...rest }: Schema): Schema => rest;
