/**
 * The kinds of secret that are known by their shape (public documentation of the vendors, checked 2026-11-22).
 *
 * Every pattern takes time linear in its input. What keeps it so: a pattern begins with a fixed prefix or a run of
 * bounded length, an unbounded run comes last (it is then consumed, never given back), and a run that something must
 * follow is either bounded or can only begin where no run goes on (the look-behind).
 */
export interface SecretRule {
  /** Stable name, shown to people and written into findings. */
  kind: string;
  /** A text without this substring cannot match: a cheap look before the expression runs. */
  anchor: string;
  /** Where the anchor is too common to say anything: an expression that every match contains a match of. */
  hint?: string;
  /** Global. Group 1, where there is one, is the secret itself. */
  pattern: RegExp;
  /** Last word on a match: is this text really one? */
  confirm?: (secret: string) => boolean;
}

const rule = (kind: string, anchor: string, pattern: RegExp, confirm?: SecretRule['confirm']): SecretRule =>
  confirm === undefined ? { kind, anchor, pattern } : { kind, anchor, pattern, confirm };

const START = '(?<![A-Za-z0-9])';
/** A prefix that nothing else begins with, then a run of token characters. */
const prefixed = (kind: string, prefix: string, run: string, confirm?: SecretRule['confirm']): SecretRule =>
  rule(kind, prefix, new RegExp(`${START}${prefix.replaceAll(/[.$|/]/g, '\\$&')}${run}`, 'g'), confirm);

const hasDigit = (text: string): boolean => /[0-9]/.test(text);
const hasDigitAndLetter = (text: string): boolean => hasDigit(text) && /[A-Za-z]/.test(text);

/** Base64 of printable `user:password`, so that "Basic authentication" stays a phrase. */
function isBasicCredentials(text: string): boolean {
  const decoded = Buffer.from(text, 'base64').toString('latin1');
  return /^[\x20-\x7e]*:[\x20-\x7e]+$/.test(decoded);
}

/** What documentation puts where the password goes. */
export function isMask(text: string): boolean {
  return /^(?:<.*>|\{.*\}|\[.*\]|[*x.•X]+|%.*[%s]|\$[A-Z_][A-Z0-9_]*|\$\{.*\})$/s.test(text) || text.includes('\0');
}

/** Words that only placeholders are made of; one of them as a whole word of the secret part makes it one. */
const isSample = (text: string): boolean => /(?:^|[-_.])(?:x{3,}|your|here|placeholder)(?:$|[-_.])/i.test(text);
const real = (text: string): boolean => !isSample(text);

const SOURCE_AND_PACKAGES: readonly SecretRule[] = [
  prefixed('github_personal_token', 'ghp_', '[A-Za-z0-9]{16,}', real),
  prefixed('github_fine_grained_token', 'github_pat_', '[A-Za-z0-9_]{20,}', real),
  prefixed('github_oauth_token', 'gho_', '[A-Za-z0-9]{16,}', real),
  prefixed('github_user_token', 'ghu_', '[A-Za-z0-9]{16,}', real),
  prefixed('github_app_token', 'ghs_', '[A-Za-z0-9_.-]{16,}', real),
  prefixed('github_refresh_token', 'ghr_', '[A-Za-z0-9]{16,}', real),
  rule(
    'gitlab_token',
    'gl',
    /(?<![A-Za-z0-9])gl(?:pat|oas|dt|rt|ptt|soat|cbt|imt|ft|agent|ffct)-[A-Za-z0-9_.-]{18,}/g,
    real,
  ),
  rule('bitbucket_app_password', 'ATBB', /(?<![A-Za-z0-9])ATBB[A-Za-z0-9]{28,}/g),
  prefixed('npm_token', 'npm_', '[A-Za-z0-9]{36,}'),
  prefixed('pypi_token', 'pypi-', '[A-Za-z0-9_-]{50,}', hasDigitAndLetter),
  prefixed('rubygems_token', 'rubygems_', '[a-f0-9]{48}'),
  rule('docker_hub_token', 'dckr_', /(?<![A-Za-z0-9])dckr_[po]at_[A-Za-z0-9_-]{20,}/g, real),
  prefixed('circleci_token', 'CCIPAT_', '[A-Za-z0-9_]{30,}'),
  prefixed('buildkite_token', 'bkua_', '[a-f0-9]{40}'),
  prefixed('postman_key', 'PMAK-', '[a-f0-9]{24}-[a-f0-9]{34}'),
  rule('atlassian_token', 'TT3', /(?<![A-Za-z0-9])AT[AC]TT3[A-Za-z0-9_=-]{20,}/g, hasDigit),
];

