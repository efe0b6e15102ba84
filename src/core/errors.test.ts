import { expect, test } from 'vitest';
import { AppError, ERRORS, problemOf } from './errors.ts';

const at = { timestamp: '2026-11-22T10:00:00.000Z', request_id: 'req_1' };

test('codes, statuses and exit codes are public and stay', () => {
  const grouped = Object.groupBy(Object.entries(ERRORS), ([, { status, exit }]) => `${status} ${exit}`);
  const table = Object.fromEntries(
    Object.entries(grouped).map(([key, entries]) => [key, entries?.map(([code]) => code)]),
  );
  expect(table).toEqual({
    '400 2': ['INVALID_INPUT', 'INVALID_JSON'],
    '401 3': ['AUTHENTICATION_REQUIRED', 'INVALID_CREDENTIALS'],
    '403 3': ['FORBIDDEN', 'ORIGIN_NOT_ALLOWED', 'HOST_NOT_ALLOWED'],
    '404 4': [
      'CLIENT_NOT_FOUND',
      'PROFILE_NOT_FOUND',
      'SERVER_NOT_FOUND',
      'CONFIG_NOT_FOUND',
      'ARTIFACT_NOT_FOUND',
      'DEPLOYMENT_NOT_FOUND',
      'TOKEN_NOT_FOUND',
      'WEBHOOK_NOT_FOUND',
      'KEY_NOT_FOUND',
      'WORKSPACE_NOT_FOUND',
      'REVIEW_NOT_FOUND',
      'SERVER_NOT_IN_DRAFT',
      'NOT_FOUND',
    ],
    '405 2': ['METHOD_NOT_ALLOWED'],
    '406 2': ['SCHEMA_NOT_AVAILABLE'],
    '413 2': ['PAYLOAD_TOO_LARGE'],
    '415 2': ['UNSUPPORTED_MEDIA_TYPE'],
    '409 5': [
      'SERVER_ALREADY_IN_DRAFT',
      'DRAFT_CHANGED',
      'PROFILE_ALREADY_EXISTS',
      'KEYS_NOT_INITIALIZED',
      'IDEMPOTENCY_CONFLICT',
      'APPROVAL_REQUIRED',
      'CLIENT_FILE_UNPARSABLE',
      'CLIENT_FILE_CHANGED',
      'CLIENT_NOT_WRITABLE',
      'DRIFT_DETECTED',
      'PROFILE_HAS_RELEASES',
      'PROFILE_LINKED',
      'CLIENT_ALREADY_EXISTS',
      'SERVER_ALREADY_EXISTS',
      'WORKSPACE_ALREADY_EXISTS',
    ],
    '422 6': [
      'VALIDATION_FAILED',
      'POLICY_VIOLATION',
      'SECRET_IN_CONFIG',
      'SECRET_NOT_RENDERABLE',
      'SECRET_NOT_FOUND',
      'SIGNATURE_INVALID',
      'WEBHOOK_TARGET_REFUSED',
      'BACKUP_DAMAGED',
    ],
    '429 1': ['RATE_LIMITED'],
    '503 1': ['WRITE_FAILED', 'UNAVAILABLE'],
    '500 1': ['INTERNAL_ERROR'],
  });
});

test('every code says in a sentence of its own what it means', () => {
  const meanings = Object.values(ERRORS).map(({ meaning }) => meaning);
  for (const meaning of meanings) expect(meaning).toMatch(/^[A-Z][^\n]{15,120}\.$/);
  expect(new Set(meanings).size).toBe(meanings.length);
});

test('an expected failure is shown, with the hint of the catalogue or a better one', () => {
  const plain = new AppError('DRAFT_CHANGED', 'Somebody was faster.', { revision: 3 });
  expect(problemOf(plain, at)).toEqual({
    code: 'DRAFT_CHANGED',
    message: 'Somebody was faster.',
    details: { revision: 3 },
    hint: 'Somebody else saved this draft. Read it again and repeat your change.',
    ...at,
  });
  expect(problemOf(new AppError('FORBIDDEN', 'no', {}, { hint: 'Do this.' }), at).hint).toBe('Do this.');
});

test.each([new Error('made-up-secret at /home/ann'), 'made-up-secret', { message: 'made-up-secret' }, undefined])(
  'an unexpected one says nothing of what it knows (%#)',
  (error) => {
    const problem = problemOf(error, at);
    expect(problem.code).toBe('INTERNAL_ERROR');
    expect(JSON.stringify(problem)).not.toContain('made-up-secret');
  },
);
