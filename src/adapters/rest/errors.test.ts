import { expect, test } from 'vitest';
import { codeOfStatus, fromFastify, problemOfStatus } from './errors.ts';

test.each([
  [408, 'REQUEST_TIMEOUT'],
  [414, 'URI_TOO_LONG'],
  [417, 'EXPECTATION_FAILED'],
  [421, 'MISDIRECTED_REQUEST'],
  [431, 'REQUEST_HEADER_FIELDS_TOO_LARGE'],
  [501, 'NOT_IMPLEMENTED'],
  [505, 'HTTP_VERSION_NOT_SUPPORTED'],
  [418, 'I_M_A_TEAPOT'],
  [499, 'BAD_REQUEST'],
])('status %i has the code %s', (status, code) => {
  expect(codeOfStatus(status)).toBe(code);
});

test.each([
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'PAYLOAD_TOO_LARGE'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'UNSUPPORTED_MEDIA_TYPE'],
  ['FST_ERR_BAD_URL', 'INVALID_INPUT'],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 'INVALID_INPUT'],
])('%s of the framework is our %s', (code, ours) => {
  expect(fromFastify({ code, message: 'words of theirs' }, 7)?.code).toBe(ours);
  expect(fromFastify({ code, message: 'words of theirs' }, 7)?.message).not.toContain('words of theirs');
});

test('an error that is not of the framework stays what it is', () => {
  expect(fromFastify({ message: 'x' }, 7)).toBeUndefined();
});

test('a status without an error of ours gets the one shape', () => {
  const at = { timestamp: '2026-11-22T10:00:00.000Z', request_id: 'req_1' };
  expect(problemOfStatus(400, at)).toEqual({
    code: 'INVALID_INPUT',
    message: 'bad request',
    details: {},
    hint: 'Send a well-formed HTTP/1.1 request.',
    ...at,
  });
  expect(problemOfStatus(405, at)).toMatchObject({
    code: 'METHOD_NOT_ALLOWED',
    hint: 'Use a method named in the `Allow` header.',
  });
});