const CLOUDS: readonly SecretRule[] = [
  prefixed('aws_access_key_id', 'AKIA', '[A-Z0-9]{16}(?![A-Za-z0-9])'),
  prefixed('aws_access_key_id', 'ASIA', '[A-Z0-9]{16}(?![A-Za-z0-9])', hasDigit),
  prefixed('aws_bearer_token_id', 'ABIA', '[A-Z0-9]{16}(?![A-Za-z0-9])', hasDigit),
  rule('aws_bedrock_key', 'ABSK', /(?<![A-Za-z0-9])ABSK[A-Za-z0-9+/]{80,}={0,2}/g),
  rule('google_api_key', 'AIza', /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}/g),
  prefixed('google_oauth_secret', 'GOCSPX-', '[A-Za-z0-9_-]{24,}', real),
  prefixed('google_access_token', 'ya29.', '[A-Za-z0-9_-]{20,}', real),
  prefixed('google_refresh_token', '1//0', '[A-Za-z0-9_-]{30,}', hasDigitAndLetter),
  rule('azure_storage_key', 'AccountKey=', /AccountKey=([A-Za-z0-9+/]{60,}={0,2})/g),
  rule('azure_shared_access_key', 'SharedAccessKey=', /SharedAccessKey=([A-Za-z0-9+/]{40,}={0,2})/g),
  rule('azure_sas_signature', 'sig=', /[?&;]sig=([A-Za-z0-9%+/_-]{40,}={0,2})/g, hasDigitAndLetter),
  rule('azure_client_secret', 'Q~', /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,}/g),
  rule('digitalocean_token', '_v1_', /(?<![A-Za-z0-9])do[opr]_v1_[a-f0-9]{64}/g),
  prefixed('heroku_key', 'HRKU-', '[A-Za-z0-9_-]{30,}', hasDigit),
  rule('terraform_cloud_token', '.atlasv1.', /(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}/g),
  rule('vault_token', 'hv', /(?<![A-Za-z0-9])hv[bsr]\.[A-Za-z0-9_-]{20,}/g, real),
  rule('vault_token', 's.', /(?<![A-Za-z0-9._-])s\.[A-Za-z0-9]{24}(?![A-Za-z0-9._-])/g, hasDigitAndLetter),
  rule('doppler_token', 'dp.', /(?<![A-Za-z0-9])dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{35,}/g),
  prefixed('one_password_token', 'ops_eyJ', '[A-Za-z0-9_=-]{30,}'),
  prefixed('age_secret_key', 'AGE-SECRET-KEY-1', '[A-Z0-9]{40,}'),
  prefixed('pulumi_token', 'pul-', '[a-f0-9]{40}'),
  prefixed('fly_token', 'fm2_', '[A-Za-z0-9+/=_-]{40,}'),
  rule('netlify_token', 'nfp_', /(?<![A-Za-z0-9])nfp_[A-Za-z0-9]{36,}/g),
  rule('supabase_token', 'sbp_', /(?<![A-Za-z0-9])sbp_(?:oauth_|v0_)?[a-f0-9]{40}/g),
  prefixed('supabase_secret_key', 'sb_secret_', '[A-Za-z0-9_-]{20,}', real),
  prefixed('neon_key', 'napi_', '[a-z0-9]{40,}'),
  prefixed('neon_password', 'npg_', '[A-Za-z0-9]{12,}', hasDigitAndLetter),
  rule('planetscale_token', 'pscale_', /(?<![A-Za-z0-9])pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{30,}/g),
  prefixed('databricks_token', 'dapi', '[a-f0-9]{32}'),
];

