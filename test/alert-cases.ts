/** Series as promtool writes them: `0+3x60` begins with 0 and grows by 3 every minute, sixty times. */
type Series = Readonly<Record<string, string>>;

/** What has to make an alert fire, and what just not. Both are looked at after the same time. */
export interface AlertCase {
  alert: string;
  /** It is about all jobs at once. */
  of_all_jobs?: true;
  at: string;
  fires: Series;
  silent: Series;
}

const A = 'job="mcp-orchestration",instance="a:8000"';
const B = 'job="mcp-orchestration",instance="b:8000"';
const of = (name: string, labels = '', where = A) => `${name}{${where}${labels === '' ? '' : `,${labels}`}}`;
const own = (name: string, labels = '', where = A) => of(`mcp_orchestration_${name}`, labels, where);

const requests = (method: string, route: string, status: string) =>
  own('http_request_duration_seconds_count', `method="${method}",route="${route}",status="${status}"`);
const CONFIG = '/v1/config/:client_id/:profile_id';
/** Good reads and bad ones of each minute, for so many minutes. */
const reads = (good: number, bad: number, times: number): Series => ({
  [requests('GET', CONFIG, '2xx')]: `0+${good}x${times}`,
  [requests('GET', CONFIG, '5xx')]: `0+${bad}x${times}`,
});
/** 100 requests of each minute, so many of them within the bound. */
const within = (route: string, bound: string, fast: number): Series =>
  Object.fromEntries(
    [
      [bound, fast],
      ['1', 100],
      ['+Inf', 100],
    ].map(([le, count]) => [
      own('http_request_duration_seconds_bucket', `method="GET",route="${route}",status="2xx",le="${le}"`),
      `0+${count}x30`,
    ]),
  );
const transactions = (fast: number): Series =>
  Object.fromEntries(
    [
      ['1', fast],
      ['2.5', 1000],
      ['+Inf', 1000],
    ].map(([le, count]) => [
      own('store_transaction_duration_seconds_bucket', `outcome="commit",le="${le}"`),
      `0+${count}x30`,
    ]),
  );
const ready = (reason: string, value: number): Series => ({ [own('not_ready', `reason="${reason}"`)]: `${value}x10` });
const disk = (free: string): Series => ({
  [own('disk_free_bytes')]: free,
  [own('disk_size_bytes')]: '100000000000x60',
});
const DAY = 86_400;
const expires = (days: number): Series => ({
  [own('pointer_soonest_expiry_timestamp_seconds')]: `${days * DAY}x120`,
});
const publishes = (outcome: string, counts: string): Series => ({
  [own('operation_duration_seconds_count', `operation="releases.publish",door="rest",outcome="${outcome}"`)]: counts,
});
const both = (name: string, label: string, values: readonly [string, string], minutes: number): Series => ({
  [own(name, `${label}="${values[0]}"`)]: `1x${minutes}`,
  [own(name, `${label}="${values[1]}"`, B)]: `1x${minutes}`,
});

