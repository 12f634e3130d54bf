/**
 * The schema, as numbered steps. A step that was released is never changed: a change is a new step.
 * `PRAGMA user_version` is the number of the last step taken.
 */
import type { DatabaseSync } from 'node:sqlite'
import { searchText } from '#store/rules/search'

export interface Migration {
  id: number
  sql: string
}

export const migrations: readonly Migration[] = [
  {
    id: 1,
    // runs: one small row per run, rewritten by every append; large values live in details.
    // batches: events as text, many to a row. An ordinary table with an index beside it: keyed by run
    // (WITHOUT ROWID) the same load of 200 runs wrote less than half as many events a second.
    // tallies: counts of the runs that are over, kept in the transactions that end them.
    sql: `
      CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

      CREATE TABLE runs (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        project TEXT,
        owner TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued',
        closed INTEGER NOT NULL DEFAULT 0,
        attempt INTEGER NOT NULL DEFAULT 0,
        head INTEGER NOT NULL DEFAULT 0,
        first_seq INTEGER NOT NULL DEFAULT 1,
        created_at INTEGER NOT NULL,
        started_at INTEGER,
        finished_at INTEGER,
        retry_of TEXT,
        resumes TEXT,
        cause TEXT,
        node TEXT,
        pid INTEGER,
        process_start INTEGER,
        idempotency_key TEXT,
        fingerprint TEXT
      ) STRICT;
      CREATE UNIQUE INDEX one_open_session_a_project ON runs (project) WHERE kind = 'session' AND closed = 0;
      CREATE UNIQUE INDEX idempotency ON runs (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
      CREATE INDEX queue ON runs (kind, n) WHERE state = 'queued';
      CREATE INDEX active ON runs (kind, n) WHERE state IN ('starting', 'running');
      CREATE INDEX runs_of_owner ON runs (owner, n);
      CREATE INDEX runs_of_project ON runs (project, n);

      CREATE TABLE details (
        run INTEGER PRIMARY KEY,
        spec TEXT NOT NULL,
        result TEXT,
        error TEXT,
        usage TEXT
      ) STRICT;

      CREATE TABLE batches (
        run INTEGER NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        json_bytes INTEGER NOT NULL,
        body TEXT NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX batches_of_run ON batches (run, last_seq);

      CREATE TABLE tallies (
        kind TEXT PRIMARY KEY,
        completed INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        timed INTEGER NOT NULL DEFAULT 0,
        duration_ms INTEGER NOT NULL DEFAULT 0
      ) STRICT;
    `,
  },
  {
    id: 2,
    // Secrets are stored as hashes: a reader of this file can present none of them.
    sql: `
      CREATE TABLE credentials (
        hash TEXT PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        user TEXT NOT NULL,
        admin INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        revoked_at INTEGER,
        used_at INTEGER,
        parent TEXT,
        path TEXT
      ) STRICT;
      CREATE INDEX credentials_of_parent ON credentials (parent) WHERE parent IS NOT NULL;
      CREATE INDEX credentials_by_expiry ON credentials (expires_at) WHERE expires_at IS NOT NULL;
    `,
  },
  {
    id: 3,
    // Logs, or beginnings of logs, that can no longer be read and whose rows are deleted little by little.
    sql: 'CREATE TABLE discarded (run INTEGER PRIMARY KEY, through INTEGER NOT NULL) STRICT;',
  },
  {
    id: 4,
    // approvals: `answer` is the data of the event that resolved the question, null while it is open.
    // transcripts: one row per entry, in the order of their keys.
    sql: `
      CREATE TABLE approvals (
        n INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        id TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        answer TEXT
      ) STRICT;
      CREATE UNIQUE INDEX approvals_of_run ON approvals (run, id);
      CREATE INDEX open_approvals ON approvals (run) WHERE answer IS NULL;

      CREATE TABLE transcripts (
        n INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        conversation TEXT NOT NULL,
        subpath TEXT NOT NULL,
        json TEXT NOT NULL
      ) STRICT;
      CREATE INDEX transcripts_of_run ON transcripts (run);
    `,
  },
  {
    id: 5,
    // The caller says which runs exclude each other in a project; until this step the kind `session` did.
    sql: `
      ALTER TABLE runs ADD COLUMN exclusive INTEGER NOT NULL DEFAULT 0;
      UPDATE runs SET exclusive = 1 WHERE kind = 'session';
      DROP INDEX one_open_session_a_project;
      CREATE UNIQUE INDEX one_open_exclusive_run_a_project ON runs (project)
        WHERE exclusive = 1 AND closed = 0;
    `,
  },
  {
    id: 6,
    // Runs that a program outside the server works on. producer_batches: the answer to each batch of the
    // producer's epoch.
    sql: `
      ALTER TABLE runs ADD COLUMN lease_until INTEGER;
      CREATE INDEX leases ON runs (lease_until) WHERE lease_until IS NOT NULL AND closed = 0;
      CREATE TABLE producers (
        run INTEGER NOT NULL,
        producer TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        next INTEGER NOT NULL,
        PRIMARY KEY (run, producer)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE producer_batches (
        run INTEGER NOT NULL,
        producer TEXT NOT NULL,
        seq INTEGER NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        PRIMARY KEY (run, producer, seq)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    id: 7,
    // outcome: as `outcomeOf` of the protocol, also for the runs that are over. search: by what a run is found,
    // apart from the details, whose rows may be large: a search reads these texts one after the other.
    sql: `
      ALTER TABLE runs ADD COLUMN outcome TEXT;
      UPDATE runs SET outcome = CASE
        WHEN state IN ('aborted', 'interrupted') THEN state
        WHEN state = 'errored' THEN 'failure'
        WHEN kind = 'job' AND (SELECT json_extract(result, '$.success') FROM details WHERE run = n) IS NOT 1
          THEN 'failure'
        ELSE 'success' END
        WHERE state IN ('completed', 'errored', 'aborted', 'interrupted');
      CREATE INDEX runs_by_outcome ON runs (outcome, n) WHERE outcome IS NOT NULL;
      CREATE INDEX runs_of_owner_by_outcome ON runs (owner, outcome, n) WHERE outcome IS NOT NULL;

      CREATE TABLE search (run INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
      INSERT INTO search SELECT run, search_text(id, spec) FROM details JOIN runs ON n = run;
    `,
  },
  {
    id: 8,
    // What people say to the agents of runs, and whether a run still takes messages.
    sql: `
      ALTER TABLE runs ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE messages (
        n INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        id TEXT NOT NULL,
        mode TEXT NOT NULL,
        text TEXT NOT NULL,
        user TEXT NOT NULL,
        at INTEGER NOT NULL,
        state TEXT NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX messages_of_run ON messages (run, id);
      CREATE INDEX undelivered_messages ON messages (run, n) WHERE state IN ('waiting', 'taken');
    `,
  },
  {
    id: 9,
    // place: what an exclusive run has to itself, its project or a worktree of it. fork_of: as `Run.forkOf`.
    sql: `
      ALTER TABLE runs ADD COLUMN place TEXT;
      UPDATE runs SET place = project WHERE exclusive = 1;
      DROP INDEX one_open_exclusive_run_a_project;
      ALTER TABLE runs DROP COLUMN exclusive;
      CREATE UNIQUE INDEX one_open_run_a_place ON runs (place) WHERE place IS NOT NULL AND closed = 0;
      ALTER TABLE runs ADD COLUMN fork_of TEXT;
    `,
  },
  {
    id: 10,
    // What each run takes (`rules/room.ts`), and all runs of an owner together.
    sql: `
      ALTER TABLE runs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
      UPDATE runs SET bytes = 1024
        + coalesce((SELECT octet_length(spec) + coalesce(octet_length(result), 0)
          + coalesce(octet_length(error), 0) + coalesce(octet_length(usage), 0) FROM details WHERE run = n), 0)
        + (SELECT coalesce(sum(octet_length(body)), 0) FROM batches WHERE run = runs.n)
        + (SELECT coalesce(sum(octet_length(json)), 0) FROM transcripts WHERE run = runs.n)
        + (SELECT coalesce(sum(octet_length(answer)), 0) FROM approvals WHERE run = runs.n)
        + (SELECT coalesce(sum(octet_length(text)), 0) FROM messages WHERE run = runs.n)
        + (SELECT 64 * count(*) FROM producer_batches WHERE run = runs.n);
      CREATE TABLE owner_bytes (owner TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      INSERT INTO owner_bytes SELECT owner, sum(bytes) FROM runs GROUP BY owner;
    `,
  },
  {
    id: 11,
    // Runs that need no process while people think, and the call that a question is about.
    sql: `
      ALTER TABLE runs ADD COLUMN parked TEXT;
      CREATE INDEX parked ON runs (kind, parked, n) WHERE parked IS NOT NULL;
      ALTER TABLE approvals ADD COLUMN call TEXT;
      CREATE INDEX approvals_by_expiry ON approvals (expires_at) WHERE answer IS NULL;
    `,
  },
  {
    id: 12,
    // What messages bring along. What it contains is apart, since the row of a message is written each time its state changes.
    sql: `
      ALTER TABLE messages ADD COLUMN attachments TEXT;
      CREATE TABLE attachments (
        run INTEGER NOT NULL,
        message TEXT NOT NULL,
        contents TEXT NOT NULL,
        PRIMARY KEY (run, message)
      ) STRICT;
    `,
  },
  {
    id: 13,
    // What attachments contain is kept until their message is delivered, withdrawn or carried; before, it was kept with the run.
    sql: `
      CREATE TEMP TABLE settled AS
        SELECT a.run, a.message, octet_length(a.contents) AS bytes FROM attachments a
          JOIN messages m ON m.run = a.run AND m.id = a.message WHERE m.state NOT IN ('waiting', 'taken');
      UPDATE owner_bytes SET bytes = bytes -
        (SELECT sum(settled.bytes) FROM settled JOIN runs ON runs.n = settled.run WHERE runs.owner = owner_bytes.owner)
        WHERE owner IN (SELECT owner FROM runs WHERE n IN (SELECT run FROM settled));
      UPDATE runs SET bytes = bytes - (SELECT sum(settled.bytes) FROM settled WHERE settled.run = runs.n)
        WHERE n IN (SELECT run FROM settled);
      DELETE FROM attachments WHERE (run, message) IN (SELECT run, message FROM settled);
      DROP TABLE settled;
    `,
  },
]

/** Brings a database to the newest schema; refuses one that is newer than `steps`. */
export function migrate(db: DatabaseSync, steps: readonly Migration[] = migrations): void {
  const newest = steps.at(-1)?.id ?? 0
  const current = Number(db.prepare('PRAGMA user_version').get()?.user_version ?? 0)
  if (current > newest) {
    throw new Error(
      `the database was written by a newer version of Millrace (schema ${current}; this version knows schemas up to ${newest})`,
    )
  }
  db.function('search_text', { deterministic: true }, (id, spec) =>
    searchText({ id: String(id), spec: String(spec) }),
  )
  for (const step of steps) {
    if (step.id <= current) continue
    db.exec('BEGIN IMMEDIATE')
    try {
      db.exec(step.sql)
      db.exec(`PRAGMA user_version = ${step.id}`)
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
}
