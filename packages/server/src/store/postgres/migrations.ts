/**
 * The schema, as numbered steps. A step that was released is never changed: a change is a new step. The entry
 * `schema` of `meta` is the number of the last step taken.
 *
 * Nodes of the version before continue beside a node that has taken a step: it takes nothing away that they write, and every column
 * that it adds has a default. What is no longer used is dropped a version later. (Steps 1 to 5 are older than the first version.)
 *
 * All steps that are missing are one transaction under a lock that nodes take in turn: of several that start at once one
 * takes the steps, and the others find them taken.
 */
import type { Client } from './connection.ts'

export interface Migration {
  id: number
  sql: string
}

/** Any number, the same for every version: it keeps other nodes waiting. */
const lockKey = 7_216_352_104

export const migrations: readonly Migration[] = [
  {
    id: 1,
    // runs: one small row a run, rewritten by every append: half of each page stays free, and no index has `head`, so that a
    // new version of the row stays on its page (HOT). Nor has one `lease_until`, which every batch of a producer renews; `leased` stands for it.
    // Large values live in details, the text of a search in search.
    // batches: events as text, many to a row; writer and flush tell what a node's flush wrote, should its answer get lost.
    // runs: node is the one that works on it; adopted_from the one that did before, and died.
    // nodes: last_flush is the number of the newest flush that a node has committed (`writer/writing.ts`).
    // tallies: counts of the runs that are over, in parts, so that nodes that end runs seldom wait for each other.
    sql: `
      CREATE TABLE nodes (
        n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL UNIQUE,
        home text NOT NULL,
        machine text NOT NULL,
        lease_until timestamptz NOT NULL,
        dead boolean NOT NULL DEFAULT false,
        last_flush bigint NOT NULL DEFAULT 0
      ) WITH (fillfactor = 20);

      CREATE TABLE runs (
        n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id uuid NOT NULL UNIQUE,
        kind text NOT NULL,
        project text,
        owner text NOT NULL,
        state text NOT NULL,
        outcome text,
        closed boolean NOT NULL DEFAULT false,
        attempt integer NOT NULL,
        head bigint NOT NULL DEFAULT 0,
        first_seq bigint NOT NULL DEFAULT 1,
        created_at bigint NOT NULL,
        started_at bigint,
        finished_at bigint,
        lease_until bigint,
        retry_of uuid,
        resumes uuid,
        cause text,
        sealed boolean NOT NULL DEFAULT false,
        node text,
        adopted_from text,
        pid integer,
        process_start bigint,
        exclusive boolean NOT NULL,
        leased boolean NOT NULL,
        idempotency_key text,
        fingerprint text
      ) WITH (fillfactor = 50);
      CREATE UNIQUE INDEX one_open_exclusive_run_a_project ON runs (project) WHERE exclusive AND NOT closed;
      CREATE UNIQUE INDEX idempotency ON runs (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
      CREATE INDEX queue ON runs (kind, n) WHERE state = 'queued' AND cause IS NULL;
      CREATE INDEX cancelled ON runs (n) WHERE state = 'queued' AND cause IS NOT NULL;
      CREATE INDEX active ON runs (node, kind) WHERE state IN ('starting', 'running');
      CREATE INDEX adopted ON runs (adopted_from) WHERE adopted_from IS NOT NULL;
      CREATE INDEX counted ON runs (kind, state) WHERE NOT closed;
      CREATE INDEX runs_of_owner ON runs (owner, n);
      CREATE INDEX runs_of_project ON runs (project, n);
      CREATE INDEX runs_by_outcome ON runs (outcome, n) WHERE outcome IS NOT NULL;
      CREATE INDEX runs_of_owner_by_outcome ON runs (owner, outcome, n) WHERE outcome IS NOT NULL;
      CREATE INDEX leased ON runs (n) WHERE leased AND NOT closed;

      CREATE TABLE details (
        run bigint PRIMARY KEY,
        spec text NOT NULL,
        result text,
        error text,
        usage text
      );
      CREATE TABLE search (run bigint PRIMARY KEY, text text NOT NULL);

      CREATE TABLE batches (
        run bigint NOT NULL,
        last_seq bigint NOT NULL,
        first_seq bigint NOT NULL,
        flush bigint NOT NULL,
        writer integer NOT NULL,
        json_bytes integer NOT NULL,
        body text NOT NULL,
        PRIMARY KEY (run, last_seq)
      );

      CREATE TABLE tallies (
        kind text NOT NULL,
        part integer NOT NULL,
        completed bigint NOT NULL,
        failed bigint NOT NULL,
        timed bigint NOT NULL,
        duration_ms bigint NOT NULL,
        PRIMARY KEY (kind, part)
      ) WITH (fillfactor = 50);

      CREATE TABLE approvals (
        n bigint GENERATED ALWAYS AS IDENTITY,
        run bigint NOT NULL,
        id text NOT NULL,
        expires_at bigint NOT NULL,
        answer text,
        PRIMARY KEY (run, id)
      );
      CREATE INDEX open_approvals ON approvals (run, n) WHERE answer IS NULL;

      CREATE TABLE transcripts (
        n bigint GENERATED ALWAYS AS IDENTITY,
        run bigint NOT NULL,
        conversation text NOT NULL,
        subpath text NOT NULL,
        json text NOT NULL,
        PRIMARY KEY (run, n)
      );

      CREATE TABLE messages (
        n bigint GENERATED ALWAYS AS IDENTITY,
        run bigint NOT NULL,
        id text NOT NULL,
        mode text NOT NULL,
        text text NOT NULL,
        "user" text NOT NULL,
        at bigint NOT NULL,
        state text NOT NULL,
        PRIMARY KEY (run, id)
      );
      CREATE INDEX undelivered_messages ON messages (run, n) WHERE state IN ('waiting', 'taken');

      CREATE TABLE producers (
        run bigint NOT NULL,
        producer text NOT NULL,
        epoch bigint NOT NULL,
        next bigint NOT NULL,
        PRIMARY KEY (run, producer)
      ) WITH (fillfactor = 70);
      CREATE TABLE producer_batches (
        run bigint NOT NULL,
        producer text NOT NULL,
        seq bigint NOT NULL,
        first_seq bigint NOT NULL,
        last_seq bigint NOT NULL,
        PRIMARY KEY (run, producer, seq)
      );

      CREATE TABLE credentials (
        hash text PRIMARY KEY,
        id text NOT NULL UNIQUE,
        kind text NOT NULL,
        "user" text NOT NULL,
        admin boolean NOT NULL,
        created_at bigint NOT NULL,
        expires_at bigint,
        revoked_at bigint,
        used_at bigint,
        parent text,
        path text
      );
      CREATE INDEX credentials_of_parent ON credentials (parent) WHERE parent IS NOT NULL;
      CREATE INDEX credentials_by_expiry ON credentials (expires_at) WHERE expires_at IS NOT NULL;

      CREATE TABLE discarded (run bigint PRIMARY KEY, through bigint NOT NULL);
    `,
  },
  {
    id: 2,
    // place: what an exclusive run has to itself, its project or a worktree of it. fork_of: as `Run.forkOf`.
    sql: `
      ALTER TABLE runs ADD COLUMN place text, ADD COLUMN fork_of uuid;
      UPDATE runs SET place = project WHERE exclusive AND NOT closed;
      ALTER TABLE runs DROP COLUMN exclusive;
      CREATE UNIQUE INDEX one_open_run_a_place ON runs (place) WHERE place IS NOT NULL AND NOT closed;
    `,
  },
  {
    id: 3,
    // What nodes say to each other and count together need not outlive a crash of the server: no write-ahead log.
    // letters: those that are too long for a notification, for a minute.
    // queue_of_project: the queue of a run is its project's. A sum, so that only this index has the order: with the bare column the
    // planner walks the primary key, through every run that waits for other nodes.
    sql: `
      ALTER TABLE nodes ADD COLUMN announced text;
      CREATE UNLOGGED TABLE letters (
        n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        sent_at timestamptz NOT NULL,
        text text NOT NULL
      );
      CREATE UNLOGGED TABLE counts (
        name text PRIMARY KEY,
        count integer NOT NULL,
        until timestamptz NOT NULL
      );
      CREATE INDEX counts_by_end ON counts (until);
      CREATE INDEX queue_of_project ON runs (kind, (coalesce(project, '')), (n + 0))
        WHERE state = 'queued' AND cause IS NULL;
    `,
  },
  {
    id: 4,
    // What each run takes (`rules/room.ts`), and all runs of an owner together: in parts, as the tallies, so that nodes that
    // append to runs of one owner do not wait for each other. A part may be negative; the sum of an owner is not.
    sql: `
      ALTER TABLE runs ADD COLUMN bytes bigint NOT NULL DEFAULT 0;
      UPDATE runs SET bytes = 1024
        + coalesce((SELECT octet_length(spec) + coalesce(octet_length(result), 0)
          + coalesce(octet_length(error), 0) + coalesce(octet_length(usage), 0) FROM details WHERE run = n), 0)
        + (SELECT coalesce(sum(octet_length(body)), 0) FROM batches WHERE run = runs.n)
        + (SELECT coalesce(sum(octet_length(json)), 0) FROM transcripts WHERE run = runs.n)
        + (SELECT coalesce(sum(octet_length(answer)), 0) FROM approvals WHERE run = runs.n)
        + (SELECT coalesce(sum(octet_length(text)), 0) FROM messages WHERE run = runs.n)
        + (SELECT 64 * count(*) FROM producer_batches WHERE run = runs.n);
      CREATE TABLE owner_bytes (
        owner text NOT NULL,
        part integer NOT NULL,
        bytes bigint NOT NULL,
        PRIMARY KEY (owner, part)
      ) WITH (fillfactor = 50);
      INSERT INTO owner_bytes SELECT owner, 0, sum(bytes) FROM runs GROUP BY owner;
    `,
  },
  {
    id: 5,
    // Runs that need no process while people think, and the call that a question is about.
    sql: `
      ALTER TABLE runs ADD COLUMN parked text;
      CREATE INDEX parked ON runs (kind, parked, n) WHERE parked IS NOT NULL;
      ALTER TABLE approvals ADD COLUMN call text;
      CREATE INDEX approvals_by_expiry ON approvals (expires_at) WHERE answer IS NULL;
    `,
  },
  {
    id: 6,
    // What messages bring along. What it contains is apart, since all undelivered messages of a run are read when it is written.
    sql: `
      ALTER TABLE messages ADD COLUMN attachments text;
      CREATE TABLE attachments (
        run bigint NOT NULL,
        message text NOT NULL,
        contents text NOT NULL,
        PRIMARY KEY (run, message)
      );
    `,
  },
  {
    id: 7,
    // What attachments contain is kept until their message is delivered, withdrawn or carried; before, it was kept with the run.
    sql: `
      WITH settled AS (
        DELETE FROM attachments a USING messages m
          WHERE m.run = a.run AND m.id = a.message AND m.state NOT IN ('waiting', 'taken')
          RETURNING a.run, octet_length(a.contents) AS bytes
      ), of_runs AS (
        SELECT run, sum(bytes) AS bytes FROM settled GROUP BY run
      ), shrunk AS (
        UPDATE runs SET bytes = runs.bytes - of_runs.bytes FROM of_runs WHERE runs.n = of_runs.run
          RETURNING runs.owner, of_runs.bytes
      )
      INSERT INTO owner_bytes AS o (owner, part, bytes) SELECT owner, 0, -sum(bytes) FROM shrunk GROUP BY owner
        ON CONFLICT (owner, part) DO UPDATE SET bytes = o.bytes + excluded.bytes;
    `,
  },
]

/** Brings a database to the newest schema; refuses one that is newer than `steps`. */
export async function migrate(client: Client, steps: readonly Migration[] = migrations): Promise<void> {
  const newest = steps.at(-1)?.id ?? 0
  await client.query('BEGIN')
  try {
    await client.query(`SELECT pg_advisory_xact_lock(${lockKey})`)
    await client.query('CREATE TABLE IF NOT EXISTS meta (key text PRIMARY KEY, value text NOT NULL)')
    const { rows } = await client.query(`SELECT value FROM meta WHERE key = 'schema'`)
    const current = Number(rows[0]?.value ?? 0)
    if (current > newest) {
      throw new Error(
        `the database was written by a newer version of Millrace (schema ${current}; this version knows schemas up to ${newest})`,
      )
    }
    for (const { id, sql } of steps) if (id > current) await client.query(sql)
    if (current < newest) {
      await client.query(
        `INSERT INTO meta VALUES ('schema', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
        [String(newest)],
      )
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