export const ALERT_CASES: readonly AlertCase[] = [
  { alert: 'McpOrchestrationDown', at: '5m', fires: { [of('up')]: '1 1 0x8' }, silent: { [of('up')]: '1 1 1 0 1x8' } },
  {
    alert: 'McpOrchestrationNotScraped',
    of_all_jobs: true,
    at: '15m',
    fires: { 'up{job="other"}': '1x20' },
    silent: { [of('up')]: '0x20' },
  },
  {
    alert: 'McpOrchestrationNotReady',
    at: '5m',
    fires: { [own('ready')]: '1 1 0x8' },
    silent: { [own('ready')]: '1 0 1x8' },
  },
  {
    alert: 'McpOrchestrationStoreUnavailable',
    at: '5m',
    fires: ready('store_locked', 1),
    silent: { ...ready('store_locked', 0), ...ready('keys_missing', 1) },
  },
  {
    alert: 'McpOrchestrationStoreErrors',
    at: '8m',
    fires: { [own('store_errors_total', 'reason="disk_full"')]: '0 0 0 1x10' },
    silent: { [own('store_errors_total', 'reason="disk_full"')]: '7x12' },
  },
  {
    alert: 'McpOrchestrationRestarting',
    at: '25m',
    fires: { [of('process_start_time_seconds')]: '0+60x30' },
    silent: { [of('process_start_time_seconds')]: '60x10 1200x10 1500x10' },
  },
  // Fourteen times what is allowed is too much in an hour, six times in six hours; a single one among few wakes nobody.
  { alert: 'McpOrchestrationReadErrorsFast', at: '30m', fires: reads(98, 2, 40), silent: reads(995, 5, 40) },
  { alert: 'McpOrchestrationReadErrorsFast', at: '30m', fires: reads(993, 7, 40), silent: reads(995, 5, 40) },
  {
    alert: 'McpOrchestrationReadErrorsFast',
    at: '30m',
    fires: reads(0, 1, 40),
    silent: {
      [requests('GET', CONFIG, '2xx')]: '0+1x40',
      [requests('GET', CONFIG, '5xx')]: '0x20 1x20',
    },
  },
  { alert: 'McpOrchestrationReadErrorsSlow', at: '70m', fires: reads(996, 4, 80), silent: reads(9995, 5, 80) },
  {
    alert: 'McpOrchestrationWriteErrors',
    at: '25m',
    fires: { [requests('PUT', CONFIG, '2xx')]: '0+95x30', [requests('PUT', CONFIG, '5xx')]: '0+5x30' },
    silent: { [requests('PUT', CONFIG, '2xx')]: '0+995x30', [requests('PUT', CONFIG, '5xx')]: '0+5x30' },
  },
  {
    alert: 'McpOrchestrationRetrievalSlow',
    at: '20m',
    fires: within(CONFIG, '0.3', 90),
    silent: { ...within(CONFIG, '0.3', 96), ...within('/v1/clients', '0.3', 1) },
  },
  {
    alert: 'McpOrchestrationDiscoverySlow',
    at: '20m',
    fires: within('/v1/clients', '0.2', 90),
    silent: { ...within('/v1/clients', '0.2', 96), ...within(CONFIG, '0.2', 1) },
  },
  {
    alert: 'McpOrchestrationPublishFailing',
    at: '8m',
    fires: publishes('WRITE_FAILED', '0 0 0 1x10'),
    silent: publishes('VALIDATION_FAILED', '0 0 0 1x10'),
  },
  // The first of its kind begins with 1; half an hour later that is no news.
  {
    alert: 'McpOrchestrationPublishFailing',
    at: '35m',
    fires: publishes('UNAVAILABLE', '_x25 1x20'),
    silent: publishes('UNAVAILABLE', '_x5 1x40'),
  },
  {
    alert: 'McpOrchestrationStoreBusy',
    at: '20m',
    fires: { [own('store_busy_retries_total')]: '0+1300x30' },
    silent: { [own('store_busy_retries_total')]: '0+1100x30' },
  },
  { alert: 'McpOrchestrationStoreSlow', at: '20m', fires: transactions(980), silent: transactions(995) },
  {
    alert: 'McpOrchestrationDiskFilling',
    at: '20m',
    fires: disk('9000000000x30'),
    silent: disk('11000000000x30'),
  },
  // 100 MB a minute are more than half of it in a day; 10 MB are not.
  {
    alert: 'McpOrchestrationDiskFilling',
    at: '40m',
    fires: disk('90000000000-100000000x50'),
    silent: disk('90000000000-10000000x50'),
  },
  { alert: 'McpOrchestrationDiskFull', at: '5m', fires: disk('60000000x10'), silent: disk('70000000x10') },
  { alert: 'McpOrchestrationDiskFull', at: '5m', fires: ready('disk_full', 1), silent: ready('store_locked', 1) },
  {
    alert: 'McpOrchestrationEventLoopLag',
    at: '10m',
    fires: { [of('nodejs_eventloop_lag_p99_seconds')]: '0.25x15' },
    silent: { [of('nodejs_eventloop_lag_p99_seconds')]: '0.15x15' },
  },
  {
    alert: 'McpOrchestrationFilesRunOut',
    at: '15m',
    fires: { [of('process_open_fds')]: '850x20', [of('process_max_fds')]: '1024x20' },
    silent: { [of('process_open_fds')]: '800x20', [of('process_max_fds')]: '1024x20' },
  },
  {
    alert: 'McpOrchestrationStreamsFull',
    at: '10m',
    fires: { [own('event_stream_subscribers')]: '1900x15' },
    silent: { [own('event_stream_subscribers')]: '1700x15' },
  },
  {
    alert: 'McpOrchestrationWebhooksLate',
    at: '30m',
    fires: { [own('webhook_oldest_pending_seconds')]: '0+60x40' },
    silent: { [own('webhook_oldest_pending_seconds')]: '0+60x10 0+60x10 0+60x10' },
  },
  {
    alert: 'McpOrchestrationWebhooksParked',
    at: '70m',
    fires: { [own('webhook_deliveries', 'status="parked"')]: '3x60 4x30' },
    silent: { [own('webhook_deliveries', 'status="parked"')]: '3x90' },
  },
  // The clock of these tests begins at 0.
  { alert: 'McpOrchestrationPointersNotRenewed', at: '65m', fires: expires(9), silent: expires(11) },
  { alert: 'McpOrchestrationPointersExpire', at: '15m', fires: expires(1), silent: expires(3) },
  {
    alert: 'McpOrchestrationSigningKeyUnusable',
    at: '5m',
    fires: ready('keys_missing', 1),
    silent: ready('store_locked', 1),
  },
  {
    alert: 'McpOrchestrationSigningKeysDiffer',
    at: '15m',
    fires: both('signing_key_info', 'key_id', ['aa', 'bb'], 20),
    silent: both('signing_key_info', 'key_id', ['aa', 'aa'], 20),
  },
  {
    alert: 'McpOrchestrationVersionsDiffer',
    at: '70m',
    fires: both('build_info', 'version', ['0.4.0', '0.3.1'], 80),
    silent: both('build_info', 'version', ['0.4.0', '0.4.0'], 80),
  },
  {
    alert: 'McpOrchestrationClockWrong',
    at: '10m',
    fires: { [own('clock_seconds')]: '40+60x15' },
    silent: { [own('clock_seconds')]: '-20+60x15' },
  },
  {
    alert: 'McpOrchestrationDriftUnanswered',
    at: '70m',
    fires: { [own('drifting_profiles')]: '1x80' },
    silent: { [own('drifting_profiles')]: '1x30 0x50' },
  },
];

