/** Where an operation is found over HTTP, and where its input goes. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{field}` parts. Every other field goes into the query (GET, DELETE) or into the body (POST, PUT). */
  path: string;
  /** The field that the whole body is; the others go into the query. */
  body?: string;
  /** The field of the answer that is one page of a list. */
  items?: string;
}