const MODELS_AND_SEARCH: readonly SecretRule[] = [
  prefixed('anthropic_key', 'sk-ant-', '[A-Za-z0-9_-]{16,}', real),
  rule('openai_key', 'sk-', /(?<![A-Za-z0-9])sk-(?:proj|svcacct|service|admin|None)-[A-Za-z0-9_-]{20,}/g, real),
  prefixed('openrouter_key', 'sk-or-', '[A-Za-z0-9-]{32,}', hasDigit),
  rule('langfuse_key', 'sk-lf-', /(?<![A-Za-z0-9])sk-lf-[a-f0-9-]{36}/g),
  rule('openai_legacy_key', 'sk-', /(?<![A-Za-z0-9])sk-[A-Za-z0-9]{20,}/g, hasDigit),
  prefixed('huggingface_token', 'hf_', '[A-Za-z0-9]{30,}'),
  prefixed('huggingface_org_token', 'api_org_', '[A-Za-z0-9]{30,}'),
  prefixed('replicate_token', 'r8_', '[A-Za-z0-9]{36,}'),
  prefixed('perplexity_key', 'pplx-', '[A-Za-z0-9]{32,}'),
  prefixed('groq_key', 'gsk_', '[A-Za-z0-9]{40,}'),
  prefixed('xai_key', 'xai-', '[A-Za-z0-9]{60,}'),
  prefixed('tavily_key', 'tvly-', '[A-Za-z0-9-]{20,}', real),
  prefixed('brave_key', 'BSA', '[A-Za-z0-9_-]{24,}', hasDigit),
  prefixed('firecrawl_key', 'fc-', '[a-f0-9]{32}'),
  rule('browserbase_key', 'bb_', /(?<![A-Za-z0-9])bb_(?:live|test)_[A-Za-z0-9_-]{20,}/g, real),
  prefixed('apify_token', 'apify_api_', '[A-Za-z0-9]{30,}'),
  prefixed('e2b_key', 'e2b_', '[a-f0-9]{32,}'),
  prefixed('elevenlabs_key', 'sk_', '[a-f0-9]{48}'),
  rule('langsmith_key', 'lsv2_', /(?<![A-Za-z0-9])lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}/g),
  prefixed('pinecone_key', 'pcsk_', '[A-Za-z0-9_]{40,}'),
];