/**
 * The file that `promtool test rules` takes; JSON is YAML. Each case has a job of its own: so all of them are one test, and
 * a rule that mixes jobs is noticed.
 */
export function promtoolTests(rule_files: readonly string[]): string {
  const together = { interval: '1m', input_series: [] as object[], promql_expr_test: [] as object[] };
  const alone: object[] = [];
  for (const [at, one] of ALERT_CASES.entries())
    for (const [kind, fires] of [
      ['fires', true],
      ['silent', false],
    ] as const) {
      const job = `mcp-orchestration-${at}-${kind}`;
      const input_series = seriesOf(one[kind], job);
      if (one.of_all_jobs) alone.push({ interval: '1m', input_series, promql_expr_test: [lookAt(one, '', fires)] });
      else {
        together.input_series.push(...input_series);
        together.promql_expr_test.push(lookAt(one, `,job="${job}"`, fires));
      }
    }
  return JSON.stringify({ rule_files, evaluation_interval: '1m', tests: [together, ...alone] });
}

const seriesOf = (series: Series, job: string) =>
  Object.entries(series).map(([name, values]) => ({ series: name.replace('"mcp-orchestration"', `"${job}"`), values }));

const lookAt = ({ alert, at }: AlertCase, more: string, fires: boolean) => ({
  expr: `count(ALERTS{alertname="${alert}",alertstate="firing"${more}}) > bool 0 or vector(0)`,
  eval_time: at,
  exp_samples: [{ labels: '{}', value: fires ? 1 : 0 }],
});
