import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openApi } from '../../src/adapters/rest/openapi.ts';
import { OPERATIONS } from '../../src/operations/index.ts';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
}

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
  example?: unknown;
}

interface Content {
  schema: Schema;
  example?: unknown;
  examples?: Record<string, { $ref?: string; value?: unknown }>;
}

interface Described {
  operationId?: string;
  description?: string;
  summary: string;
  security?: unknown[];
  'x-required-scopes'?: string[];
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Content> };
  responses: Record<string, { description: string; content?: Record<string, Content> }>;
}

export interface Route extends Described {
  /** In capitals. */
  method: string;
  path: string;
}

export interface Document {
  openapi: string;
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Schema>; examples: Record<string, { summary: string; value: unknown }> };
}

/** The document as it is sent. */
export const DOCUMENT = JSON.parse(
  JSON.stringify(openApi({ operations: OPERATIONS, version: '0.0.0', open: true, legacy_sse: true })),
) as Document;

export const ROUTES: readonly Route[] = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, described]) => ({ ...described, method: method.toUpperCase(), path })),
);

export const JSON_TYPE = 'application/json';

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(DOCUMENT, 'document');
const compiled = new Map<string, ValidateFunction>();

/** What is wrong with a value by the schema at this place of the document; undefined when nothing is. */
export function faultOf(value: unknown, ...place: string[]): string | undefined {
  const pointer = place.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
  const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `document#/${pointer}` });
  compiled.set(pointer, validate);
  return validate(value) ? undefined : ajv.errorsText(validate.errors);
}

/** What the document does not know about this answer; undefined when it is as described. */
export function unlikeDocument(
  route: Route,
  answer: { status: number; type: string; body: string },
): string | undefined {
  const status = String(answer.status) in route.responses ? String(answer.status) : 'default';
  const described = route.responses[status];
  if (!described || (status === 'default' && answer.status < 400)) return `${answer.status} is not described`;
  if (described.content === undefined) return answer.body === '' ? undefined : `${status} has no body`;
  const type = answer.type.split(';')[0] ?? '';
  if (!(type in described.content)) return `${status} is not described as ${type}`;
  if (type !== JSON_TYPE) return undefined;
  const place = ['paths', route.path, route.method.toLowerCase(), 'responses', status, 'content', type, 'schema'];
  return faultOf(JSON.parse(answer.body), ...place);
}