const SERVICES: readonly SecretRule[] = [
  rule('slack_token', 'xox', /(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,}/g, (text) => hasDigit(text) && real(text)),
  rule(
    'slack_session_token',
    'xox',
    /(?<![A-Za-z0-9])xox[cd]-[A-Za-z0-9%+/_-]{10,}/g,
    (text) => hasDigit(text) && real(text),
  ),
  rule('slack_app_token', 'xapp-', /(?<![A-Za-z0-9])xapp-[0-9]-[A-Za-z0-9-]{20,}/g),
  rule(
    'slack_webhook',
    'hooks.slack.com/',
    /hooks\.slack\.com\/(?:services|workflows|triggers)\/(T[A-Za-z0-9]{4,20}\/[A-Za-z0-9/]{20,})/g,
  ),
  rule('discord_webhook', '/api/webhooks/', /discord(?:app)?\.com\/api\/webhooks\/[0-9]{5,24}\/([A-Za-z0-9_-]{40,})/g),
  {
    ...rule(
      'discord_bot_token',
      '.',
      /(?<![A-Za-z0-9_.-])[MNO][A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}/g,
      hasDigitAndLetter,
    ),
    hint: '\\.[A-Za-z0-9_-]{6,7}\\.[A-Za-z0-9_-]{27}',
  },
  rule('telegram_bot_token', ':AA', /(?<![A-Za-z0-9])[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g),
  rule('stripe_key', 'k_', /(?<![A-Za-z0-9])[rs]k_(?:live|test)_[A-Za-z0-9]{16,}/g),
  rule('webhook_signing_secret', 'whsec_', /(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/]{24,}={0,2}/g),
  prefixed('twilio_api_key', 'SK', '[a-f0-9]{32}(?![A-Za-z0-9])'),
  rule('sendgrid_key', 'SG.', /(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}/g),
  rule('mailgun_key', 'key-', /(?<![A-Za-z0-9])key-[a-f0-9]{32}(?![A-Za-z0-9])/g),
  rule('mailchimp_key', '-us', /(?<![A-Za-z0-9])[a-f0-9]{32}-us[0-9]{1,2}(?![A-Za-z0-9])/g),
  rule('resend_key', 're_', /(?<![A-Za-z0-9])re_[A-Za-z0-9]{6,12}_[A-Za-z0-9]{20,}/g),
  rule('linear_token', 'lin_', /(?<![A-Za-z0-9])lin_(?:api|oauth)_[A-Za-z0-9]{32,}/g),
  prefixed('notion_token', 'ntn_', '[A-Za-z0-9]{40,}'),
  prefixed('notion_legacy_token', 'secret_', '[A-Za-z0-9]{43}(?![A-Za-z0-9])'),
  rule('figma_token', 'fig', /(?<![A-Za-z0-9])fig[dou]_[A-Za-z0-9_-]{30,}/g),
  prefixed('airtable_token', 'pat', '[A-Za-z0-9]{14}\\.[a-f0-9]{64}'),
  rule('hubspot_token', 'pat-', /(?<![A-Za-z0-9])pat-(?:na|eu|ap)[0-9]{1,2}-[a-f0-9-]{36}/g),
  rule('sentry_token', 'sntry', /(?<![A-Za-z0-9])sntry[su]_[A-Za-z0-9+/=_-]{40,}/g),
  rule('grafana_token', 'gl', /(?<![A-Za-z0-9])gl(?:sa|c)_[A-Za-z0-9+/=_]{30,}/g),
  prefixed('new_relic_key', 'NRAK-', '[A-Z0-9]{27}'),
  rule('shopify_token', 'shp', /(?<![A-Za-z0-9])shp(?:at|ca|pa|ss|ua|tka)_[a-fA-F0-9]{32}/g),
  rule('square_token', 'sq0', /(?<![A-Za-z0-9])sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}/g),
  rule('square_access_token', 'EAAA', /(?<![A-Za-z0-9])EAAA[A-Za-z0-9_-]{60}(?![A-Za-z0-9_-])/g),
  rule('paypal_braintree_token', 'access_token$', /access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}/g),
  rule('mcp_orchestration_token', 'mcpo_', /(?<![A-Za-z0-9])mcpo_[a-z]{1,16}_[A-Za-z0-9]{40,}/g),
];

/** Shapes that belong to no vendor. They come last, so that a vendor's name wins where both match. */
const GENERAL: readonly SecretRule[] = [
  rule('private_key', 'PRIVATE KEY', /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----[^-]*/g),
  rule('jwt', 'eyJ', /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{10,}/g),
  rule('url_credentials', '://', /:\/\/[^\s/:@?#]{0,128}:([^\s/@?#]{1,256})@/g, (secret) => !isMask(secret)),
  rule('basic_credentials', 'asic ', /(?<![A-Za-z0-9])[Bb]asic {1,4}([A-Za-z0-9+/]{8,}={0,2})/g, isBasicCredentials),
  rule(
    'bearer_token',
    'earer ',
    /(?<![A-Za-z0-9])[Bb]earer {1,4}([A-Za-z0-9._~+/-]{8,}=*)/g,
    (secret) => hasDigitAndLetter(secret) && real(secret),
  ),
  {
    ...rule(
      'connection_string_password',
      '=',
      /(?<![A-Za-z0-9])(?:[Pp]assword|PASSWORD|[Pp]wd|PWD) ?= ?([^;\s"'\0]{4,256});/g,
      (secret) => !isMask(secret),
    ),
    hint: '(?:assword|ASSWORD|wd|WD) ?=',
  },
];

export const SECRET_RULES: readonly SecretRule[] = [
  ...SOURCE_AND_PACKAGES,
  ...CLOUDS,
  ...MODELS_AND_SEARCH,
  ...SERVICES,
  ...GENERAL,
];

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** Matches in every text that any rule matches in: one pass that spares ordinary text all the others. */
export const ANY_ANCHOR = new RegExp(
  [...new Set(SECRET_RULES.map((one) => one.hint ?? literally(one.anchor)))].join('|'),
);
