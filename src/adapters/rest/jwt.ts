import { errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import { DEFAULT_WORKSPACE, UNBOUND } from '../../core/binding.ts';
import { AppError } from '../../core/errors.ts';
import { isId } from '../../core/id-rules.ts';
import { AGENT_SCOPES, expandScopes, ROLES } from '../../core/scopes.ts';
import type { Log } from '../../operations/services.ts';
import type { Caller } from './auth.ts';

export interface JwtSettings {
  /** As it stands in `iss`, to the character. */
  issuer: string;
  /** What has to stand in `aud`: a token for another service is none for this one (SECURITY-BAR T24). */
  audience: string;
  keys: JWTVerifyGetKey;
  log: Log;
  now: () => Date;
}

/** Signatures that only the issuer can make. With a shared secret, or with none, anybody who verifies could. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Seconds by which the clocks of issuer and server may differ. */
const SKEW = 5;
/** What stays open signs in anew after so many milliseconds: a key that the issuer has withdrawn may have signed the token. */
const LONGEST_OPEN_MS = 60 * 60_000;
/** Before the name of a role in the claim `roles`, which may hold roles of other services too. */
const OURS = 'mcp_orchestration:';

/** The claims that say who it is and what it may do (docs/decisions/0025). */
const Claims = z.object({
  sub: z.string().regex(/^[\x21-\x7e]{1,255}$/),
  exp: z.number(),
  mcp_orchestration_roles: z.array(z.string()).default([]),
  roles: z.array(z.unknown()).catch([]),
  mcp_orchestration_workspace: z.string().refine(isId).default(DEFAULT_WORKSPACE),
  mcp_orchestration_kind: z.enum(['user', 'agent']).default('user'),
});

/**
 * Who a JSON Web Token of the configured issuer stands for. Throws INVALID_CREDENTIALS for every token that is none, and
 * UNAVAILABLE when the keys of the issuer cannot be read.
 */
export function callersByJwt({ issuer, audience, keys, log, now }: JwtSettings): (token: string) => Promise<Caller> {
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: SKEW,
        currentDate: now(),
      });
      return callerOf(Claims.parse(payload), now().getTime());
    } catch (error) {
      if (error instanceof AppError) throw error;
      const expected = error instanceof errors.JOSEError || error instanceof z.ZodError;
      if (!expected) log.warn({ err: error }, 'a token of the OpenID Connect issuer could not be verified');
      throw new AppError('INVALID_CREDENTIALS', 'The credentials are not accepted.');
    }
  };
}

function callerOf(claims: z.output<typeof Claims>, at: number): Caller {
  const kind = claims.mcp_orchestration_kind;
  const prefixed = claims.roles.flatMap((role) =>
    typeof role === 'string' && role.startsWith(OURS) ? [role.slice(OURS.length)] : [],
  );
  const held = expandScopes([...claims.mcp_orchestration_roles, ...prefixed].flatMap(scopesOf));
  const scopes = kind === 'agent' ? held.intersection(AGENT_SCOPES) : held;
  return {
    workspace: claims.mcp_orchestration_workspace,
    until: Math.min((claims.exp + SKEW) * 1000, at + LONGEST_OPEN_MS),
    principal: { actor: `oidc:${claims.sub}`, kind, scopes, binding: UNBOUND },
  };
}

/** None for a role that there is not: it gives nothing, and the others still count. */
const scopesOf = (role: string) => (Object.hasOwn(ROLES, role) ? ROLES[role as keyof typeof ROLES] : []);
