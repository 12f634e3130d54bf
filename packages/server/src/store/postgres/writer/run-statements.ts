/** The statements that change runs' rows and what hangs on them. */
import type { Statement } from '#store/postgres/connection'
import { factColumns } from '#store/postgres/rows'

const statement = (name: string, text: string): Statement => ({ name, text })

export const updateClaimed = statement(
  'claim run',
  'UPDATE runs SET state = $2, attempt = $3, node = $4, pid = $5, process_start = $6, parked = $7 WHERE n = $1',
)
export const updateRunning = statement(
  'mark running',
  'UPDATE runs SET state = $2, started_at = $3 WHERE n = $1',
)
export const parkRun = statement(
  'park run',
  'UPDATE runs SET parked = $2, node = $3, pid = $4, process_start = $5 WHERE n = $1',
)
export const updateUsage = statement('set usage', 'UPDATE details SET usage = $2 WHERE run = $1')
export const updateProcess = statement(
  'record process',
  'UPDATE runs SET pid = $2, process_start = $3 WHERE n = $1',
)
export const updateCause = statement('record cause', 'UPDATE runs SET cause = $2 WHERE n = $1')
export const updateFinished = statement(
  'finish run',
  'UPDATE runs SET state = $2, outcome = $3, closed = $4, finished_at = $5, cause = $6, parked = $7 WHERE n = $1',
)
export const updateDetails = statement(
  'set details',
  'UPDATE details SET result = $2, error = $3, usage = $4 WHERE run = $1',
)
export const addTally = statement(
  'add tally',
  `INSERT INTO tallies (kind, part, completed, failed, timed, duration_ms) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (kind, part) DO UPDATE SET completed = tallies.completed + excluded.completed,
      failed = tallies.failed + excluded.failed, timed = tallies.timed + excluded.timed,
      duration_ms = tallies.duration_ms + excluded.duration_ms`,
)

/** Of a new run. What the row does not say, the schema's defaults do. None returned: another run has one of its keys. */
export const insertRun = statement(
  'insert run',
  `INSERT INTO runs (id, kind, project, owner, state, attempt, created_at, started_at, lease_until, retry_of, resumes,
      fork_of, place, leased, idempotency_key, fingerprint)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $9::bigint IS NOT NULL, $14, $15)
    ON CONFLICT DO NOTHING RETURNING n`,
)
export const insertDetails = statement('insert details', 'INSERT INTO details (run, spec) VALUES ($1, $2)')
export const insertText = statement('insert text', 'INSERT INTO search (run, text) VALUES ($1, $2)')

/** What the rules ask about other runs when one is created. */
export const selectCreateFacts = statement(
  'facts of a creation',
  `SELECT (SELECT id FROM runs WHERE owner = $1 AND idempotency_key = $2) AS "keyId",
      (SELECT fingerprint FROM runs WHERE owner = $1 AND idempotency_key = $2) AS fingerprint,
      EXISTS (SELECT 1 FROM transcripts WHERE run = (SELECT n FROM runs WHERE id = $3)) AS "transcriptKept",
      EXISTS (SELECT 1 FROM runs WHERE place = $4 AND NOT closed) AS "placeTaken",
      (SELECT coalesce(sum(bytes), 0)::bigint FROM owner_bytes WHERE owner = $1) AS "ownerBytes",
      EXISTS (SELECT 1 FROM runs WHERE id = $5) AS "idTaken"`,
)
export const countActive = statement(
  'count active',
  `SELECT count(*) AS active FROM runs WHERE kind = $1 AND node = $2 AND state IN ('starting', 'running')`,
)
/** Held until the transaction is over: nodes that count a kind over all take turns. */
export const lockKind = statement('lock kind', 'SELECT pg_advisory_xact_lock(721635, hashtext($1))')
export const countActiveOfAll = statement(
  'count active of all',
  `SELECT count(*) AS active FROM runs WHERE kind = $1 AND state IN ('starting', 'running') AND node IS NOT NULL`,
)
/**
 * A run for the claim, with its details: one that is ready, as `isReady` of the rules has it, else one that waits. One that
 * another node is about to claim is passed over. The second part is looked for only when the first finds nothing.
 */
const claimable = (name: string, ready: string, waiting: string) =>
  statement(
    name,
    `SELECT c.*, details.spec, details.result, details.error, details.usage
      FROM (SELECT * FROM (${ready}) AS r UNION ALL SELECT * FROM (${waiting}) AS w LIMIT 1) AS c
        JOIN details ON details.run = c.n`,
  )

/** Of any project. */
export const selectClaimable = claimable(
  'claimable',
  `SELECT ${factColumns} FROM runs WHERE kind = $1 AND parked = 'ready' AND cause IS NULL ORDER BY n LIMIT 1
    FOR UPDATE SKIP LOCKED`,
  `SELECT ${factColumns} FROM runs WHERE kind = $1 AND state = 'queued' AND cause IS NULL ORDER BY n LIMIT 1
    FOR UPDATE SKIP LOCKED`,
)
/**
 * Of some projects, by the index `queue_of_project`: the first few of each, and of those the oldest. An array, so that each
 * candidate is looked up by its key. Whether it still waits is asked in words that no index of the queue has: where statistics
 * are old, the planner would take that index and walk through every run that waits for others.
 */
export const selectClaimableOf = claimable(
  'claimable of projects',
  `SELECT ${factColumns} FROM runs WHERE kind = $1 AND parked = 'ready' AND cause IS NULL
    AND coalesce(project, '') = ANY ($2::text[]) ORDER BY n LIMIT 1 FOR UPDATE SKIP LOCKED`,
  `SELECT ${factColumns} FROM runs WHERE n = ANY (ARRAY(
      SELECT r.n FROM unnest($2::text[]) AS p (project), LATERAL (
        SELECT n FROM runs
        WHERE kind = $1 AND coalesce(project, '') = p.project AND state = 'queued' AND cause IS NULL
        ORDER BY n + 0 LIMIT 4) AS r
      ORDER BY r.n LIMIT 32))
    AND coalesce(state, '') = 'queued' AND coalesce(cause, '') = '' ORDER BY n + 0 LIMIT 1 FOR UPDATE SKIP LOCKED`,
)

export const insertEntries = statement(
  'insert entries',
  `INSERT INTO transcripts (run, conversation, subpath, json)
    SELECT $1::bigint, x.conversation, x.subpath, x.json
    FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS x (conversation, subpath, json, o) ORDER BY o`,
)
export const copyEntries = statement(
  'copy entries',
  `INSERT INTO transcripts (run, conversation, subpath, json)
    SELECT $2::bigint, conversation, subpath, json FROM transcripts
    WHERE run = (SELECT n FROM runs WHERE id = $1::uuid) ORDER BY n LIMIT $3::bigint`,
)
export const selectEntryBytes = statement(
  'bytes of entries',
  `SELECT coalesce(sum(octet_length(json)), 0)::bigint AS bytes FROM transcripts WHERE run = $1`,
)

export const insertApproval = statement(
  'insert approval',
  'INSERT INTO approvals (run, id, expires_at, call) VALUES ($1, $2, $3, $4)',
)
export const updateApproval = statement(
  'answer approval',
  'UPDATE approvals SET answer = $3 WHERE run = $1 AND id = $2',
)

export const putProducer = statement(
  'put producer',
  `INSERT INTO producers (run, producer, epoch, next) VALUES ($1, $2, $3, $4)
    ON CONFLICT (run, producer) DO UPDATE SET epoch = excluded.epoch, next = excluded.next`,
)
export const addProduced = statement(
  'add produced',
  'INSERT INTO producer_batches VALUES ($1, $2, $3, $4, $5)',
)
export const forgetProduced = statement(
  'forget produced',
  'DELETE FROM producer_batches WHERE run = $1 AND producer = $2',
)
export const renewLease = statement(
  'renew lease',
  'UPDATE runs SET lease_until = $2, leased = true WHERE n = $1',
)
